//! The world behind a port: its doors for an operator, the pushes that go out, faults by rule, and a clock that moves.

mod clock;
mod desk;
mod doors;
mod faults;
mod peculiar;
mod pushes;
mod seeds;
mod world;
