//! Pages of text: what a record's page, the help and the messages say, before colours.
//!
//! Everything that enters a document is made plain here, so that no page can forget it.

use unicode_segmentation::UnicodeSegmentation;

use crate::domain::record::RecordId;
use crate::domain::text;

/// What a piece of text is, for the theme to colour. The words themselves must say it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Ordinary.
    #[default]
    Plain,
    /// Less important than its neighbours: labels, times.
    Muted,
    /// More important than its neighbours.
    Strong,
    /// As it should be.
    Good,
    /// Soon a problem.
    Warn,
    /// A problem.
    Bad,
    /// Leads to another record.
    Link,
    /// Begins a section.
    Heading,
}

/// A piece of plain text in one tone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The text; one line, nothing in it but what can be read.
    pub text: String,
    /// What it is.
    pub tone: Tone,
}

impl Span {
    /// A piece of text, made plain.
    pub fn new(text: impl AsRef<str>, tone: Tone) -> Self {
        Self {
            text: text::plain(text.as_ref()).into_owned(),
            tone,
        }
    }

    /// How many columns it takes.
    pub fn width(&self) -> usize {
        text::width(&self.text)
    }
}

/// A piece of ordinary text.
pub fn plain(text: impl AsRef<str>) -> Span {
    Span::new(text, Tone::Plain)
}

/// A piece of text that steps back.
pub fn muted(text: impl AsRef<str>) -> Span {
    Span::new(text, Tone::Muted)
}

/// A piece of text that stands out.
pub fn strong(text: impl AsRef<str>) -> Span {
    Span::new(text, Tone::Strong)
}

/// A piece of text that warns.
pub fn bad(text: impl AsRef<str>) -> Span {
    Span::new(text, Tone::Bad)
}

/// The name of a record that can be followed.
pub(super) fn link(text: impl AsRef<str>) -> Span {
    Span::new(text, Tone::Link)
}

/// One line, laid out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    /// Its pieces, left to right.
    pub spans: Vec<Span>,
    /// The record that it leads to.
    pub link: Option<RecordId>,
    /// Whether the cursor stops here; it passes over headings and gaps.
    pub stop: bool,
}

/// A cell of a table within a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    span: Span,
    right: bool,
}

impl From<Span> for Cell {
    fn from(span: Span) -> Self {
        Self { span, right: false }
    }
}

/// A number or a time: aligned at its right.
pub(super) fn right(span: Span) -> Cell {
    Cell { span, right: true }
}

/// A row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its cells.
    pub cells: Vec<Cell>,
    /// The record that it leads to.
    pub link: Option<RecordId>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Block {
    Gap,
    Heading(Span, Vec<Span>),
    /// Wrapped between words; continued lines are indented by as many columns.
    Flow {
        spans: Vec<Span>,
        indent: usize,
        link: Option<RecordId>,
    },
    /// Columns as wide as their widest cell; the one of this index gives way.
    Table {
        rows: Vec<Row>,
        flex: usize,
        wraps: bool,
    },
}

/// A page of text that fits itself to a width.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    blocks: Vec<Block>,
    /// The block with which that begins which an answer is to.
    answered: usize,
}

/// Columns of a fact's label.
const LABEL: usize = 11;

impl Document {
    /// What comes next is what an answer would be to.
    pub(super) const fn answer_here(&mut self) {
        self.answered = self.blocks.len();
    }

    /// The line, at a width, with which that begins; the first where there is nothing to answer.
    pub(super) fn answered(&self, width: usize) -> usize {
        laid_out(&self.blocks[..self.answered], width).len()
    }

    /// Begins a section.
    pub fn heading(&mut self, title: &str) {
        self.heading_with(title, vec![]);
    }

    /// Begins a section, with something to say beside its title.
    pub fn heading_with(&mut self, title: &str, beside: Vec<Span>) {
        if !self.blocks.is_empty() {
            self.blocks.push(Block::Gap);
        }
        self.blocks
            .push(Block::Heading(Span::new(title, Tone::Heading), beside));
    }

    /// An empty line.
    pub fn gap(&mut self) {
        self.blocks.push(Block::Gap);
    }

    /// A paragraph.
    pub fn flow(&mut self, spans: Vec<Span>) {
        self.blocks.push(Block::Flow {
            spans,
            indent: 0,
            link: None,
        });
    }

    /// A paragraph that leads to a record.
    pub fn flow_to(&mut self, link: RecordId, spans: Vec<Span>) {
        self.blocks.push(Block::Flow {
            spans,
            indent: 0,
            link: Some(link),
        });
    }

    /// A labelled fact.
    pub fn fact(&mut self, label: &str, spans: Vec<Span>) {
        self.labelled(label, spans, None);
    }

    /// A labelled fact that leads to a record.
    pub fn fact_to(&mut self, link: RecordId, label: &str, spans: Vec<Span>) {
        self.labelled(label, spans, Some(link));
    }

    fn labelled(&mut self, label: &str, mut spans: Vec<Span>, link: Option<RecordId>) {
        spans.insert(0, muted(format!("{label:<LABEL$}")));
        self.blocks.push(Block::Flow {
            spans,
            indent: LABEL,
            link,
        });
    }

    /// Text of several lines, as somebody wrote it, moved in by two columns.
    pub fn text(&mut self, body: &str) {
        for line in text::plain_lines(body) {
            let spans = vec![plain("  "), plain(line)];
            self.blocks.push(Block::Flow {
                spans,
                indent: 2,
                link: None,
            });
        }
    }

    /// A table whose column `flex` gives way where the width is short.
    pub fn table(&mut self, flex: usize, rows: Vec<Row>) {
        if !rows.is_empty() {
            self.blocks.push(Block::Table {
                rows,
                flex,
                wraps: false,
            });
        }
    }

    /// A table whose column `flex` is wrapped between words where the width is short.
    pub fn wrapped_table(&mut self, flex: usize, rows: Vec<Row>) {
        if !rows.is_empty() {
            self.blocks.push(Block::Table {
                rows,
                flex,
                wraps: true,
            });
        }
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// The lines that it takes at a width.
    pub fn lines(&self, width: usize) -> Vec<Line> {
        laid_out(&self.blocks, width)
    }
}

fn laid_out(blocks: &[Block], width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for block in blocks {
        match block {
            Block::Gap => lines.push(Line::default()),
            Block::Heading(title, beside) => {
                let mut spans = vec![title.clone()];
                spans.extend(beside.iter().cloned());
                lines.push(Line {
                    spans: cut(spans, width),
                    link: None,
                    stop: false,
                });
            }
            Block::Flow {
                spans,
                indent,
                link,
            } => {
                lines.extend(wrap(spans, *indent, width).into_iter().map(|spans| Line {
                    stop: spans.iter().any(|span| !span.text.trim().is_empty()),
                    link: *link,
                    spans,
                }));
            }
            Block::Table { rows, flex, wraps } => {
                lines.extend(table(rows, *flex, *wraps, width));
            }
        }
    }
    lines
}

/// Pieces cut to a width.
pub fn cut(spans: Vec<Span>, width: usize) -> Vec<Span> {
    let mut left = width;
    let mut kept = Vec::with_capacity(spans.len());
    for mut span in spans {
        if left == 0 {
            break;
        }
        let columns = span.width();
        if columns > left {
            span.text = text::fit(&span.text, left).into_owned();
            left = 0;
        } else {
            left -= columns;
        }
        kept.push(span);
    }
    kept
}

fn wrap(spans: &[Span], indent: usize, width: usize) -> Vec<Vec<Span>> {
    let indent = indent.min(width / 2);
    let mut lines = vec![Vec::<Span>::new()];
    let mut column = 0;
    for span in spans {
        for word in span.text.split_inclusive(' ') {
            let columns = text::width(word.trim_end());
            if column + columns > width && column > indent {
                lines.push(if indent > 0 {
                    vec![muted(" ".repeat(indent))]
                } else {
                    vec![]
                });
                column = indent;
            }
            for piece in pieces(word, width.saturating_sub(indent).max(1)) {
                let columns = text::width(piece.trim_end());
                if column + columns > width && column > indent {
                    lines.push(vec![muted(" ".repeat(indent))]);
                    column = indent;
                }
                column += text::width(piece);
                if let Some(line) = lines.last_mut() {
                    match line.last_mut() {
                        Some(last) if last.tone == span.tone => last.text.push_str(piece),
                        _ => line.push(Span {
                            text: piece.to_owned(),
                            tone: span.tone,
                        }),
                    }
                }
            }
        }
    }
    // A space at a line's end can reach past the width.
    lines.into_iter().map(|line| cut_end(line, width)).collect()
}

/// A word in pieces that each fit a line; nearly always one.
fn pieces(word: &str, width: usize) -> Vec<&str> {
    if text::width(word.trim_end()) <= width {
        return vec![word];
    }
    let (mut pieces, mut start, mut columns) = (vec![], 0, 0);
    for (at, grapheme) in word.grapheme_indices(true) {
        let wide = text::width(grapheme);
        if columns + wide > width {
            pieces.push(&word[start..at]);
            (start, columns) = (at, 0);
        }
        columns += wide;
    }
    pieces.push(&word[start..]);
    pieces
}

fn cut_end(mut line: Vec<Span>, width: usize) -> Vec<Span> {
    if line.iter().map(Span::width).sum::<usize>() > width
        && let Some(last) = line.last_mut()
    {
        last.text.truncate(last.text.trim_end().len());
    }
    line
}

fn table(rows: &[Row], flex: usize, wraps: bool, width: usize) -> Vec<Line> {
    let columns = rows.iter().map(|row| row.cells.len()).max().unwrap_or(0);
    let mut widths = vec![0; columns];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(&row.cells) {
            *width = cell.span.width().max(*width);
        }
    }
    // Two columns of margin, and two between columns; an empty column takes none.
    let gaps = 2 * widths.iter().filter(|width| **width > 0).count();
    let taken: usize = widths.iter().sum::<usize>() + gaps;
    if let Some(wide) = widths.get_mut(flex) {
        *wide = wide
            .saturating_sub(taken.saturating_sub(width))
            .max((*wide).min(6));
    }
    rows.iter()
        .flat_map(|row| {
            // The lines of the wrapped cell; the other cells stand in its first.
            let wrapped = match row.cells.get(flex) {
                Some(cell) if wraps && cell.span.width() > widths[flex] => {
                    wrap(std::slice::from_ref(&cell.span), 0, widths[flex])
                }
                _ => vec![vec![]],
            };
            wrapped.into_iter().enumerate().map(|(index, part)| Line {
                spans: cut(table_line(row, &widths, flex, index, &part), width),
                link: row.link,
                stop: true,
            })
        })
        .collect()
}

/// A line of a row; `part` is what its wrapped cell says in it, if it has one.
fn table_line(row: &Row, widths: &[usize], flex: usize, index: usize, part: &[Span]) -> Vec<Span> {
    let mut spans = vec![];
    let cells = row.cells.iter().zip(widths).enumerate();
    for (column, (cell, width)) in cells.filter(|(_, (_, width))| **width > 0) {
        spans.push(plain("  "));
        let text = match part {
            [part, ..] if column == flex => part.text.trim_end(),
            _ if index > 0 => "",
            _ => &cell.span.text,
        };
        let text = text::fit(text, *width);
        let pad = " ".repeat(width.saturating_sub(text::width(&text)));
        let text = Span {
            text: text.into_owned(),
            tone: cell.span.tone,
        };
        // Apart from the text: what is underlined ends with it.
        if cell.right {
            spans.extend([plain(pad), text]);
        } else {
            spans.extend([text, plain(pad)]);
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(document: &Document, width: usize) -> Vec<String> {
        document
            .lines(width)
            .iter()
            .map(|line| line.spans.iter().map(|span| span.text.as_str()).collect())
            .collect()
    }

    #[test]
    fn facts_wrap_under_themselves() {
        let mut document = Document::default();
        document.fact(
            "customer",
            vec![plain("Ines Duarte, "), strong("Rua da Rosa 12")],
        );
        assert_eq!(
            shown(&document, 26),
            ["customer   Ines Duarte, ", "           Rua da Rosa 12"]
        );
    }

    #[test]
    fn a_table_keeps_its_columns_and_cuts_the_flexible_one() {
        let row = |sku: &str, title: &str, units: &str| Row {
            cells: vec![plain(sku).into(), plain(title).into(), right(plain(units))],
            link: None,
        };
        let mut document = Document::default();
        document.table(
            1,
            vec![
                row("85123A", "White hanging heart", "6"),
                row("7", "山田", "12"),
            ],
        );
        assert_eq!(
            shown(&document, 26),
            ["  85123A  White hangi…   6", "  7       山田          12"]
        );
    }

    #[test]
    fn a_wrapped_table_says_all() {
        let mut document = Document::default();
        let cells = |who: &str, what: &str| vec![plain(who).into(), plain(what).into()];
        let rows = [cells("bo", "address unclear"), cells("ana", "held")];
        let row = |cells| Row { cells, link: None };
        document.wrapped_table(1, rows.into_iter().map(row).collect());
        assert_eq!(
            shown(&document, 16),
            ["  bo   address  ", "       unclear  ", "  ana  held     "]
        );
    }

    #[test]
    fn what_others_wrote_cannot_act() {
        let mut document = Document::default();
        document.text("\x1b[2Jone\ntwo\u{202e}");
        assert_eq!(shown(&document, 40), ["  ␛[2Jone", "  two�"]);
    }

    proptest! {
        #[test]
        fn no_line_outgrows_its_width(text in "\\PC{0,60}( \\PC{0,30}){0,4}", width in 12_usize..60) {
            let mut document = Document::default();
            document.text(&text);
            document.fact("label", vec![plain(&text)]);
            document.table(0, vec![Row { cells: vec![plain(&text).into()], link: None }]);
            document.wrapped_table(0, vec![Row { cells: vec![plain(&text).into()], link: None }]);
            for line in document.lines(width) {
                let columns: usize = line.spans.iter().map(Span::width).sum();
                prop_assert!(columns <= width, "{columns} > {width}: {line:?}");
            }
        }
    }
}
