//! iCalendar (RFC 5545, RFC 7986) in and out, losing nothing.
