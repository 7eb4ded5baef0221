//! Money: an integer of minor units with its ISO 4217 currency.
