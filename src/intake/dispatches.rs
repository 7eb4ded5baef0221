//! Suppliers' dispatch files, as CSV.
