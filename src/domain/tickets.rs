//! Tickets, their messages and their clocks.
