//! The engine from outside: frames in, sessions out.

mod claims;
mod damage;
mod golden;
mod media;
mod sessions;
mod support;
