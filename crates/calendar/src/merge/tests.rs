//! Laws and tables of merging.
