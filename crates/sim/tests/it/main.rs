//! The simulation's own tests: its oracle bites, its seeds repeat; and the rules of the whole tree.

mod laws;
mod replay;
mod roundtrip;
mod stage;
mod tidy;
