//! `analyze --bundle`: what is handed on proves the findings, gives no password away, and is there whole or not at all.

mod directory;
mod evidence;
mod replay;
mod secrets;
mod talk;
