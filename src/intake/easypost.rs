//! EasyPost `tracker.updated` events (<https://docs.easypost.com/docs/trackers>): one event, an
//! array of events, or one event a line.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};

use chrono::DateTime;
use serde::Deserialize;
use serde_json::Value;

use super::{Fault, LONGEST_NUMBER, Rejection};
use crate::domain::incoming::{TrackerEvent, TrackingDetail};
use crate::domain::tracking::TrackingStatus;

/// The longest event or array, in bytes. EasyPost's own are a few kilobytes.
const LONGEST: u64 = 16 << 20;

/// The longest carrier's sentence, in bytes: what an index of the database holds, with room to spare.
const LONGEST_MESSAGE: usize = 2000;

#[derive(Deserialize)]
struct RawEvent {
    id: String,
    description: String,
    created_at: String,
    result: RawTracker,
}

#[derive(Deserialize)]
struct RawTracker {
    tracking_code: String,
    status: Option<String>,
    carrier: Option<String>,
    est_delivery_date: Option<String>,
    #[serde(default)]
    tracking_details: Option<Vec<RawDetail>>,
}

#[derive(Deserialize)]
struct RawDetail {
    status: Option<String>,
    message: Option<String>,
    datetime: String,
    tracking_location: Option<RawLocation>,
}

#[derive(Deserialize)]
struct RawLocation {
    city: Option<String>,
    state: Option<String>,
    zip: Option<String>,
    country: Option<String>,
}

/// Reads events, a line at a time; an event or array may span lines.
pub struct TrackerEvents<R> {
    source: BufReader<R>,
    file: String,
    line: u64,
    /// Lines that were read behind one that turned out to be cut off.
    ahead: VecDeque<Vec<u8>>,
    /// Whether the lines that follow may be the inside of a value that was rejected.
    broken: bool,
    /// Events of an array that are not yet handed out, last first.
    pending: Vec<Value>,
    /// The line where what is pending starts.
    pending_line: u64,
    done: bool,
}

impl<R: Read> TrackerEvents<R> {
    /// Starts reading. `file` is the name for rejections.
    pub fn open(source: R, file: &str) -> Self {
        Self {
            source: BufReader::new(source),
            file: file.to_owned(),
            line: 0,
            ahead: VecDeque::new(),
            broken: false,
            pending: Vec::new(),
            pending_line: 0,
            done: false,
        }
    }

    /// The next JSON value. A value that is not complete at the end of its line goes on over the
    /// next lines; a line that is no JSON, or the beginning of none, is rejected alone.
    fn value(&mut self) -> Option<Result<Value, Fault>> {
        let mut text = Vec::new();
        let (mut start, mut first) = (0, 0);
        loop {
            match self.read_line(&mut text) {
                Err(error) => {
                    self.done = true;
                    return Some(Err(Fault::Unreadable {
                        file: self.file.clone(),
                        error,
                    }));
                }
                Ok(0) if text.len() as u64 >= LONGEST => {
                    self.done = true;
                    let reason = "expected an event under 16 MiB.";
                    return Some(Err(super::stopped(&self.file, start, reason)));
                }
                Ok(0) if text.is_empty() => {
                    self.done = true;
                    return None;
                }
                Ok(0) => {
                    let reason = "the file ends in the middle of this event";
                    return Some(Err(self.cut(start, text, first, reason.to_owned())));
                }
                Ok(_) => self.line += 1,
            }
            let json = text
                .strip_prefix(b"\xEF\xBB\xBF")
                .unwrap_or(&text)
                .trim_ascii();
            if json.is_empty() {
                text.clear();
                continue;
            }
            if self.broken && is_inside(&text) {
                text.clear();
                continue;
            }
            self.broken = false;
            if start == 0 {
                (start, first) = (self.line, text.len());
            }
            match serde_json::from_slice(json) {
                Ok(value) => {
                    self.pending_line = start;
                    return Some(Ok(value));
                }
                Err(error) if error.is_eof() => {}
                Err(error) => {
                    let reason = format!("expected JSON: {error}");
                    return Some(Err(self.cut(start, text, first, reason)));
                }
            }
        }
    }

    /// Adds the next line to a text and answers with its length: 0 at the end, and where the text is
    /// as long as it may be.
    fn read_line(&mut self, text: &mut Vec<u8>) -> io::Result<usize> {
        if let Some(mut line) = self.ahead.pop_front() {
            let length = line.len();
            text.append(&mut line);
            return Ok(length);
        }
        let room = LONGEST.saturating_sub(text.len() as u64);
        self.source.by_ref().take(room).read_until(b'\n', text)
    }

    /// Rejects the first line of a text that is no value. Reading goes on at the next line that may
    /// be the start of another one.
    fn cut(&mut self, start: u64, mut text: Vec<u8>, first: usize, reason: String) -> Fault {
        let behind = text.split_off(first);
        for line in behind.split_inclusive(|byte| *byte == b'\n').rev() {
            self.line -= 1;
            self.ahead.push_front(line.to_vec());
        }
        self.broken = true;
        self.reject(start, "", &text, reason)
    }

    fn reject(&self, line: u64, field: &str, value: &[u8], reason: String) -> Fault {
        let value = String::from_utf8_lossy(value);
        Rejection::new(&self.file, line, field, value.trim_end(), reason).into()
    }

    fn event(&self, value: Value) -> Result<TrackerEvent, Fault> {
        let line = self.pending_line;
        let fault = |field: &str, value: &str, reason: String| {
            self.reject(line, field, value.as_bytes(), reason)
        };
        let id = value
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let raw: RawEvent = serde_json::from_value(value)
            .map_err(|error| fault("id", &id, format!("expected a tracker event: {error}")))?;
        if !matches!(
            raw.description.as_str(),
            "tracker.updated" | "tracker.created"
        ) {
            let reason = "expected tracker.updated or tracker.created".to_owned();
            return Err(fault("description", &raw.description, reason));
        }
        let time = |field: &str, text: &str| {
            DateTime::parse_from_rfc3339(text)
                .map(|time| time.to_utc())
                .map_err(|_| fault(field, text, "expected a time of RFC 3339".to_owned()))
        };
        let tracker = raw.result;
        if raw.id.is_empty() || tracker.tracking_code.is_empty() {
            let field = if raw.id.is_empty() {
                "id"
            } else {
                "result.tracking_code"
            };
            return Err(fault(field, "", "expected a value, found none".to_owned()));
        }
        let named = [
            ("id", &raw.id),
            ("result.tracking_code", &tracker.tracking_code),
        ];
        for (field, name) in named {
            if name.chars().nth(LONGEST_NUMBER).is_some() {
                let reason = format!("expected at most {LONGEST_NUMBER} characters");
                return Err(fault(field, name, reason));
            }
        }
        let details = tracker
            .tracking_details
            .unwrap_or_default()
            .into_iter()
            .map(|detail| {
                let raw_status = text(detail.status);
                let message = text(detail.message);
                if message.len() > LONGEST_MESSAGE {
                    let field = "result.tracking_details.message";
                    let reason = format!("expected at most {LONGEST_MESSAGE} bytes");
                    return Err(fault(field, &message, reason));
                }
                Ok(TrackingDetail {
                    status: TrackingStatus::of_word(&raw_status),
                    raw_status,
                    message,
                    happened_at: time("result.tracking_details.datetime", &detail.datetime)?,
                    location: detail.tracking_location.and_then(location),
                })
            });
        let raw_status = text(tracker.status);
        Ok(TrackerEvent {
            line,
            id: text(Some(raw.id)),
            tracking_code: text(Some(tracker.tracking_code)),
            carrier: tracker.carrier.map(|carrier| text(Some(carrier))),
            status: TrackingStatus::of_word(&raw_status),
            raw_status,
            created_at: time("created_at", &raw.created_at)?,
            estimated_delivery: match tracker.est_delivery_date {
                Some(date) => Some(time("result.est_delivery_date", &date)?),
                None => None,
            },
            details: details.collect::<Result<_, Fault>>()?,
        })
    }
}

impl<R: Read> Iterator for TrackerEvents<R> {
    type Item = Result<TrackerEvent, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(value) = self.pending.pop() {
                return Some(self.event(value));
            }
            if self.done {
                return None;
            }
            match self.value()? {
                Ok(Value::Array(values)) => self.pending.extend(values.into_iter().rev()),
                Ok(value) => self.pending.push(value),
                Err(fault) => return Some(Err(fault)),
            }
        }
    }
}

/// Whether a line goes on with a value that was printed over several lines, and is no value itself.
fn is_inside(line: &[u8]) -> bool {
    let json = line.trim_ascii();
    let whole = json.starts_with(b"{") && json.ends_with(b"}");
    !whole && line.first().is_some_and(|byte| b" \t}]".contains(byte))
}

/// The text, empty for none, without the NUL that JSON can hold and the database cannot.
fn text(text: Option<String>) -> String {
    text.unwrap_or_default().replace('\0', "\u{FFFD}")
}

fn location(raw: RawLocation) -> Option<String> {
    let parts: Vec<_> = [raw.city, raw.state, raw.zip, raw.country]
        .into_iter()
        .map(text)
        .filter(|part| !part.trim().is_empty())
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"id":"evt_1","description":"tracker.updated","created_at":"2026-01-31T12:00:00Z","result":{"tracking_code":"TC1","status":"in_transit","carrier":"DHL","est_delivery_date":"2026-02-02T00:00:00Z","tracking_details":[{"status":"pre_transit","message":"Label","datetime":"2026-01-30T08:00:00Z","tracking_location":{"city":null,"country":"DE"}},{"status":"teleported","message":null,"datetime":"2026-01-31T11:00:00+01:00","tracking_location":{"city":"Bonn","state":"","country":"DE"}}]}}"#;

    fn read(text: &str) -> Vec<Result<TrackerEvent, Fault>> {
        TrackerEvents::open(text.as_bytes(), "t.jsonl").collect()
    }

    #[test]
    fn an_event_keeps_its_history_and_the_words_it_came_with() {
        let event = read(EVENT).remove(0).unwrap();
        assert_eq!(
            (event.line, &*event.id, &*event.tracking_code),
            (1, "evt_1", "TC1")
        );
        assert_eq!(event.status, TrackingStatus::InTransit);
        let detail = &event.details[1];
        assert_eq!(
            (detail.status, &*detail.raw_status),
            (TrackingStatus::Unknown, "teleported")
        );
        assert_eq!(detail.happened_at.to_rfc3339(), "2026-01-31T10:00:00+00:00");
        assert_eq!(detail.location.as_deref(), Some("Bonn, DE"));
    }

    #[test]
    fn lines_arrays_and_pretty_printing_read_the_same() {
        let second = EVENT.replace("evt_1", "evt_2");
        let pretty = serde_json::to_string_pretty(&serde_json::from_str::<Value>(EVENT).unwrap());
        for text in [
            format!("{EVENT}\r\n\r\n{second}\r\n"),
            format!("\u{feff}[{EVENT},\n{second}]"),
            format!("{}\n{second}", pretty.unwrap()),
        ] {
            let ids: Vec<_> = read(&text)
                .into_iter()
                .map(|event| event.unwrap().id)
                .collect();
            assert_eq!(ids, ["evt_1", "evt_2"], "{text}");
        }
    }

    #[test]
    fn a_line_that_was_cut_off_takes_no_other_with_it() {
        let pretty = serde_json::from_str::<Value>(EVENT).unwrap();
        let pretty = serde_json::to_string_pretty(&pretty).unwrap();
        let broken = pretty.replace("\"result\":", "\"result\"");
        for cut in [
            "{\"id\":",
            "{\"id\":\"evt",
            "[",
            "{\"a\":[{\"b\":1},",
            &broken,
        ] {
            for events in 1..4 {
                let text = format!("{EVENT}\n{cut}\n{}", format!("{EVENT}\n").repeat(events));
                let results = read(&text);
                let lines: Vec<_> = results.iter().flatten().map(|event| event.line).collect();
                let after = 1 + cut.lines().count() as u64;
                let expected: Vec<_> = std::iter::once(1)
                    .chain((1..=events as u64).map(|line| after + line))
                    .collect();
                assert_eq!((lines, results.len()), (expected, events + 2), "{text}");
                let Err(Fault::Rejected(rejection)) = &results[1] else {
                    panic!("{text}")
                };
                assert_eq!(rejection.line, 2, "{text}");
            }
        }
    }

    #[test]
    fn a_bad_line_is_named_and_the_next_is_read() {
        let other = EVENT.replace("tracker.updated", "batch.created");
        let late = EVENT.replace("2026-01-31T12:00:00Z", "yesterday");
        let long = EVENT.replace("evt_1", &"e".repeat(101));
        let text =
            format!("{{oops}}\n{other}\n{late}\n{{\"id\":\"evt_9\"}}\n{EVENT}\n{long}\n{{\"id\":");
        let results = read(&text);
        let faults: Vec<_> = results
            .iter()
            .filter_map(|result| match result {
                Err(Fault::Rejected(fault)) => Some((fault.line, fault.field.as_str())),
                _ => None,
            })
            .collect();
        assert_eq!(
            faults,
            [
                (1, ""),
                (2, "description"),
                (3, "created_at"),
                (4, "id"),
                (6, "id"),
                (7, "")
            ]
        );
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    }
}
