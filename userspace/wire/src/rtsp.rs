//! RTSP 1.0 and 2.0: messages, the fields that matter to media, and the stream that they come in.

pub mod auth;
pub mod base64;
pub mod challenge;
pub mod message;
pub mod methods;
pub mod range;
pub mod rtp_info;
pub mod stream;
pub mod transport;
