//! Floor 2: SQL and nothing else: connections, migrations, rows, lists, the change feed, and the
//! private local server.

pub mod db;
pub mod feed;
pub mod grants;
pub mod import;
pub mod local;
pub mod migrations;
