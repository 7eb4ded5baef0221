//! Where things are in a window: one answer for the state, which scrolls, and the view, which
//! draws.

use ratatui::layout::Rect;

use super::App;

/// From so many columns on, the detail stands beside the list.
const BESIDE: u16 = 120;
/// Below this, nothing useful fits.
const SMALLEST: (u16, u16) = (40, 12);

/// The parts of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Shop, person, connection.
    pub header: Rect,
    /// The panes.
    pub tabs: Rect,
    /// The rule under the tabs, which says what the body shows.
    pub title: Rect,
    /// List and detail, or a page.
    pub body: Rect,
    /// The list with its column titles.
    pub list: Rect,
    /// The rule between list and detail.
    pub divider: Rect,
    /// The detail of the selected row.
    pub detail: Rect,
    /// The rule over the footer, where the last message stands.
    pub rule: Rect,
    /// The keys.
    pub footer: Rect,
}

impl Geometry {
    /// The parts of a window; none if it is too small.
    pub fn of(columns: u16, rows: u16) -> Option<Self> {
        if columns < SMALLEST.0 || rows < SMALLEST.1 {
            return None;
        }
        let line = |y| Rect::new(0, y, columns, 1);
        let body = Rect::new(0, 3, columns, rows - 5);
        let (list, divider, detail) = if columns >= BESIDE {
            let wide = (columns * 58 / 100).max(78);
            (
                Rect {
                    width: wide,
                    ..body
                },
                Rect {
                    x: wide,
                    width: 1,
                    ..body
                },
                Rect {
                    x: wide + 1,
                    width: columns - wide - 1,
                    ..body
                },
            )
        } else {
            let high = (body.height / 3).max(4);
            let above = body.height - high - 1;
            (
                Rect {
                    height: above,
                    ..body
                },
                Rect {
                    y: body.y + above,
                    height: 1,
                    ..body
                },
                Rect {
                    y: body.y + above + 1,
                    height: high,
                    ..body
                },
            )
        };
        Some(Self {
            header: line(0),
            tabs: line(1),
            title: line(2),
            body,
            list,
            divider,
            detail,
            rule: line(rows - 2),
            footer: line(rows - 1),
        })
    }

    /// Whether the detail stands beside the list.
    pub const fn is_beside(&self) -> bool {
        self.divider.width == 1
    }

    /// Rows of the list on the screen.
    pub const fn list_rows(&self) -> usize {
        self.list.height.saturating_sub(1) as usize
    }

    /// Lines of a page on the screen.
    pub const fn page_rows(&self) -> usize {
        self.body.height as usize
    }

    /// Columns of a page's text: two of the margin are the cursor's.
    pub const fn page_columns(&self) -> usize {
        self.body.width.saturating_sub(3) as usize
    }
}

impl App {
    /// Where things are in the window; none if it is too small.
    pub fn geometry(&self) -> Option<Geometry> {
        Geometry::of(self.size.0, self.size.1)
    }

    /// Keeps what is scrolled within the window.
    pub(super) fn clamp(&mut self) {
        let Some(g) = self.geometry() else { return };
        for list in &mut self.lists {
            list.keep_visible(g.list_rows());
        }
        let lines = self.page_lines(g.page_columns());
        if let Some(page) = self.journey.page_mut() {
            page.clamp(&lines, g.page_rows());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_window_is_used_once() {
        for (columns, rows) in [(80, 24), (140, 40), (40, 12), (119, 30), (120, 30)] {
            let g = Geometry::of(columns, rows).unwrap();
            assert_eq!(g.body.bottom(), g.rule.y);
            assert_eq!(g.footer.bottom(), rows);
            assert_eq!(
                g.list.area() + g.divider.area() + g.detail.area(),
                g.body.area()
            );
            assert!(!g.list.intersects(g.detail));
        }
        assert_eq!(Geometry::of(39, 24), None);
    }
}
