//! What sets an order back on its way: money that went back, an option that cannot take it, a parcel
//! that is lost, a day on which nobody works.

use crate::works::{SHOP, Works};

const WAITS: &str =
    "select string_agg(coalesce(waiting_reason, '-'), '; ' order by number) from orders";

async fn works() -> Works {
    let works = Works::open().await;
    works.run(SHOP).await;
    works
}

impl Works {
    async fn waits(&self) -> Option<String> {
        self.text(WAITS).await
    }

    /// Units of what lies in our own stock.
    async fn stock_arrives(&self) {
        self.run(
            "insert into stock_movements (stock_level_id, kind, on_hand)
             select s.id, 'receive', 5 from stock_levels s join products p on p.id = s.product_id
             where p.sku = 'PLATE'",
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_money_went_back_is_not_bought_mailed_or_handed_over() {
    let works = works().await;
    works.stock_arrives().await;
    works
        .run("select order_of('#1', 'CUP', 3); select order_of('#2', 'PLATE', 2)")
        .await;
    assert!(works.run_once(&[("PACKLINE_NOTICE_HOLD", "1h")]));
    works
        .run(
            "update orders set financial_status = case number when '#1' then 'refunded' else 'voided' end;
             update notices set held_until = now();
             update shipments set carrier_id = 1, tracking_code = 'X1', ship_date = current_date, state = 'labelled'",
        )
        .await;
    works.drain(1);
    let refunded = Some("payment is refunded: cancel it; payment is voided: cancel it");
    assert_eq!(works.waits().await.as_deref(), refunded);
    assert_eq!(works.mail.taken().len(), 0, "mails that left");
    // No other supplier is asked, and nothing leaves by hand.
    let (said, done) = works.act(&["reject", "#1", "--reason", "sold out"]);
    assert!(done, "{said}");
    works.drain(1);
    let parts = "select string_agg(p.name || ' ' || f.state, ', ' order by f.id)
        from fulfilments f join locations p on p.id = f.location_id where p.supplier_id is not null";
    assert_eq!(works.text(parts).await.as_deref(), Some("Acme rejected"));
    let (said, done) = works.act(&["hand-over", "SHP-1"]);
    assert!(
        !done && said.contains("its order's payment is voided"),
        "{said}"
    );
    let (said, _) = works.packline(&["show", "SHP-1"]);
    assert!(said.contains("payment is voided: cancel it"), "{said}");
    // Its money is there after all: everything goes on.
    works
        .run("update orders set financial_status = 'paid'")
        .await;
    works.drain(1);
    assert_eq!(
        works.text(parts).await.as_deref(),
        Some("Acme rejected, Bolt requested")
    );
    assert_eq!(
        works.waits().await.as_deref(),
        Some("Bolt has not answered yet; -")
    );
    let (said, done) = works.act(&["hand-over", "SHP-1"]);
    assert!(done, "{said}");
    works.assert_ledger_is_right().await;
}
