//! The catalogue: products, their suppliers and first stock, as CSV.
