//! Carriers' tracking statuses, mapped to one vocabulary.
