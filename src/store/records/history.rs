//! What was done to a record, as people are told it.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde_json::Value;
use sqlx::postgres::PgConnection;

use crate::domain::list::HistoryEntry;
use crate::domain::orders::Address;
use crate::domain::record::RecordId;
use crate::store::db::DbError;

/// Writes of one program that are this near are told as one.
const SAME_BREATH: TimeDelta = TimeDelta::seconds(1);

/// Rows of activity that are read to tell a record's history.
const HISTORY_ROWS: i64 = 400;

/// What was done to a record, newest first: one entry for each act, and one for each write that
/// was not an act. Times are told by the clock of `zone`, the shop's.
pub async fn history(
    connection: &mut PgConnection,
    record: RecordId,
    limit: usize,
    zone: Tz,
) -> Result<Vec<HistoryEntry>, DbError> {
    let rows = sqlx::query!(
        r#"select at, entity, operation, changes, act_id, verb, reason, source, who
           from activity where kind = $1 and record_id = $2
           order by at desc, id desc limit $3"#,
        record.kind.as_str(),
        record.id,
        HISTORY_ROWS,
    )
    .fetch_all(connection)
    .await?;
    let mut entries: Vec<HistoryEntry> = Vec::new();
    let mut last_act = None;
    for row in rows {
        // Whatever its login: nobody was at a keyboard.
        let who = match row.source.as_str() {
            "worker" => "worker".to_owned(),
            _ => row.who,
        };
        let phrases = phrases(&row.entity, &row.operation, &row.changes, zone);
        if let Some(entry) = entries.last_mut()
            && row.act_id == last_act
            && (row.act_id.is_some()
                || is_same_write(entry, &who, &row.source, row.reason.as_deref(), row.at))
        {
            // Newest first: what an act did first is found last.
            entry.changes.splice(0..0, phrases);
            entry.at = row.at;
            continue;
        }
        if entries.len() == limit {
            break;
        }
        last_act = row.act_id;
        entries.push(HistoryEntry {
            at: row.at,
            who,
            verb: row.verb,
            source: row.source,
            reason: row.reason,
            changes: phrases,
        });
    }
    Ok(entries)
}

/// Whether a write that is not an act belongs to what the entry tells of: the same person and
/// reason in the same breath.
fn is_same_write(
    entry: &HistoryEntry,
    who: &str,
    source: &str,
    reason: Option<&str>,
    at: DateTime<Utc>,
) -> bool {
    entry.who == who
        && entry.source == source
        && entry.reason.as_deref() == reason
        && entry.at - at < SAME_BREATH
}

/// Columns that follow from others: no news to a person.
const DERIVED: &[&str] = &[
    "id",
    "unallocated",
    "is_open",
    "again_at",
    "due_at",
    "processing_at",
    "confirmed_at",
    "last_event_at",
    "handed_over_at",
    "checked_by",
    "checked_at",
    "finished_at",
    "started_at",
    "resolved_at",
    "ship_date",
    "requested_at",
    "address_version",
    "channel_address",
    "outdated",
    "in_place_of",
    "told_address",
    "known_address",
    "printed_for",
    "address",
];

/// Parts of a record that other phrases tell of: a reservation is told by its line's counter.
const UNTOLD: &[&str] = &["clock_events", "reservations", "fulfilment_lines"];

/// What a row of activity says, in phrases such as `stage: confirmed → on hold`.
fn phrases(entity: &str, operation: &str, changes: &Value, zone: Tz) -> Vec<String> {
    if UNTOLD.contains(&entity) {
        return Vec::new();
    }
    match (operation, changes) {
        ("insert", Value::Object(fields)) => match fields.get("rows").and_then(Value::as_u64) {
            Some(rows) => vec![format!("{} added", parts(entity, rows))],
            None => vec!["created".to_owned()],
        },
        ("delete", Value::Array(rows)) => {
            vec![format!("{} removed", parts(entity, rows.len() as u64))]
        }
        (_, Value::Object(fields)) => fields
            .iter()
            .filter_map(|(name, change)| phrase(name, change, zone))
            .collect(),
        (_, Value::Array(rows)) => {
            let mut all = BTreeSet::new();
            for row in rows {
                if let Value::Object(fields) = row {
                    all.extend(
                        fields
                            .iter()
                            .filter_map(|(name, change)| phrase(name, change, zone)),
                    );
                }
            }
            all.into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// So many parts of a record, as people call them: `note`, `23 lines`. Tables are named after many
/// of what they hold.
fn parts(entity: &str, count: u64) -> String {
    let many = match entity {
        "order_lines" | "fulfilment_lines" | "shipment_lines" | "return_lines" => "lines",
        "order_notes" => "notes",
        "inspection_checks" => "checks",
        other => other,
    };
    match count {
        1 => many.strip_suffix('s').unwrap_or(many).replace('_', " "),
        _ => format!("{count} {}", many.replace('_', " ")),
    }
}

/// What became of a column; nothing where a person sees no difference.
fn phrase(name: &str, change: &Value, zone: Tz) -> Option<String> {
    if DERIVED.contains(&name) {
        return None;
    }
    let [old, new] = change.as_array()?.as_slice() else {
        return None;
    };
    let shown = |value: &Value| match value {
        Value::Null => "–".to_owned(),
        Value::String(text) if text.is_empty() => "–".to_owned(),
        Value::Object(_) if name.ends_with("_address") => {
            let address: Address = serde_json::from_value(value.clone()).unwrap_or_default();
            address.lines().join(", ")
        }
        Value::String(text) => match to_the_minute(text, zone) {
            Some(at) => at,
            None if WORDS.contains(&name) => text.replace('_', " "),
            None => text.clone(),
        },
        other => other.to_string(),
    };
    let (old, new) = (shown(old), shown(new));
    (old != new).then(|| format!("{}: {old} → {new}", name.replace('_', " ")))
}

/// Columns that hold a word of ours; what people wrote elsewhere stays as they wrote it.
const WORDS: &[&str] = &[
    "stage",
    "state",
    "status",
    "financial_status",
    "settled",
    "tracking_status",
    "result",
    "resolution",
    "severity",
    "priority",
    "kind",
];

/// An instant as a row of JSON holds it, to the minute and by the shop's clock.
fn to_the_minute(text: &str, zone: Tz) -> Option<String> {
    let at = DateTime::parse_from_rfc3339(text).ok()?;
    let local = at.with_timezone(&zone);
    Some(local.format("%Y-%m-%d %H:%M").to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn history_is_told_to_people() {
        let told =
            |entity, operation, changes| phrases(entity, operation, &changes, Tz::Europe__Berlin);
        let cases = [
            (
                "order_notes",
                "insert",
                json!({"rows": 1}),
                vec!["note added"],
            ),
            (
                "messages",
                "insert",
                json!({"rows": 1}),
                vec!["message added"],
            ),
            (
                "order_lines",
                "insert",
                json!({"rows": 23}),
                vec!["23 lines added"],
            ),
            ("clock_events", "insert", json!({"rows": 2}), vec![]),
            ("orders", "insert", json!({}), vec!["created"]),
            (
                "orders",
                "update",
                json!({
                    "stage": ["confirmed", "on_hold"],
                    "ship_by": [null, "2026-11-23T12:00:07.25+00:00"],
                    "due_at": [null, "2026-11-23T12:00:07.25+00:00"],
                    "deliver_by": ["2026-11-23T12:00:07+00:00", "2026-11-23T12:00:08+00:00"],
                    "email": [null, ""],
                    "note": [null, "see_below"],
                }),
                vec![
                    "note: – → see_below",
                    "ship by: – → 2026-11-23 13:00",
                    "stage: confirmed → on hold",
                ],
            ),
        ];
        for (entity, operation, changes, wanted) in cases {
            assert_eq!(told(entity, operation, changes), wanted, "{entity}");
        }
    }
}
