//! `.sqlx` is what lets the program be built without a database. It must say of every statement
//! what the migrated schema says.
//!
//! `UPDATE_SQLX=1 cargo test sqlx_metadata` writes it anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use sqlx::{AssertSqlSafe, Executor as _};
use tokio::process::Command;

use crate::harness;

#[tokio::test]
async fn what_is_committed_is_what_the_schema_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let committed = root.join(".sqlx");
    let update = std::env::var_os("UPDATE_SQLX").is_some();
    let database = harness::database().await;
    let mut connection = database.connect().await;
    connection
        .execute(AssertSqlSafe(format!(
            "alter database {} set search_path = packline, pg_catalog",
            database.name
        )))
        .await
        .expect("the search path");
    let fresh = tempfile::tempdir().expect("a folder");

    // The statements are described when the crate is compiled, so it has to be compiled anew.
    fs::File::open(root.join("src/lib.rs"))
        .and_then(|file| file.set_modified(SystemTime::now()))
        .expect("src/lib.rs");
    let output = Command::new(env!("CARGO"))
        .args(["check", "--lib", "--quiet"])
        .current_dir(root)
        .env("DATABASE_URL", &database.url)
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", fresh.path())
        .kill_on_drop(true)
        .output();
    let output = harness::deadline(Duration::from_mins(10), "cargo check", output)
        .await
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );

    let fresh = statements(fresh.path());
    assert!(!fresh.is_empty(), "no statement was described");
    if update {
        let _ = fs::remove_dir_all(&committed);
        fs::create_dir_all(&committed).expect(".sqlx");
        for (name, text) in &fresh {
            fs::write(committed.join(name), text).expect(name);
        }
        return;
    }
    let committed = statements(&committed);
    let differing: Vec<&String> = fresh
        .iter()
        .filter(|(name, text)| committed.get(*name) != Some(text))
        .map(|(name, _)| name)
        .chain(committed.keys().filter(|name| !fresh.contains_key(*name)))
        .collect();
    assert!(
        differing.is_empty(),
        ".sqlx is not current (UPDATE_SQLX=1 cargo test sqlx_metadata mends it): {differing:#?}"
    );
}

/// The files of a folder by name.
fn statements(folder: &Path) -> BTreeMap<String, String> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter(|entry| {
            entry
                .path()
                .extension()
                .is_some_and(|extension| extension == "json")
        })
        .map(|entry| {
            let text = fs::read_to_string(entry.path()).expect("a statement");
            (entry.file_name().to_string_lossy().into_owned(), text)
        })
        .collect()
}
