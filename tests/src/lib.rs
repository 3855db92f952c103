//! What the whole-program tests of rtspscope stand on.
//!
//! [`lab`] builds a router with real peers in network namespaces, [`alg`] is a gateway that rewrites RTSP on the
//! way (run by the `lab-alg` binary), [`scripted`] is a client that sends what it is told (run by `lab-client`),
//! [`program`] builds and runs the real `rtspscope`, [`report`] reads its JSON, [`browser`] opens its pages and
//! [`png`] looks at the pictures, and [`pcap`] turns one capture into the other file formats that must read the same.
//! Everything here is for tests only, and none of it shares code with the program under test: what it checks it finds
//! out by itself.

pub mod alg;
pub mod bench;
pub mod big_tcp;
pub mod browser;
pub mod cable;
pub mod flood;
pub mod generate;
pub mod lab;
pub mod memory;
pub mod metrics;
pub mod pcap;
pub mod png;
pub mod program;
pub mod report;
pub mod scripted;
pub mod soak;
pub mod storm;
pub mod tools;
pub mod wait;
pub mod witness;
