//! Business hours: local times of a week in an IANA zone, and holidays.
