//! Shipments (parcels) and their states.
