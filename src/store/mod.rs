//! Floor 2: SQL and nothing else: connections, migrations, rows, lists, the change feed, and the
//! private local server.

pub mod acts;
pub mod alerts;
pub mod bell;
pub mod calendar;
pub mod carrier_labels;
pub mod clocks;
pub mod completion;
pub mod db;
pub mod drafts;
pub mod feed;
pub mod fulfilments;
pub mod grants;
pub mod import;
pub mod inspections;
pub mod jobs;
pub mod labels;
pub mod lists;
pub mod local;
pub mod lookup;
pub mod macros;
pub mod migrations;
pub mod names;
pub mod notices;
pub mod options;
pub mod orders;
pub mod people;
pub mod presence;
pub mod progress;
pub mod purchases;
pub mod records;
pub mod reservations;
mod rows;
pub mod shipments;
pub mod stock;
pub mod tickets;
pub mod views;
