//! Links to carriers' pages: wherever the code of a parcel that is spoken of stands.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::console::app::{App, Geometry};
use crate::console::terminal::Link;

/// Shorter codes may stand for something else.
const LEAST: usize = 6;

/// The links of what has been drawn.
pub(super) fn find(buffer: &Buffer, app: &App, g: &Geometry) -> Vec<Link> {
    let mut known: Vec<(String, String)> = app
        .parcels()
        .into_iter()
        .filter_map(|parcel| Some((parcel.tracking_code.clone()?, parcel.tracking_page()?)))
        .filter(|(code, _)| code.len() >= LEAST && code.bytes().all(|byte| byte.is_ascii_graphic()))
        .collect();
    known.sort();
    known.dedup();
    if known.is_empty() {
        return Vec::new();
    }
    let mut links = Vec::new();
    for y in g.body.top()..g.body.bottom() {
        // A byte a cell, so that a place in the text is a place on the screen.
        let row: String = (g.body.left()..g.body.right())
            .map(|x| match buffer[(x, y)].symbol().as_bytes() {
                [byte] => char::from(*byte),
                _ => '\u{1}',
            })
            .collect();
        for (code, url) in &known {
            for (at, _) in row.match_indices(code.as_str()) {
                let area = Rect::new(g.body.x + at as u16, y, code.len() as u16, 1);
                links.push(Link {
                    area,
                    url: url.clone(),
                });
            }
        }
    }
    links
}
