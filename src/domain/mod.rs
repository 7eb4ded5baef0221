//! Floor 1: what a fulfilment business is. Types, states, verbs and rules, as pure functions
//! over values; no clock, no IO, no SQL.

pub mod act;
pub mod calendar;
pub mod carriers;
pub mod clocks;
pub mod cover;
pub mod filter;
pub mod full;
pub mod incoming;
pub mod inspections;
pub mod kind;
pub mod labels;
pub mod list;
pub mod macros;
pub mod mistakes;
pub mod money;
pub mod notices;
pub mod options;
pub mod orders;
pub mod people;
pub mod presence;
pub mod progress;
pub mod promises;
pub mod record;
pub mod routing;
pub mod sampling;
pub mod scripts;
pub mod shipments;
pub mod stock;
pub mod text;
pub mod tickets;
pub mod tracking;
pub mod verbs;
pub mod views;
pub mod when;
pub mod words;
