//! What an order wants next: from what is true of it, the steps that are due and, where none is,
//! what it waits for. The worker takes the steps; people may take any of them by hand.

use super::orders::{FinancialStatus, FulfilmentState, Stage};

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
    /// Whether it has been promised.
    pub promised: bool,
    /// Whether what the promise was reckoned from has changed.
    pub promise_outdated: bool,
    /// Whether the customer has a mail address and was not told yet that the order is confirmed.
    pub to_be_acknowledged: bool,
    /// Its lines that are to be shipped.
    pub lines: Vec<Line>,
    /// Its fulfilments that are not over.
    pub fulfilments: Vec<Fulfilment>,
    /// Suppliers that have rejected a part of it.
    pub rejected_by: Vec<String>,
    /// Inspections of the whole order that are pending or failed.
    pub open_inspections: i64,
}

/// What is true of a line. Counts are units.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    /// Its SKU.
    pub sku: String,
    /// Whether the SKU is a product of ours.
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
    /// Whether it has a purchase order that was not sent.
    pub unsent: bool,
    /// Whether the supplier should have answered by now.
    pub silent: bool,
    /// Its inspections that are pending, failed, and in all.
    pub inspections: (i64, i64, i64),
    /// Whether it is ready, our own, and has no parcel.
    pub unpacked: bool,
}

/// A step that moves an order on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Payment and address will do.
    Confirm,
    /// Say by when it leaves and arrives.
    Promise,
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
            Self::Reserve => "reserve",
            Self::Route => "route",
            Self::Send => "send purchase order",
            Self::Pick => "plan pick",
            Self::Acknowledge => "acknowledge",
            Self::Inspect(_) => "inspect",
            Self::Ready(_) => "ready",
            Self::Pack(_) => "pack",
        }
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
        Stage::Confirmed | Stage::Processing | Stage::PartiallyShipped => {}
        _ => return Vec::new(),
    }
    let mut steps = Vec::new();
    if !facts.promised || facts.promise_outdated {
        steps.push(Step::Promise);
    }
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
    if facts.to_be_acknowledged {
        steps.push(Step::Acknowledge);
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
            FulfilmentState::Ready if part.unpacked => steps.push(Step::Pack(part.id)),
            _ => {}
        }
    }
    steps
}

/// What an order with no step due waits for, for people; none where all that is left is to hand its
/// parcels over, or nothing is left.
pub fn waits_for(facts: &Facts) -> Option<String> {
    match facts.stage {
        Stage::New if !facts.financial_status.is_good() => {
            return Some(format!("payment is {}", facts.financial_status.label()));
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
                "no such product".to_owned()
            } else if facts.covered_by_hand {
                "its stock was given back by hand: reserve or route it".to_owned()
            } else if facts.rejected_by.is_empty() {
                "out of stock and no supplier offers it".to_owned()
            } else {
                format!("rejected by {}", facts.rejected_by.join(", "))
            };
            format!("backordered: {} × {} ({why})", line.unallocated, line.sku)
        })
        .collect();
    for part in &facts.fulfilments {
        let (pending, failed, _) = part.inspections;
        let who = &part.location;
        match part.state {
            FulfilmentState::Requested if part.silent => {
                reasons.push(format!("{who} has not answered in the agreed time"));
            }
            FulfilmentState::Requested => reasons.push(format!("{who} has not answered yet")),
            _ if failed > 0 => reasons.push("an inspection failed".to_owned()),
            _ if pending > 0 => reasons.push("an inspection is pending".to_owned()),
            _ => {}
        }
    }
    if facts.open_inspections > 0 && !reasons.iter().any(|reason| reason.contains("inspection")) {
        reasons.push("an inspection is open".to_owned());
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn confirmed(lines: Vec<Line>) -> Facts {
        Facts {
            stage: Stage::Confirmed,
            financial_status: FinancialStatus::Paid,
            has_address: true,
            covered_by_hand: false,
            promised: true,
            promise_outdated: false,
            to_be_acknowledged: false,
            lines,
            fulfilments: Vec::new(),
            rejected_by: Vec::new(),
            open_inspections: 0,
        }
    }

    fn line(unallocated: i32, free: i64) -> Line {
        Line {
            sku: "CUP".to_owned(),
            known: true,
            unallocated,
            free,
            ..Line::default()
        }
    }

    #[test]
    fn an_order_that_is_not_paid_waits_and_says_so() {
        let facts = Facts {
            stage: Stage::New,
            financial_status: FinancialStatus::Pending,
            ..confirmed(vec![line(1, 1)])
        };
        assert_eq!(due(&facts), []);
        assert_eq!(waits_for(&facts).as_deref(), Some("payment is pending"));
        let paid = Facts {
            financial_status: FinancialStatus::Paid,
            ..facts
        };
        assert_eq!(due(&paid), [Step::Confirm]);
    }

    #[test]
    fn own_stock_comes_before_suppliers_and_a_pick_waits_for_every_unit() {
        let mut short = line(3, 2);
        short.offered = true;
        short.unplanned = 1;
        assert_eq!(
            due(&confirmed(vec![short.clone()])),
            [Step::Reserve, Step::Route]
        );
        short.unallocated = 0;
        assert_eq!(due(&confirmed(vec![short])), [Step::Pick]);
    }

    #[test]
    fn what_a_person_gave_back_is_left_to_people() {
        let mut given_back = line(3, 5);
        given_back.offered = true;
        let facts = Facts {
            covered_by_hand: true,
            ..confirmed(vec![given_back])
        };
        assert_eq!(due(&facts), []);
        assert_eq!(
            waits_for(&facts).as_deref(),
            Some("backordered: 3 × CUP (its stock was given back by hand: reserve or route it)")
        );
    }

    #[test]
    fn what_nobody_offers_is_backordered() {
        let facts = confirmed(vec![line(3, 0)]);
        assert_eq!(due(&facts), []);
        assert_eq!(
            waits_for(&facts).as_deref(),
            Some("backordered: 3 × CUP (out of stock and no supplier offers it)")
        );
    }

    #[test]
    fn an_order_on_hold_does_not_move() {
        let facts = Facts {
            stage: Stage::OnHold,
            ..confirmed(vec![line(3, 9)])
        };
        assert_eq!(due(&facts), []);
        assert_eq!(waits_for(&facts), None);
    }

    #[test]
    fn a_pick_is_inspected_or_ready_and_an_open_inspection_blocks() {
        use FulfilmentState::{Accepted, Inspecting, Ready};
        let part = |state, inspections| Fulfilment {
            id: 7,
            location: "Warehouse".to_owned(),
            by_supplier: false,
            state,
            unsent: false,
            silent: false,
            inspections,
            unpacked: state == Ready,
        };
        let steps = |part| {
            due(&Facts {
                fulfilments: vec![part],
                ..confirmed(Vec::new())
            })
        };
        assert_eq!(steps(part(Accepted, (0, 0, 0))), [Step::Inspect(7)]);
        assert_eq!(steps(part(Inspecting, (1, 0, 1))), []);
        assert_eq!(steps(part(Inspecting, (0, 1, 1))), []);
        assert_eq!(steps(part(Inspecting, (0, 0, 1))), [Step::Ready(7)]);
        assert_eq!(steps(part(Ready, (0, 0, 1))), [Step::Pack(7)]);
    }
}
