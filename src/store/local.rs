//! The private local server: a Postgres of this OS user, for when no database is named.
