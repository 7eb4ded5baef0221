//! Inspections, their checks and defects.
