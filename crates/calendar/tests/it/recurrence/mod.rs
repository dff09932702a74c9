//! Recurrence against the standard's own examples, against other implementations, and against laws of its own.

mod dividing;
mod generator;
mod laws;
mod moving;
mod notation;
mod oracles;
mod rfc5545;
mod series;
