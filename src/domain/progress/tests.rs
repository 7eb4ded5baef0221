use super::*;
use crate::domain::promises::Promise;

fn confirmed(lines: Vec<Line>) -> Facts {
    Facts {
        stage: Stage::Confirmed,
        financial_status: FinancialStatus::Paid,
        has_address: true,
        covered_by_hand: false,
        unfit_option: None,
        refused_option: false,
        standing: Some(Standing {
            promise: Promise {
                ship_by: DateTime::UNIX_EPOCH,
                deliver_by: None,
            },
            transit_days: None,
            counted_on: None,
            refused: false,
            leaves_by: None,
            overdue: false,
            calendar_moved: false,
        }),
        promised_day: None,
        told_day: None,
        known_day: None,
        told_open_end: false,
        to_be_acknowledged: false,
        confirmation_outdated: false,
        lines,
        fulfilments: Vec::new(),
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
fn an_order_whose_payment_went_back_is_neither_bought_nor_packed() {
    let mut wants = line(2, 1);
    wants.offered = true;
    let facts = Facts {
        to_be_acknowledged: true,
        standing: None,
        ..confirmed(vec![wants])
    };
    for stage in [Stage::Confirmed, Stage::Processing, Stage::PartiallyShipped] {
        for (financial_status, reason) in [
            (FinancialStatus::Refunded, "payment is refunded: cancel it"),
            (FinancialStatus::Voided, "payment is voided: cancel it"),
            (FinancialStatus::PartiallyPaid, "payment is part paid"),
        ] {
            let facts = Facts {
                stage,
                financial_status,
                ..facts.clone()
            };
            assert_eq!(due(&facts), [], "{stage} {financial_status}");
            assert_eq!(waits_for(&facts).as_deref(), Some(reason));
        }
        let partly = Facts {
            stage,
            financial_status: FinancialStatus::PartiallyRefunded,
            ..facts.clone()
        };
        assert!(due(&partly).contains(&Step::Route), "{stage}");
    }
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
fn a_line_waits_for_those_who_were_asked_for_it() {
    let refused = Line {
        turned_down: vec!["rejected by Acme".to_owned()],
        ..line(3, 0)
    };
    let plate = Line {
        sku: "PLATE".to_owned(),
        ..line(1, 0)
    };
    assert_eq!(
        waits_for(&confirmed(vec![refused, plate])).as_deref(),
        Some(
            "backordered: 3 × CUP (rejected by Acme); \
             backordered: 1 × PLATE (out of stock and no supplier offers it)"
        )
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
fn a_customer_is_told_of_a_later_day_once_and_of_no_earlier_one() {
    let day = |day| NaiveDate::from_ymd_opt(2026, 3, day);
    let facts = |told, promised| Facts {
        told_day: told,
        promised_day: promised,
        ..confirmed(vec![line(0, 0)])
    };
    let later = facts(day(4), day(6));
    let told = Delay {
        told: day(4).expect("a day"),
        until: day(6),
    };
    assert_eq!(later.delay(), Some(told));
    assert_eq!(due(&later), [Step::Apologise]);
    for known in [
        facts(day(6), day(6)),
        facts(day(6), day(4)),
        facts(None, day(6)),
    ] {
        assert_eq!(known.delay(), None);
    }
    let held = Facts {
        stage: Stage::OnHold,
        ..later
    };
    assert_eq!(due(&held), []);
}

#[test]
fn a_day_that_is_lost_with_no_other_known_is_told_once() {
    let mut facts = Facts {
        told_day: NaiveDate::from_ymd_opt(2026, 3, 4),
        promised_day: NaiveDate::from_ymd_opt(2026, 3, 4),
        ..confirmed(vec![line(1, 0)])
    };
    assert_eq!(facts.delay(), None, "it may still leave in time");
    facts.standing.as_mut().expect("a promise").overdue = true;
    assert_eq!(facts.delay().map(|delay| delay.until), Some(None));
    facts.told_open_end = true;
    assert_eq!(facts.delay(), None);
}

#[test]
fn what_no_longer_stands_is_not_told() {
    let day = |day| NaiveDate::from_ymd_opt(2026, 3, day);
    let facts = |known, told, promised| Facts {
        told_day: told,
        known_day: known,
        promised_day: promised,
        ..confirmed(vec![line(0, 0)])
    };
    let sooner = facts(day(4), day(6), day(4));
    assert_eq!(due(&sooner), [Step::Reassure]);
    assert_eq!(sooner.is_sooner(), day(4));
    let as_told = facts(day(4), day(6), day(6));
    assert_eq!(due(&as_told), [], "the mail stands");
    let has_left = facts(None, day(6), day(4));
    assert_eq!(due(&has_left), [], "it is told, and comes sooner");
    let mut open = Facts {
        told_open_end: true,
        ..facts(day(4), day(4), day(4))
    };
    assert_eq!(due(&open), [Step::Reassure], "the day is known again");
    let line = line(1, 0);
    open.lines = vec![line];
    open.standing.as_mut().expect("a promise").overdue = true;
    assert_eq!(open.is_sooner(), None, "the day is still lost");
}

#[test]
fn a_purchase_order_that_cannot_be_sent_says_why() {
    let part = Fulfilment {
        id: 7,
        location: "Acme".to_owned(),
        by_supplier: true,
        state: FulfilmentState::Requested,
        leaves_by: None,
        unsent: false,
        unaddressed: true,
        routed_by_hand: false,
        silent: false,
        unasked: None,
        offered_elsewhere: false,
        inspections: (0, 0, 0),
        unpacked: false,
    };
    let mut facts = Facts {
        fulfilments: vec![part],
        ..confirmed(Vec::new())
    };
    assert_eq!(due(&facts), [Step::Recall(7)], "others may have it");
    assert_eq!(
        waits_for(&facts).as_deref(),
        Some("Acme has no address for purchase orders")
    );
    facts.fulfilments[0].routed_by_hand = true;
    assert_eq!(due(&facts), []);
    assert_eq!(
        waits_for(&facts).as_deref(),
        Some("Acme, routed by hand, has no address for purchase orders")
    );
    facts.fulfilments.push(facts.fulfilments[0].clone());
    assert_eq!(
        waits_for(&facts).as_deref(),
        Some("Acme, routed by hand, has no address for purchase orders"),
        "once for two purchase orders"
    );
}

#[test]
fn a_supplier_that_was_not_asked_is_not_said_to_owe_an_answer() {
    let part = |mail| Fulfilment {
        id: 7,
        location: "Acme".to_owned(),
        by_supplier: true,
        state: FulfilmentState::Requested,
        leaves_by: None,
        unsent: false,
        unaddressed: false,
        routed_by_hand: false,
        silent: false,
        offered_elsewhere: true,
        unasked: Some(Unasked {
            purchase_id: 50,
            mail,
            leaves_at: NaiveTime::from_hms_opt(11, 13, 0).expect("a time"),
        }),
        inspections: (0, 0, 0),
        unpacked: false,
    };
    for (mail, says) in [
        (NoticeState::Held, "leaves at 11:13"),
        (NoticeState::Queued, "has not got through yet"),
        (
            NoticeState::Failed,
            "was refused by its mail server: resend-mail",
        ),
        (NoticeState::Cancelled, "was stopped: resend-mail"),
    ] {
        let facts = Facts {
            fulfilments: vec![part(mail)],
            ..confirmed(Vec::new())
        };
        assert_eq!(
            waits_for(&facts),
            Some(format!("purchase order PO-50 to Acme {says}"))
        );
    }
}

#[test]
fn a_pick_is_inspected_or_ready_and_an_open_inspection_blocks() {
    use FulfilmentState::{Accepted, Inspecting, Ready};
    let part = |state, inspections| Fulfilment {
        id: 7,
        location: "Warehouse".to_owned(),
        by_supplier: false,
        state,
        leaves_by: None,
        unsent: false,
        unaddressed: false,
        routed_by_hand: false,
        silent: false,
        unasked: None,
        offered_elsewhere: false,
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
