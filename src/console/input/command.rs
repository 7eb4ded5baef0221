//! What the frame can do, whatever the record: the commands that the keymap binds.

use crate::domain::record::{Kind, Pane};
use crate::domain::words::words;

words! {
    /// A command of the frame. What is done with records is a verb instead.
    pub enum Command {
        /// Next row or line.
        Down = "down",
        /// Previous row or line.
        Up = "up",
        /// The first.
        Top = "top",
        /// The last.
        Bottom = "bottom",
        /// A page on.
        PageDown = "page-down",
        /// A page back.
        PageUp = "page-up",
        /// Pane 0.
        Next = "next",
        /// Pane 1.
        Orders = "orders",
        /// Pane 2.
        Stock = "stock",
        /// Pane 3.
        Shipments = "shipments",
        /// Pane 4.
        Inspections = "inspections",
        /// Pane 5.
        Tickets = "tickets",
        /// Claim and open the next record.
        Take = "take-next",
        /// The pane to the right.
        NextPane = "next-pane",
        /// The pane to the left.
        PreviousPane = "previous-pane",
        /// The row in full, or the record that the line names.
        Open = "open",
        /// The record in full.
        Full = "full",
        /// To where one came from.
        Back = "back",
        /// One place back in history.
        HistoryBack = "history-back",
        /// One place forth in history.
        HistoryForward = "history-forward",
        /// Mark the row, or take its mark away.
        Mark = "mark",
        /// Begin or end a range of marks.
        MarkRange = "mark-range",
        /// No marks, no filter.
        Clear = "clear",
        /// The menu of what can be done with the record.
        Actions = "actions",
        /// Take the last act back.
        Undo = "undo",
        /// Copy what is needed elsewhere.
        Copy = "copy",
        /// Filter the list.
        Filter = "filter",
        /// Sort by the next column.
        Sort = "sort",
        /// Sort the other way round.
        Reverse = "reverse",
        /// The saved views.
        Views = "views",
        /// Choose columns.
        Columns = "columns",
        /// The command line.
        CommandLine = "command",
        /// What the keys do here.
        Help = "help",
        /// What happened in this run.
        Messages = "messages",
        /// Read and draw everything anew.
        Redraw = "redraw",
        /// Suspend to the shell.
        Suspend = "suspend",
        /// End the program.
        Quit = "quit",
        /// Leave what is open, then the program; asks before a text is lost.
        Leave = "leave",
    }
}

impl Command {
    /// One line of help, without a full stop.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Up => "up",
            Self::Top => "to the first",
            Self::Bottom => "to the last",
            Self::PageDown => "half a page down",
            Self::PageUp => "half a page up",
            Self::Next => "every promise, the nearest first",
            Self::Orders => "orders",
            Self::Stock => "stock",
            Self::Shipments => "shipments",
            Self::Inspections => "quality checks",
            Self::Tickets => "tickets",
            Self::Take => "take the next that nobody holds",
            Self::NextPane => "the next pane",
            Self::PreviousPane => "the previous pane",
            Self::Open => "open the row, or follow the link",
            Self::Full => "everything about the record",
            Self::Back => "back to where you came from",
            Self::HistoryBack => "back in history",
            Self::HistoryForward => "forth in history",
            Self::Mark => "mark the row",
            Self::MarkRange => "mark from here to where you go",
            Self::Clear => "drop marks, then the filter",
            Self::Actions => "what can be done, and why not",
            Self::Undo => "undo your last act",
            Self::Copy => "copy number, code, address or link",
            Self::Filter => "filter as you type",
            Self::Sort => "sort by the next column",
            Self::Reverse => "sort the other way round",
            Self::Views => "saved views: open, name, share",
            Self::Columns => "choose the columns",
            Self::CommandLine => "every command by its name",
            Self::Help => "this help",
            Self::Messages => "messages of this run",
            Self::Redraw => "read and draw everything anew",
            Self::Suspend => "suspend to the shell",
            Self::Quit => "leave",
            Self::Leave => "close, or leave; asks before text is lost",
        }
    }

    /// The pane that the command opens.
    pub const fn pane(self) -> Option<Pane> {
        Some(Pane::Of(match self {
            Self::Next => return Some(Pane::Next),
            Self::Orders => Kind::Order,
            Self::Stock => Kind::Stock,
            Self::Shipments => Kind::Shipment,
            Self::Inspections => Kind::Inspection,
            Self::Tickets => Kind::Ticket,
            _ => return None,
        }))
    }

    /// The command that opens a pane.
    pub const fn of_pane(pane: Pane) -> Self {
        match pane {
            Pane::Next => Self::Next,
            Pane::Of(Kind::Order) => Self::Orders,
            Pane::Of(Kind::Stock) => Self::Stock,
            Pane::Of(Kind::Shipment) => Self::Shipments,
            Pane::Of(Kind::Inspection) => Self::Inspections,
            Pane::Of(Kind::Ticket) => Self::Tickets,
        }
    }
}
