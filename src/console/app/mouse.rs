//! The mouse, for whoever asked for it: the wheel moves, a click selects, a second one opens.

use super::App;
use super::dialog::Dialog;
use super::msg::Effect;
use crate::console::input::{Command, Mouse, MouseKind};

/// Rows that a notch of the wheel moves.
const NOTCH: usize = 3;

impl App {
    pub(super) fn mouse(&mut self, mouse: Mouse, effects: &mut Vec<Effect>) {
        let Some(g) = self.geometry() else { return };
        let wheel = match mouse.kind {
            MouseKind::WheelUp => Some(Command::Up),
            MouseKind::WheelDown => Some(Command::Down),
            MouseKind::Click => None,
        };
        match (&self.dialog, wheel) {
            (None, Some(command)) => {
                for _ in 0..NOTCH {
                    self.command(command, effects);
                }
            }
            (Some(Dialog::Reading { .. }), Some(command)) => {
                for _ in 0..NOTCH {
                    if let Some(chord) = self.keymap.chords(command).first() {
                        self.key(*chord, effects);
                    }
                }
            }
            // What is being written or asked is answered by keys alone.
            (Some(_), _) => {}
            (None, None) if mouse.row == g.tabs.y => {
                if let Some(kind) = self.tab_at(mouse.column) {
                    self.go_to_pane(kind);
                }
            }
            (None, None) => {
                let inside = mouse.row > g.list.y
                    && mouse.row < g.list.bottom()
                    && mouse.column < g.list.right();
                if self.journey.page().is_none() && inside {
                    let list = self.list_here_mut();
                    let index = list.top + usize::from(mouse.row - g.list.y - 1);
                    if index == list.selected_index() {
                        self.command(Command::Open, effects);
                    } else if index < list.rows.len() {
                        let by = index as isize - list.selected_index() as isize;
                        list.step(by);
                    }
                }
            }
        }
    }
}
