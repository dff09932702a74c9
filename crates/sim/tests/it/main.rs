//! Tests of the simulation, and of the tree's own rules.

mod tidy;
