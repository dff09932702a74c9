//! Calendars such as people have, and edits such as they make, from a seed.
