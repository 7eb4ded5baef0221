//! What the worker writes to customers and suppliers.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::domain::notices::{Attachment, Mail, NewNotice, NoticeKind, Subject, SubjectKind};
use crate::store::progress::{Draft, Moving};

/// The order is confirmed, with its promise. None where the customer has no mail address.
pub(super) fn order_confirmation(order: &Moving, zone: Tz) -> Option<NewNotice> {
    let promise = match (order.ship_by, order.deliver_by) {
        (Some(ship), Some(deliver)) => format!(
            "It leaves us by {} and should be with you by {}.",
            day(ship, zone),
            last_day(deliver, zone)
        ),
        (Some(ship), None) => format!("It leaves us by {}.", day(ship, zone)),
        _ => "We will write again as soon as we know when it leaves.".to_owned(),
    };
    let name = greeting(&order.customer.0);
    to_customer(
        order,
        NoticeKind::OrderConfirmation,
        "confirmed".to_owned(),
        format!("Your order {} is confirmed", order.number),
        format!(
            "Hello{name},\n\nthank you for your order {}. {promise}\n",
            order.number
        ),
    )
}

/// The order leaves later than was promised.
pub(super) fn delay(
    order: &Moving,
    ship_by: DateTime<Utc>,
    deliver_by: Option<DateTime<Utc>>,
    zone: Tz,
) -> Option<NewNotice> {
    let arrival = deliver_by.map_or_else(String::new, |at| {
        format!(" and should be with you by {}", last_day(at, zone))
    });
    let name = greeting(&order.customer.0);
    let text = format!(
        "Hello{name},\n\nwe are sorry: your order {} takes longer than we said. It now leaves us by {}{arrival}.\n",
        order.number,
        day(ship_by, zone)
    );
    to_customer(
        order,
        NoticeKind::Delay,
        format!("late:{}", day(ship_by, zone)),
        format!("Your order {} is delayed", order.number),
        text,
    )
}

/// A supplier is asked for goods. None where the supplier has no mail address.
pub(super) fn purchase_order(draft: &Draft, order: &Moving) -> Option<NewNotice> {
    let recipient = draft.email.clone().filter(|email| email.contains('@'))?;
    let mut text = format!(
        "Hello,\n\nplease send these goods for our order {}:\n\n",
        order.number
    );
    for (sku, title, units) in &draft.lines {
        text.push_str(&format!("{units} x {sku}  {title}\n"));
    }
    text.push_str(&format!(
        "\nPlease answer within {} business hours: fill in the units that you accept in the \
         attached file, and the parcels once they have left, and send it back.\n",
        draft.acceptance_hours
    ));
    Some(NewNotice {
        kind: NoticeKind::PurchaseOrder,
        subject: Subject::new(SubjectKind::PurchaseOrder, draft.id),
        occasion: "sent".to_owned(),
        recipient,
        mail: Mail {
            subject: one_line(&format!(
                "Purchase order PO-{} for {}",
                draft.id, order.number
            )),
            text,
            html: None,
        },
        attachment: Some(Attachment {
            name: format!("PO-{}.csv", draft.id),
            text: purchase_order_file(draft, &order.number),
        }),
        answers: Vec::new(),
    })
}

/// The columns of a dispatch file (see [`crate::intake::dispatches`]) with the answer's before them.
fn purchase_order_file(draft: &Draft, number: &str) -> String {
    let mut file = csv::Writer::from_writer(Vec::new());
    let columns = [
        "Purchase order",
        "Order",
        "SKU",
        "Quantity",
        "Accepted",
        "Tracking company",
        "Tracking number",
        "Shipped at",
        "Supplier",
    ];
    let name = format!("PO-{}", draft.id);
    // Writing to memory does not fail.
    let _ = file.write_record(columns);
    for (sku, _, units) in &draft.lines {
        let units = units.to_string();
        let row = [
            name.as_str(),
            number,
            sku,
            &units,
            "",
            "",
            "",
            "",
            &draft.supplier,
        ];
        let _ = file.write_record(row);
    }
    let bytes = file.into_inner().unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

fn to_customer(
    order: &Moving,
    kind: NoticeKind,
    occasion: String,
    subject: String,
    text: String,
) -> Option<NewNotice> {
    Some(NewNotice {
        kind,
        subject: Subject::new(SubjectKind::Order, order.id),
        occasion,
        recipient: order.customer.1.clone()?,
        mail: Mail {
            subject: one_line(&subject),
            text,
            html: None,
        },
        attachment: None,
        answers: Vec::new(),
    })
}

fn greeting(name: &str) -> String {
    if name.is_empty() {
        String::new()
    } else {
        format!(" {}", one_line(name))
    }
}

/// Numbers and names come from outside.
fn one_line(text: &str) -> String {
    text.replace(|c: char| c.is_control(), " ")
}

fn day(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%Y-%m-%d").to_string()
}

/// The day that ends at that instant.
fn last_day(at: DateTime<Utc>, zone: Tz) -> String {
    day(at - chrono::TimeDelta::seconds(1), zone)
}
