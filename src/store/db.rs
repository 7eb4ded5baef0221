//! Connections: a pool whose calls are never cancelled half-way.
