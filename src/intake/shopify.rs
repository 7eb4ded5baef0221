//! Shopify's `orders_export` CSV.
