//! Enqueuing: the one way in which a change of an event comes to be owed to its links.
