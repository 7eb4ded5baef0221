//! Samples and tables.

use std::time::Duration;

/// Durations of the same thing.
#[derive(Debug, Default)]
pub(crate) struct Samples(Vec<Duration>);

impl Samples {
    /// Adds one.
    pub(crate) fn push(&mut self, sample: Duration) {
        self.0.push(sample);
    }

    /// The duration that this share of the samples does not exceed.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        let index = (last as f64 * share).round() as usize;
        sorted.get(index).copied().unwrap_or_default()
    }

    /// The median.
    pub(crate) fn median(&self) -> Duration {
        self.quantile(0.5)
    }

    /// `median · p99`, in milliseconds.
    pub(crate) fn told(&self) -> [String; 2] {
        [
            milliseconds(self.median()),
            milliseconds(self.quantile(0.99)),
        ]
    }

    /// How many times as long as another.
    pub(crate) fn against(&self, other: &Self) -> String {
        ratio(self.median().as_secs_f64() / other.median().as_secs_f64())
    }
}

/// A duration in milliseconds, to the microsecond below one.
pub(crate) fn milliseconds(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1000.0;
    if ms < 10.0 {
        format!("{ms:.2} ms")
    } else {
        format!("{ms:.0} ms")
    }
}

/// A ratio.
pub(crate) fn ratio(value: f64) -> String {
    format!("× {value:.2}")
}

/// Prints a Markdown table under a title.
pub(crate) fn table<const N: usize>(
    title: &str,
    setting: &str,
    head: [&str; N],
    rows: &[[String; N]],
) {
    println!("\n## {title}\n\n{setting}\n");
    println!("| {} |", head.join(" | "));
    println!("|{}", " --- |".repeat(N));
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
}
