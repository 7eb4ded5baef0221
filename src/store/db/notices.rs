//! Hearing the warning that a COMMIT may bring.
//!
//! When the wait for a synchronous standby is cut short, COMMIT succeeds with a warning only:
//! the transaction "has already committed locally, but might not have been replicated". The
//! driver hands notices to `tracing` and nowhere else, so that is where they are heard, for the
//! time of this one statement.

use std::cell::Cell;
use std::sync::LazyLock;

use tracing::instrument::WithSubscriber;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};

/// The target under which sqlx 0.9 reports what the server says beside its answers.
const TARGET: &str = "sqlx::postgres::notice";

tokio::task_local! {
    static WARNED: Cell<bool>;
}

/// One for the program: making a dispatcher makes `tracing` visit every call site again.
static LISTENER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Listener));

/// Runs `statement` and says whether the server warned during it.
pub(super) async fn heard<T>(statement: impl Future<Output = T>) -> (T, bool) {
    let listening = async {
        let answer = statement.with_subscriber(LISTENER.clone()).await;
        (answer, WARNED.with(Cell::get))
    };
    WARNED.scope(Cell::new(false), listening).await
}

struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == TARGET && *metadata.level() <= Level::WARN
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::WARN)
    }

    fn event(&self, event: &Event<'_>) {
        if self.enabled(event.metadata()) {
            // Outside of a commit there is nobody to tell.
            let _ = WARNED.try_with(|warned| warned.set(true));
        }
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
