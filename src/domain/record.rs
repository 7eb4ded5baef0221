//! Records: what a pane lists, what an act names, what a change is about.
