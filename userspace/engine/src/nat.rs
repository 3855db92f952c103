//! What lies between two taps: which legs are one connection, and what was changed on the way.

pub mod address;
pub mod align;
pub mod diff;
pub(crate) mod order;
pub mod pairing;
