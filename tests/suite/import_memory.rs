//! An import is a stream: its memory does not grow with the file.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::harness::{self, TestDatabase};

/// Longest time for the large file, on a machine that does much else.
const LIMIT: Duration = Duration::from_mins(3);

/// What a note of an order takes, in bytes.
const NOTE: usize = 16_384;

/// Writes an export with so many orders, each with one line and a long note.
fn export(file: &Path, orders: usize) {
    let mut out = BufWriter::new(File::create(file).expect("a file"));
    let note = "x".repeat(NOTE);
    writeln!(
        out,
        "Name,Email,Financial Status,Currency,Subtotal,Shipping,Taxes,Total,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Notes,Id"
    )
    .expect("a header");
    for n in 1..=orders {
        writeln!(
            out,
            "#{n},a@shop.example,paid,EUR,5.00,0.00,0.00,5.00,2026-03-10 09:00:00 +0000,1,Mug,5.00,MUG,{note},{n}"
        )
        .expect("an order");
    }
}

/// The most memory that an import of so many orders had at once, in kB.
async fn peak(orders: usize) -> u64 {
    let database = harness::database().await;
    let dir = harness::scratch_dir();
    let file = dir.path().join("orders.csv");
    export(&file, orders);
    let mut import = import(&database, &file);
    let status = format!("/proc/{}/status", import.id());
    let mut peak = 0;
    harness::until(LIMIT, "the import ends", || {
        let seen = fs::read_to_string(&status).unwrap_or_default();
        let high = seen.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = high.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok());
        peak = peak.max(kilobytes.unwrap_or(0));
        import.try_wait().expect("its status").is_some()
    });
    let status = import.wait().expect("its status");
    assert!(status.success(), "{status}");
    let mut connection = database.connect().await;
    let stored: i64 = sqlx::query_scalar("select count(*) from packline.orders")
        .fetch_one(&mut connection)
        .await
        .expect("a count");
    assert_eq!(stored, i64::try_from(orders).expect("a count"));
    peak
}

fn import(database: &TestDatabase, file: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_packline"))
        .args(["import", "orders", "--channel", "web"])
        .arg(file)
        .env("PACKLINE_DATABASE_URL", &database.url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program")
}

#[tokio::test(flavor = "multi_thread")]
#[cfg(target_os = "linux")]
async fn a_file_ten_times_as_large_takes_no_more_memory() {
    let (small, large) = (peak(200).await, peak(2_000).await);
    let grown = large.saturating_sub(small);
    let file = (2_000 - 200) * NOTE as u64 / 1024;
    assert!(
        grown < file / 4,
        "{small} kB for 200 orders, {large} kB for 2,000: the file grew by {file} kB"
    );
}
