//! The engine from outside: frames in, sessions out.

mod golden;
mod sessions;
mod support;
