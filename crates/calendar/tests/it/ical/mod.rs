//! iCalendar: the corpus of real files, the laws, and readers that others wrote.

mod corpus;
