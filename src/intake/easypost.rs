//! EasyPost `tracker.updated` events, as JSON or JSON lines.
