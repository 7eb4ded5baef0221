//! What an order wants next: from what is true of it, the steps that are due and, where none is,
//! what it waits for. The worker takes the steps; people may take any of them by hand.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use super::notices::NoticeState;
use super::orders::{FinancialStatus, FulfilmentState, Stage};
use super::promises::{SUPPLIER_IS_LATER, Standing};

/// What is true of an order.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that do not exclude each other"
)]
pub struct Facts {
    /// How far it has come.
    pub stage: Stage,
    /// What the channel says of the money.
    pub financial_status: FinancialStatus,
    /// Whether its address says where to.
    pub has_address: bool,
    /// Whether a person gave its stock back: what covers it is up to people then.
    pub covered_by_hand: bool,
    /// What is wrong with its shipping option: it is not known, or does not take the order.
    pub unfit_option: Option<String>,
    /// Whether it is known and does not take the order: nothing can leave with it.
    pub refused_option: bool,
    /// The promise, where it has been promised, and what may move it.
    pub standing: Option<Standing>,
    /// The day, in the shop's zone, by which it arrives by the promise.
    pub promised_day: Option<NaiveDate>,
    /// The day by which the customer was last told that it arrives.
    pub told_day: Option<NaiveDate>,
    /// The day that they know, while the mail about another has not left and can be stopped.
    pub known_day: Option<NaiveDate>,
    /// Whether the customer was told too that this day is lost and no other is known.
    pub told_open_end: bool,
    /// Whether the customer has a mail address and was not told yet that the order is confirmed.
    pub to_be_acknowledged: bool,
    /// Whether that was written, has not left, and says what no longer stands.
    pub confirmation_outdated: bool,
    /// Its lines that are to be shipped.
    pub lines: Vec<Line>,
    /// Its fulfilments that are not over.
    pub fulfilments: Vec<Fulfilment>,
    /// Inspections of the whole order that are pending or failed.
    pub open_inspections: i64,
}

/// What is true of a line. Counts are units.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    /// Its SKU.
    pub sku: String,
    /// Whether the SKU is a product that we have had or that a supplier offers.
    pub known: bool,
    /// Units that nothing covers.
    pub unallocated: i32,
    /// Units set aside in our stock.
    pub reserved: i32,
    /// Units set aside that no fulfilment of our own plans.
    pub unplanned: i32,
    /// Units of our stock that are not set aside; earlier orders may want them.
    pub free: i64,
    /// Whether a supplier offers it that has not rejected it.
    pub offered: bool,
    /// Suppliers that have rejected it, whole or in part, or never answered: `rejected by Acme`.
    pub turned_down: Vec<String>,
    /// By when the last of its suppliers should hand it over.
    pub leaves_by: Option<DateTime<Utc>>,
}

/// What is true of a fulfilment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that do not exclude each other"
)]
pub struct Fulfilment {
    /// Primary key.
    pub id: i64,
    /// Who does it.
    pub location: String,
    /// Whether a supplier does it.
    pub by_supplier: bool,
    /// How far it has come.
    pub state: FulfilmentState,
    /// By when the supplier should hand it over.
    pub leaves_by: Option<DateTime<Utc>>,
    /// Whether it has a purchase order that can be sent.
    pub unsent: bool,
    /// Whether it has one that cannot: the supplier's address is not known.
    pub unaddressed: bool,
    /// Whether a person chose who does it.
    pub routed_by_hand: bool,
    /// Whether the supplier should have answered by now.
    pub silent: bool,
    /// Its purchase order that has not reached the supplier, where there is one.
    pub unasked: Option<Unasked>,
    /// Whether another supplier offers some of it at all.
    pub offered_elsewhere: bool,
    /// Its inspections that are pending, failed, and in all.
    pub inspections: (i64, i64, i64),
    /// Whether it is ready, our own, and has no parcel.
    pub unpacked: bool,
}

impl Fulfilment {
    /// Why it stays with whom it is, where a person chose that.
    const fn chosen(&self) -> &'static str {
        if self.routed_by_hand {
            ", routed by hand,"
        } else {
            ""
        }
    }
}

/// A purchase order whose mail has not left: its supplier has nothing to answer yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unasked {
    /// The purchase order; its number is `PO-` and this.
    pub purchase_id: i64,
    /// How far its mail has come.
    pub mail: NoticeState,
    /// When it leaves, by the shop's clock, where it is held.
    pub leaves_at: NaiveTime,
}

impl Unasked {
    /// Why the supplier was not asked, and what to do about it.
    fn reason(self, supplier: &str) -> String {
        let what = format!("purchase order PO-{} to {supplier}", self.purchase_id);
        match self.mail {
            NoticeState::Held => format!("{what} leaves at {}", self.leaves_at.format("%H:%M")),
            NoticeState::Failed => format!("{what} was refused by its mail server: resend-mail"),
            NoticeState::Cancelled => format!("{what} was stopped: resend-mail"),
            NoticeState::Queued | NoticeState::Sent => format!("{what} has not got through yet"),
        }
    }
}

/// A step that moves an order on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Payment and address will do.
    Confirm,
    /// Say by when it leaves and arrives.
    Promise,
    /// Take a fulfilment back from a supplier that does not answer, where others have it in time, or
    /// that cannot be asked for want of an address, where others have it at all.
    Recall(i64),
    /// Set our own stock aside, as far as there is any.
    Reserve,
    /// Ask suppliers for what our stock does not cover.
    Route,
    /// Send the purchase orders that were not sent.
    Send,
    /// Plan the pick of what is set aside.
    Pick,
    /// Tell the customer that the order is confirmed, and the promise.
    Acknowledge,
    /// Write that anew, which has not left, as something has changed.
    Correct,
    /// Tell the customer that it arrives later than they were told.
    Apologise,
    /// Stop what was to be told of a delay: it arrives sooner than that after all.
    Reassure,
    /// Ask for an inspection of a fulfilment where the plan says so, else let it pass.
    Inspect(i64),
    /// A fulfilment's parcel may leave.
    Ready(i64),
    /// Draft the parcel of our own fulfilment, to be labelled and handed over.
    Pack(i64),
}

impl Step {
    /// The word for the history.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Promise => "promise",
            Self::Recall(_) => "recall purchase order",
            Self::Reserve => "reserve",
            Self::Route => "route",
            Self::Send => "send purchase order",
            Self::Pick => "plan pick",
            Self::Acknowledge => "acknowledge",
            Self::Correct => "correct the confirmation",
            Self::Apologise => "tell of delay",
            Self::Reassure => "stop mail of delay",
            Self::Inspect(_) => "inspect",
            Self::Ready(_) => "ready",
            Self::Pack(_) => "pack",
        }
    }
}

/// What a customer is to be told of a delay. Days are in the shop's zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delay {
    /// The day by which they were told that it arrives.
    pub told: NaiveDate,
    /// The new one; none where nobody knows it yet.
    pub until: Option<NaiveDate>,
}

impl Facts {
    /// Who has turned down lines of it, each once.
    pub fn turned_down(&self) -> Vec<&str> {
        let all = self.lines.iter().flat_map(|line| &line.turned_down);
        let mut all: Vec<&str> = all.map(String::as_str).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Why its promise follows a supplier that hands its part over later: who has turned down what leaves
    /// last, or that this supplier takes longer.
    pub fn slowest_because(&self) -> String {
        let last = self.lines.iter().map(|line| line.leaves_by).max().flatten();
        let slowest = (self.lines.iter()).filter(|line| last.is_some() && line.leaves_by == last);
        let mut why: Vec<&str> = slowest
            .flat_map(|line| &line.turned_down)
            .map(String::as_str)
            .collect();
        why.sort_unstable();
        why.dedup();
        if why.is_empty() {
            SUPPLIER_IS_LATER.to_owned()
        } else {
            why.join(", ")
        }
    }

    /// Whether somebody who can be counted on has every unit.
    pub fn is_covered(&self) -> bool {
        self.lines.iter().all(|line| line.unallocated == 0)
            && !self
                .fulfilments
                .iter()
                .any(|part| part.silent || part.unaddressed)
    }

    /// The delay that its customer has not been told of: once for each later day, and once where
    /// the day is lost and no other is known.
    pub fn delay(&self) -> Option<Delay> {
        let told = self.told_day?;
        let until = self.promised_day.filter(|day| *day > told);
        let lost = self.is_lost() && !self.told_open_end;
        (until.is_some() || lost).then_some(Delay { told, until })
    }

    /// Whether the promised day can't be kept, and nobody knows another.
    fn is_lost(&self) -> bool {
        let overdue = self
            .standing
            .as_ref()
            .is_some_and(|standing| standing.overdue);
        overdue && !self.is_covered()
    }

    /// The day that the customer knows, where the mail about a later one, or about none, has not left
    /// and it arrives before that after all.
    pub fn is_sooner(&self) -> Option<NaiveDate> {
        let promised = self.promised_day?;
        let told = self.told_day?;
        let stands_no_more = promised < told || promised == told && self.told_open_end;
        self.known_day.filter(|_| stands_no_more && !self.is_lost())
    }
}

/// The steps that are due, first things first. One that turns out to have nothing to do (another
/// order took the stock) leaves the turn to the next.
pub fn due(facts: &Facts) -> Vec<Step> {
    match facts.stage {
        Stage::New
            if facts.financial_status.is_good() && facts.has_address && !facts.lines.is_empty() =>
        {
            return vec![Step::Confirm];
        }
        // What is no longer paid for is neither bought nor packed, and nobody is told that it comes.
        Stage::Confirmed | Stage::Processing | Stage::PartiallyShipped
            if facts.financial_status.is_good() => {}
        _ => return Vec::new(),
    }
    let mut steps = Vec::new();
    if facts.standing.as_ref().is_none_or(Standing::may_move) {
        steps.push(Step::Promise);
    }
    let unanswered = |part: &&Fulfilment| {
        !part.routed_by_hand && (part.silent || part.unaddressed && !facts.covered_by_hand)
    };
    let parts = facts.fulfilments.iter();
    steps.extend((parts.filter(unanswered)).map(|part| Step::Recall(part.id)));
    let wants = |may: fn(&Line) -> bool| {
        let mut lines = facts.lines.iter();
        !facts.covered_by_hand && lines.any(|line| line.unallocated > 0 && may(line))
    };
    if wants(|line| line.free > 0) {
        steps.push(Step::Reserve);
    }
    if wants(|line| line.offered) {
        steps.push(Step::Route);
    }
    if facts.fulfilments.iter().any(|part| part.unsent) {
        steps.push(Step::Send);
    }
    // What is set aside is picked once, when nothing is missing: whoever wants it split ships it.
    if facts.lines.iter().all(|line| line.unallocated == 0)
        && facts.lines.iter().any(|line| line.unplanned > 0)
    {
        steps.push(Step::Pick);
    }
    // Where the option does not take it, nobody knows yet how it goes, nor when it comes.
    if facts.to_be_acknowledged && !facts.refused_option {
        steps.push(Step::Acknowledge);
    }
    if facts.confirmation_outdated && !facts.refused_option {
        steps.push(Step::Correct);
    }
    if facts.is_sooner().is_some() {
        steps.push(Step::Reassure);
    }
    if facts.delay().is_some() {
        steps.push(Step::Apologise);
    }
    for part in &facts.fulfilments {
        let (pending, failed, all) = part.inspections;
        match part.state {
            FulfilmentState::Accepted if all == 0 && !part.by_supplier => {
                steps.push(Step::Inspect(part.id));
            }
            FulfilmentState::Accepted | FulfilmentState::Inspecting if pending + failed == 0 => {
                steps.push(Step::Ready(part.id));
            }
            FulfilmentState::Ready if part.unpacked && !facts.refused_option => {
                steps.push(Step::Pack(part.id));
            }
            _ => {}
        }
    }
    steps
}

/// What an order with no step due waits for, for people; none where all that is left is to hand its
/// parcels over, or nothing is left.
pub fn waits_for(facts: &Facts) -> Option<String> {
    match facts.stage {
        Stage::New | Stage::Confirmed | Stage::Processing | Stage::PartiallyShipped
            if !facts.financial_status.is_good() =>
        {
            return facts.financial_status.stops();
        }
        Stage::New if !facts.has_address => return Some("the address is incomplete".to_owned()),
        Stage::New if facts.lines.is_empty() => return Some("nothing in it is shipped".to_owned()),
        Stage::Confirmed | Stage::Processing | Stage::PartiallyShipped => {}
        _ => return None,
    }
    let mut reasons: Vec<String> = facts
        .lines
        .iter()
        .filter(|line| line.unallocated > 0)
        .map(|line| {
            let why = if !line.known {
                "unknown SKU".to_owned()
            } else if facts.covered_by_hand {
                "its stock was given back by hand: reserve or route it".to_owned()
            } else if line.turned_down.is_empty() {
                "out of stock and no supplier offers it".to_owned()
            } else {
                line.turned_down.join(", ")
            };
            // What nobody has is not promised.
            let what = if facts.standing.is_some() {
                "backordered"
            } else {
                "can't promise"
            };
            format!("{what}: {} × {} ({why})", line.unallocated, line.sku)
        })
        .collect();
    reasons.extend(facts.unfit_option.clone());
    for part in &facts.fulfilments {
        let (pending, failed, _) = part.inspections;
        let who = &part.location;
        let reason = match part.state {
            FulfilmentState::Requested if part.unaddressed => {
                let chosen = part.chosen();
                format!("{who}{chosen} has no address for purchase orders")
            }
            FulfilmentState::Requested if part.silent && part.routed_by_hand => {
                let chosen = part.chosen();
                format!("{who}{chosen} has not answered in the agreed time")
            }
            FulfilmentState::Requested if part.silent => {
                let others = if part.offered_elsewhere {
                    "has it in time"
                } else {
                    "offers it"
                };
                format!("{who} has not answered in the agreed time, and nobody else {others}")
            }
            FulfilmentState::Requested => match part.unasked {
                Some(unasked) => unasked.reason(who),
                None => format!("{who} has not answered yet"),
            },
            _ if failed > 0 => "an inspection failed".to_owned(),
            _ if pending > 0 => "an inspection is pending".to_owned(),
            _ => continue,
        };
        // Who has two purchase orders of it is named once.
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    if facts.open_inspections > 0 && !reasons.iter().any(|reason| reason.contains("inspection")) {
        reasons.push("an inspection is open".to_owned());
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

#[cfg(test)]
mod tests;
