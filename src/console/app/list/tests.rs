//! The list's window, against replies and changes in every order.

use super::*;
use crate::domain::inspections::{InspectionState, InspectionSummary};
use crate::domain::list::SortValue;
use crate::domain::record::Kind;

const HEIGHT: usize = 10;

fn now() -> DateTime<Utc> {
    "2026-03-10T12:00:00Z".parse().unwrap()
}

fn at(id: i64) -> RecordId {
    RecordId::new(Kind::Inspection, id)
}

fn row(id: i64, place: i64) -> ListRow {
    ListRow {
        record: Record::Inspection(InspectionSummary {
            id,
            version: place,
            order_id: None,
            order_number: None,
            subject: String::new(),
            state: InspectionState::Pending,
            assignee: None,
            started_at: None,
            due_at: None,
            checks: 4,
            passed: 0,
            failed: 0,
            defect: None,
        }),
        key: SortKey {
            value: SortValue::Number(place),
            id: at(id),
        },
    }
}

fn window(ids: std::ops::Range<i64>, starts: bool, ends: bool) -> Window {
    Window {
        rows: ids.map(|id| row(id, id)).collect(),
        starts,
        ends,
    }
}

/// A list that was read: rows 0 to `count`, each at its own place.
fn list(count: i64, ends: bool) -> List {
    let mut list = List::new(Pane::Of(Kind::Inspection));
    assert_eq!(list.fetch(1), Some(Fetch::Window(Reach::Start)));
    assert!(list.window(1, window(0..count, true, ends), HEIGHT));
    list
}

fn ids(list: &List) -> Vec<i64> {
    list.rows.iter().map(|row| row.key.id.id).collect()
}

fn selected(list: &List) -> i64 {
    list.selected().unwrap().key.id.id
}

/// One row is told to have changed, and is read.
fn refresh(list: &mut List, id: i64, row: Option<ListRow>, matches: bool) {
    list.changed(at(id));
    assert_eq!(list.fetch(9), Some(Fetch::Rows(vec![at(id)])));
    let rows = vec![Refreshed {
        id: at(id),
        row,
        matches,
    }];
    assert!(list.refresh(9, rows, now(), HEIGHT));
}

#[test]
fn the_selection_stays_on_its_record_and_its_line() {
    let mut list = list(20, true);
    list.step(12);
    list.keep_visible(HEIGHT);
    let line = list.selected_index() - list.top;
    refresh(&mut list, 50, Some(row(50, -1)), true);
    refresh(&mut list, 2, Some(row(2, 99)), true);
    assert_eq!(selected(&list), 12);
    assert_eq!(list.selected_index() - list.top, line);
    refresh(&mut list, 12, Some(row(12, 0)), true);
    assert_eq!(selected(&list), 12);
    assert_eq!(ids(&list)[..4], [50, 0, 12, 1]);
}

#[test]
fn a_row_that_leaves_stays_while_it_is_selected() {
    let mut list = list(5, true);
    list.step(2);
    refresh(&mut list, 2, Some(row(2, 50)), false);
    assert_eq!(ids(&list), [0, 1, 2, 3, 4]);
    assert!(list.selected().unwrap().left);
    refresh(&mut list, 1, None, false);
    assert_eq!(ids(&list), [0, 2, 3, 4]);
    list.step(1);
    assert_eq!((selected(&list), ids(&list)), (3, vec![0, 3, 4]));
}

#[test]
fn a_deleted_row_loses_its_mark() {
    let mut list = list(5, true);
    list.toggle_mark();
    assert_eq!((list.marked(), selected(&list)), (1, 1));
    refresh(&mut list, 0, None, false);
    assert_eq!(list.marked(), 0);
    assert_eq!(selected(&list), 1);
}

#[test]
fn what_lies_beyond_the_window_is_left_out() {
    let mut list = list(200, false);
    refresh(&mut list, 900, Some(row(900, 900)), true);
    assert_eq!(list.rows.len(), 200);
    refresh(&mut list, 3, Some(row(3, 901)), true);
    assert_eq!(list.rows.len(), 199);
}

#[test]
fn the_window_follows_the_selection_and_stays_small() {
    let mut list = list(200, false);
    let mut end = 200;
    while end < 2000 {
        list.step(PAGE as isize);
        let Some(Fetch::Window(Reach::After(key))) = list.fetch(2) else {
            panic!("more is asked for near the end");
        };
        assert_eq!(key.id, at(end - 1));
        assert!(list.window(2, window(end..end + PAGE, false, false), HEIGHT));
        end += PAGE;
        assert!(list.rows.len() <= WINDOW + NEAR * 2, "{}", list.rows.len());
    }
    assert!(!list.starts);
    list.step(-5000);
    let first = ids(&list)[0];
    let Some(Fetch::Window(Reach::Before(key))) = list.fetch(3) else {
        panic!("more is asked for near the beginning");
    };
    assert_eq!(key.id, at(first));
    let before = selected(&list);
    assert!(list.window(3, window(first - PAGE..first, false, false), HEIGHT));
    assert_eq!(selected(&list), before);
}

#[test]
fn late_replies_are_dropped_and_changes_wait_for_the_reply() {
    let mut list = list(5, true);
    list.set_filter("x".into(), Filter::parse(Kind::Inspection, "x").unwrap());
    assert_eq!(list.fetch(2), Some(Fetch::Window(Reach::Around(at(0)))));
    list.set_filter("xy".into(), Filter::parse(Kind::Inspection, "xy").unwrap());
    assert_eq!(list.fetch(3), Some(Fetch::Window(Reach::Around(at(0)))));
    list.changed(at(4));
    assert_eq!(list.fetch(4), None);
    assert!(!list.window(2, window(0..1, true, true), HEIGHT));
    assert!(list.window(3, window(3..5, true, true), HEIGHT));
    assert_eq!(ids(&list), [3, 4]);
    assert_eq!(list.fetch(5), Some(Fetch::Rows(vec![at(4)])));
}

#[test]
fn a_flood_of_changes_is_one_reload_around_the_selection() {
    let mut list = list(5, true);
    list.step(2);
    for id in 0..=MANY as i64 {
        list.changed(at(id));
    }
    let place = list.selected().unwrap().key.clone();
    assert_eq!(list.fetch(2), Some(Fetch::Window(Reach::Keep(place))));
    assert!(list.window(2, window(3..5, true, true), HEIGHT));
    assert_eq!(ids(&list), [2, 3, 4]);
    assert!(list.selected().unwrap().left);
}

#[test]
fn a_resync_keeps_what_was_asked_for() {
    let mut list = list(5, true);
    list.sort_reverse();
    assert_eq!(list.fetch(2), Some(Fetch::Window(Reach::Around(at(0)))));
    list.resync();
    assert_eq!(list.fetch(3), Some(Fetch::Window(Reach::Around(at(0)))));
}

#[test]
fn what_failed_is_asked_again_when_it_is_time() {
    let mut list = list(5, true);
    list.changed(at(3));
    assert_eq!(list.fetch(2), Some(Fetch::Rows(vec![at(3)])));
    assert!(list.failed(2, "the line was cut"));
    assert_eq!(list.fetch(3), None);
    list.retry();
    assert_eq!(list.fetch(4), Some(Fetch::Rows(vec![at(3)])));
}

#[test]
fn a_range_grows_with_the_selection() {
    let mut list = list(9, true);
    list.step(3);
    list.toggle_range();
    list.step(-2);
    assert_eq!(list.marked(), 3);
    assert_eq!(list.targets().len(), 3);
    list.toggle_range();
    list.step(5);
    assert_eq!(list.marked(), 3);
    assert!(list.clear_marks());
    assert_eq!(list.targets().len(), 1);
}
