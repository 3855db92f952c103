//! Live capture: kernel programs on the router's interfaces, their ring and counters as inputs of the engine.
//!
//! One task does it all. Frames of all taps and processors share one ring and come slightly out of order, so they are
//! held for a moment and handed over by time. Counters are handed over several times a second as absolute values.
//! Nothing here judges: the host (engine, recorder, printer) sees [`Input`]s as it would from a file.

use std::time::Duration;

use rtspscope_engine::{Input, Snapshot};
use rtspscope_wire::TapRole;

use crate::failure::Failure;
use crate::source::Host;

/// How packets are to be taken from an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Hook {
    /// TCX where the kernel has it (6.6), else the clsact qdisc.
    #[default]
    Auto,
    /// The clsact qdisc, as kernels before 6.6 have it.
    Clsact,
}

/// What to tap and how long.
#[derive(Clone, Debug, Default)]
pub(crate) struct LiveOptions {
    /// Interfaces with their side of the router. Empty without a mirror: the program chooses and says so.
    pub taps: Vec<(String, TapRole)>,
    /// Interface that receives a copy of someone else's traffic.
    pub mirror: Option<String>,
    /// TCP ports of which every connection is copied; plain RTSP is recognised on any port.
    pub rtsp_ports: Vec<u16>,
    /// Ends by itself after this time; else only by SIGINT or SIGTERM.
    pub duration: Option<Duration>,
    /// Way of attaching to interfaces other than the mirror.
    pub hook: Hook,
}

/// What a live run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LiveSummary {
    /// Packets that the kernel programs looked at.
    pub packets: u64,
    /// Frames handed over.
    pub frames: u64,
}

/// Who takes in what the live loop observes.
pub(crate) trait LiveHost: Host {
    /// Takes in one input: engine and recorder.
    fn handle_input(&mut self, input: Input<'_>) -> Result<(), Failure>;

    /// Called after each batch of inputs: prints the events. Tells whether a SETUP was answered since the last call.
    fn handle_batch(&mut self) -> Result<bool, Failure>;

    /// What the engine knows, for the negotiated ports.
    fn snapshot(&mut self) -> Snapshot;
}

/// Taps the interfaces until the time is over or a signal comes, and detaches.
pub(crate) async fn run(options: &LiveOptions, host: &mut dyn LiveHost) -> Result<LiveSummary, Failure> {
    let _ = (options, host);
    std::future::pending().await
}
