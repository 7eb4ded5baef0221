//! Floor 5: one file a subcommand.
