//! `packline list`: a pane's rows, for scripts and screen readers.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::{Args, ValueEnum};
use color_eyre::eyre::{Result, eyre};

use super::database::Database;
use super::print;
use crate::config::Config;
use crate::console::app::{Context, Drafts, Present};
use crate::console::view;
use crate::domain::filter::Filter;
use crate::domain::list::{Anchor, ListQuery, ListRow, Sort, SortColumn, Viewer};
use crate::domain::money;
use crate::domain::record::{Kind, Pane, Record};
use crate::domain::{text, views, when};
use crate::store::{self, lists};

/// Rows that are fetched at a time.
const PAGE: i64 = 500;

/// The longest wait for a page.
const LIMIT: Duration = Duration::from_secs(30);

/// List records: open work, or what a filter asks for.
#[derive(Debug, Args)]
pub(super) struct List {
    /// Which records
    kind: ListKind,
    /// Words and fields, as in the console: "late state:held who:me"; "all" for closed ones too
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    filter: String,
    /// Start from this saved view, yours or a shared one: its filter, its sort and its columns
    #[arg(long, value_name = "NAME")]
    view: Option<String>,
    /// A column: due, cover, number, age, name, state or amount; with a leading - for the largest first
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    sort: Option<String>,
    /// At most so many rows
    #[arg(long, default_value_t = 100, value_name = "ROWS")]
    limit: usize,
    /// One JSON object a line
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Comma-separated values with a header
    #[arg(long)]
    csv: bool,
}

/// The lists there are.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ListKind {
    Next,
    Orders,
    Stock,
    Shipments,
    Inspections,
    Tickets,
}

impl From<ListKind> for Pane {
    fn from(kind: ListKind) -> Self {
        match kind {
            ListKind::Next => Self::Next,
            ListKind::Orders => Self::Of(Kind::Order),
            ListKind::Stock => Self::Of(Kind::Stock),
            ListKind::Shipments => Self::Of(Kind::Shipment),
            ListKind::Inspections => Self::Of(Kind::Inspection),
            ListKind::Tickets => Self::Of(Kind::Ticket),
        }
    }
}

impl List {
    pub(super) async fn run(self, config: &Config, now: DateTime<Utc>) -> Result<ExitCode> {
        let pane = Pane::from(self.kind);
        let query = match self.query(pane) {
            Ok(query) => query,
            Err(mistake) => {
                print::note(format_args!("packline: {mistake}"));
                return Ok(ExitCode::from(super::USAGE));
            }
        };
        let database = Database::open(config, "list").await?;
        let (query, shape) = match &self.view {
            None => (query, Shape::own(pane)),
            Some(name) => match self.viewed(query, name, &database).await? {
                Ok(viewed) => viewed,
                Err(mistake) => {
                    print::note(format_args!("packline: --view: {mistake}"));
                    return Ok(ExitCode::from(super::USAGE));
                }
            },
        };
        let zone = config.shop_time_zone.value;
        let viewer = Viewer {
            login: database.person.login.clone(),
            zone,
        };
        let mut csv = self
            .csv
            .then(|| csv::Writer::from_writer(io::stdout().lock()));
        if let Some(csv) = &mut csv {
            csv.write_record(&shape.headings)?;
        }
        let mut table = Vec::new();
        let mut left = self.limit;
        let mut anchor = Anchor::Start;
        while left > 0 {
            let (query, viewer) = (query.clone(), viewer.clone());
            let want = PAGE.min(i64::try_from(left).unwrap_or(PAGE));
            let page = database
                .db
                .call(LIMIT, move |connection| {
                    Box::pin(async move {
                        lists::page(connection, &query, &viewer, &anchor, want, now).await
                    })
                })
                .await?;
            for row in &page.rows {
                if self.json {
                    print::json(&row.record)?;
                } else if let Some(csv) = &mut csv {
                    let cells = shape.cells(row, zone, now);
                    csv.write_record(cells.iter().map(|cell| text::cell(cell)))?;
                } else {
                    table.push(shape.cells(row, zone, now));
                }
            }
            left -= page.rows.len();
            match page.rows.last() {
                Some(last) if !page.complete => anchor = Anchor::After(last.key.clone()),
                _ => break,
            }
        }
        if left == self.limit {
            database.hint(now).await?;
        }
        if let Some(mut csv) = csv {
            csv.flush()?;
        } else if !self.json {
            print_table(&shape, &table);
        }
        Ok(ExitCode::SUCCESS)
    }

    /// What a saved view shows and how, narrowed by the filter and in the order that the flags say. The
    /// inner error is the caller's mistake.
    async fn viewed(
        &self,
        asked: ListQuery,
        name: &str,
        database: &Database,
    ) -> Result<Result<(ListQuery, Shape), String>> {
        let kept = database
            .db
            .call(LIMIT, |connection| Box::pin(store::views::all(connection)))
            .await?;
        let pane = asked.pane;
        let found = pane.kind().and_then(|kind| views::find(&kept, kind, name));
        let Some(view) = found else {
            let names: Vec<&str> = kept
                .iter()
                .filter(|view| pane.kind() == Some(view.look.kind))
                .map(|view| view.name.as_str())
                .collect();
            return Ok(Err(match names.as_slice() {
                [] => format!("no view of {} is kept yet", pane.name()),
                names => {
                    let told =
                        format!("no view is called “{name}”; there are {}", names.join(", "));
                    text::plain(&told).into_owned()
                }
            }));
        };
        // Read as one text: what one of them looks for in history, the other must find there too.
        let text = format!("{} {}", view.look.filter, self.filter);
        let shape = match &view.look.columns {
            Some(titles) => Shape::chosen(view.look.kind, titles),
            None => Shape::own(pane),
        };
        Ok(match Filter::parse(pane, &text) {
            Ok(filter) => {
                let sort = if self.sort.is_some() {
                    asked.sort
                } else {
                    view.look.sort
                };
                Ok((ListQuery { pane, filter, sort }, shape))
            }
            Err(error) => Err(format!("{error} in “{}”", text.trim())),
        })
    }

    fn query(&self, pane: Pane) -> Result<ListQuery> {
        let filter = Filter::parse(pane, &self.filter).map_err(|error| {
            eyre!(
                "--filter: {error}\n  {}\n  {}^",
                self.filter,
                " ".repeat(text::width(&self.filter[..error.at]))
            )
        })?;
        let mut sort = Sort::default_of(pane);
        if let Some(word) = &self.sort {
            let column = word.strip_prefix('-').unwrap_or(word);
            let known = SortColumn::of(pane);
            sort.column = known
                .iter()
                .copied()
                .find(|known| known.as_str() == column)
                .ok_or_else(|| {
                    let words: Vec<&str> = known.iter().map(|known| known.as_str()).collect();
                    eyre!("--sort: “{column}” is not one of {}", words.join(", "))
                })?;
            sort.descending = word.starts_with('-');
        }
        Ok(ListQuery { pane, filter, sort })
    }
}

/// What a list shows of its rows.
struct Shape {
    pane: Pane,
    headings: Vec<String>,
    /// The widest that each column gets on a terminal.
    widest: Vec<usize>,
    /// Whether these are columns that somebody chose in the console.
    chosen: bool,
}

impl Shape {
    /// The list's own columns.
    fn own(pane: Pane) -> Self {
        let (headings, widest) = columns(pane);
        Self {
            pane,
            headings: headings.iter().map(ToString::to_string).collect(),
            widest: widest.to_vec(),
            chosen: false,
        }
    }

    /// The columns of a view, as the console shows them.
    fn chosen(kind: Kind, titles: &[String]) -> Self {
        let known = |title: &&String| views::titles(kind).iter().any(|(known, _)| known == title);
        let headings: Vec<String> = titles.iter().filter(known).cloned().collect();
        Self {
            pane: Pane::Of(kind),
            widest: vec![WIDEST; headings.len()],
            headings,
            chosen: true,
        }
    }

    fn cells(&self, row: &ListRow, zone: Tz, now: DateTime<Utc>) -> Vec<String> {
        match self.pane {
            Pane::Of(kind) if self.chosen => {
                let present = &Present::default();
                let drafts = &Drafts::default();
                let context = Context {
                    now,
                    zone,
                    present,
                    drafts,
                };
                view::cells(kind, &self.headings, &row.record, context)
            }
            pane => cells(pane, row, zone, now),
        }
    }
}

/// The widest that a column gets on a terminal that somebody chose.
const WIDEST: usize = 40;

/// A list's headings, and the widest that each column gets on a terminal.
const fn columns(pane: Pane) -> (&'static [&'static str], &'static [usize]) {
    let kind = match pane {
        Pane::Of(kind) => kind,
        Pane::Next => {
            return (
                &["kind", "number", "about", "promise", "due", "left", "who"],
                &[10, 16, 40, 12, 16, 7, 12],
            );
        }
    };
    match kind {
        Kind::Order => (
            &[
                "number", "customer", "stage", "ship by", "left", "total", "units", "who",
            ],
            &[16, 24, 12, 16, 7, 14, 9, 12],
        ),
        Kind::Stock => (
            &[
                "sku", "title", "location", "on hand", "reserved", "wanted", "reorder", "cover",
                "supplier",
            ],
            &[16, 28, 12, 8, 8, 8, 8, 8, 20],
        ),
        Kind::Shipment => (
            &[
                "number", "order", "customer", "carrier", "code", "state", "tracking", "due",
                "left",
            ],
            &[10, 12, 20, 12, 22, 12, 20, 16, 7],
        ),
        Kind::Inspection => (
            &[
                "number", "order", "subject", "state", "checks", "due", "left", "who", "defect",
            ],
            &[10, 12, 24, 8, 8, 16, 7, 12, 30],
        ),
        Kind::Ticket => (
            &[
                "number", "order", "customer", "subject", "state", "priority", "due", "left", "who",
            ],
            &[10, 12, 20, 32, 8, 8, 16, 7, 12],
        ),
    }
}

fn cells(pane: Pane, row: &ListRow, zone: Tz, now: DateTime<Utc>) -> Vec<String> {
    let due = row.record.due_at();
    let by = due.map(|due| {
        due.with_timezone(&zone)
            .format("%Y-%m-%d %H:%M")
            .to_string()
    });
    let by = by.unwrap_or_default();
    let left = due.map(|due| when::left(due, now)).unwrap_or_default();
    let who = row.record.assignee().unwrap_or_default().to_owned();
    let number = row.record.number();
    if pane == Pane::Next {
        let kind = row.record.id().kind.to_string();
        let promise = row.record.promise().unwrap_or_default().to_owned();
        return vec![kind, number, row.record.about(), promise, by, left, who];
    }
    match &row.record {
        Record::Order(o) => vec![
            number,
            o.customer.clone(),
            o.stage.label().to_owned(),
            by,
            left,
            money::shown(o.total, &o.currency),
            format!(
                "{}/{}",
                o.reserved + o.requested + o.shipped,
                o.ordered - o.cancelled
            ),
            who,
        ],
        Record::Stock(s) => vec![
            number,
            s.title.clone(),
            s.location.clone(),
            s.on_hand.to_string(),
            s.reserved.to_string(),
            s.wanted.to_string(),
            s.reorder_point.to_string(),
            s.days_of_cover()
                .map(|days| format!("{days} d"))
                .unwrap_or_default(),
            s.supplier.clone().unwrap_or_default(),
        ],
        Record::Shipment(p) => vec![
            number,
            p.order_number.clone(),
            p.customer.clone(),
            p.carrier.clone().unwrap_or_default(),
            p.tracking_code.clone().unwrap_or_default(),
            p.state.label().to_owned(),
            p.tracking_status.to_string(),
            by,
            left,
        ],
        Record::Inspection(i) => vec![
            number,
            i.order_number.clone().unwrap_or_default(),
            i.subject.clone(),
            i.state.to_string(),
            format!("{}/{}", i.passed + i.failed, i.checks),
            by,
            left,
            who,
            i.defect.clone().unwrap_or_default(),
        ],
        Record::Ticket(t) => vec![
            number,
            t.order_number.clone().unwrap_or_default(),
            t.customer.clone(),
            t.subject.clone(),
            t.state.to_string(),
            t.priority.to_string(),
            by,
            left,
            who,
        ],
    }
}

fn print_table(shape: &Shape, rows: &[Vec<String>]) {
    let widths: Vec<usize> = shape
        .headings
        .iter()
        .enumerate()
        .map(|(index, heading)| {
            let cells = rows
                .iter()
                .map(|row| text::width(&text::plain(&row[index])));
            cells
                .max()
                .unwrap_or(0)
                .min(shape.widest[index])
                .max(heading.len())
        })
        .collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::new();
        for (cell, width) in cells.zip(&widths) {
            let cell = text::plain(cell);
            let cell = text::fit(&cell, *width);
            line.push_str(&cell);
            line.push_str(&" ".repeat(width - text::width(&cell) + 2));
        }
        print::line(line.trim_end());
    };
    line(&mut shape.headings.iter().map(String::as_str));
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
}
