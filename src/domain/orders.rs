//! Orders, their lines and the stages they pass.
