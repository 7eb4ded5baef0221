//! Marks and ranges of a list, and the records to act on.

use std::collections::BTreeSet;

use super::{List, Row};
use crate::domain::record::{Record, RecordId};

impl List {
    /// Marks the selected row, or takes its mark away.
    pub fn toggle_mark(&mut self) {
        if self.range.is_some() {
            self.toggle_range();
            return;
        }
        if let Some(row) = self.rows.get(self.selected) {
            if self.marks.remove(&row.key.id).is_none() {
                self.marks.insert(row.key.id, row.record.clone());
            }
            self.step(1);
        }
    }

    /// Begins a range at the selected row, or marks the one that was begun.
    pub fn toggle_range(&mut self) {
        if self.range.is_some() {
            let rows: Vec<_> = self.ranged().map(|row| row.record.clone()).collect();
            self.marks
                .extend(rows.into_iter().map(|record| (record.id(), record)));
            self.range = None;
        } else {
            self.range = self.selected().map(|row| row.key.id);
        }
    }

    /// Whether there are any marks, or a range is being marked.
    pub fn has_marks(&self) -> bool {
        self.range.is_some() || !self.marks.is_empty()
    }

    /// Drops range and marks; says whether there were any.
    pub fn clear_marks(&mut self) -> bool {
        let any = self.has_marks();
        self.range = None;
        self.marks.clear();
        any
    }

    /// Drops range and marks but for these records.
    pub fn keep_marks(&mut self, kept: &BTreeSet<RecordId>) {
        if self.range.is_some() {
            self.toggle_range();
        }
        self.marks.retain(|id, _| kept.contains(id));
    }

    /// Whether the row at an index is marked or within the range.
    pub fn is_marked(&self, index: usize) -> bool {
        self.rows.get(index).is_some_and(|row| {
            self.marks.contains_key(&row.key.id)
                || self
                    .range_bounds()
                    .is_some_and(|(a, b)| (a..=b).contains(&index))
        })
    }

    /// How many rows are marked or within the range.
    pub fn marked(&self) -> usize {
        let also = self
            .ranged()
            .filter(|row| !self.marks.contains_key(&row.key.id));
        self.marks.len() + also.count()
    }

    /// The records to act on: those marked, or else the selected one.
    pub fn targets(&self) -> Vec<&Record> {
        let mut ids = BTreeSet::new();
        let mut targets = Vec::new();
        let ranged = self.ranged().map(|row| &row.record);
        for record in self.marks.values().chain(ranged) {
            if ids.insert(record.id()) {
                targets.push(record);
            }
        }
        if targets.is_empty() {
            targets.extend(self.selected().map(|row| &row.record));
        }
        targets
    }

    fn range_bounds(&self) -> Option<(usize, usize)> {
        let from = self.range?;
        let at = self.rows.iter().position(|row| row.key.id == from)?;
        Some((at.min(self.selected), at.max(self.selected)))
    }

    fn ranged(&self) -> impl Iterator<Item = &Row> {
        let bounds = self.range_bounds();
        self.rows
            .iter()
            .enumerate()
            .filter(move |(index, _)| bounds.is_some_and(|(a, b)| (a..=b).contains(index)))
            .map(|(_, row)| row)
    }
}
