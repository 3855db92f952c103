//! Live capture: what the router's interfaces carry as inputs of the engine.
//!
//! Kernel programs do it where they can ([`session`]): they copy what matters to a ring and count the rest. Elsewhere
//! packet sockets ([`packet`]) or libpcap copy every frame ([`copied`]). One task does it all. Frames of all taps and
//! processors come slightly out of order, so they are held for a moment and handed over by time. Ring and sockets are
//! looked into every few milliseconds rather than on a call from the kernel, which would cost each packet more than
//! the tap does. Counters are handed over several times a second as absolute values.
//! The router's own connection tracking is listened to beside them ([`netfilter`]), and asked beforehand for connections
//! that are under way ([`standing`]).
//! Nothing here judges: the host (engine, recorder, printer) sees [`Input`]s as it would from a file.

#[cfg(feature = "ebpf")]
mod attach;
mod backend;
mod clock;
#[cfg(feature = "ebpf")]
mod clsact;
mod copied;
#[cfg(feature = "ebpf")]
mod counters;
#[cfg(feature = "ebpf")]
mod endpoints;
mod error;
mod frames;
#[cfg(feature = "ebpf")]
mod health;
mod interfaces;
#[cfg(feature = "ebpf")]
mod kernel_log;
#[cfg(feature = "pcap")]
mod libpcap;
mod links;
mod netfilter;
#[cfg(feature = "ebpf")]
mod object;
mod packet;
#[cfg(feature = "ebpf")]
mod peers;
mod privilege;
mod promiscuous;
#[cfg(feature = "ebpf")]
mod rings;
pub(crate) mod room;
#[cfg(feature = "ebpf")]
mod session;
mod standing;
#[cfg(test)]
mod testing;
#[cfg(feature = "ebpf")]
pub(crate) mod trial;
#[cfg(feature = "ebpf")]
mod walks;

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::pin::pin;
#[cfg(feature = "ebpf")]
use std::rc::Rc;
use std::time::Duration;

use rtspscope_engine::Input;
#[cfg(feature = "ebpf")]
use rtspscope_engine::{Carrier, Passing, Session};
use rtspscope_wire::TapRole;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::yield_now;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use error::LiveError;
use netfilter::{Netfilter, Setup};
use standing::Standing;

use crate::failure::Failure;
use crate::sandbox::{self, Capability, Rest};
use rtspscope_capture::Host;

pub(crate) use backend::Backend;

/// Ways in which kernel programs watch an interface: the source of a live run's tap begins with its own.
pub(crate) const BY_PROGRAMS: [&str; 4] = ["tcx", "clsact", "xdp-native", "xdp-generic"];

/// Ways in which every packet is read.
pub(crate) const BY_SOCKETS: [&str; 2] = ["afpacket", "pcap"];

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
#[cfg_attr(
    not(feature = "ebpf"),
    allow(dead_code, reason = "some options are of kernel programs only")
)]
#[derive(Clone, Debug, Default)]
pub(crate) struct LiveOptions {
    /// Interfaces with their side of the router. Empty without a mirror: the program chooses and says so.
    pub taps: Vec<(String, TapRole)>,
    /// Interface that receives a copy of someone else's traffic.
    pub mirror: Option<String>,
    /// Ends there what the mirror port receives.
    pub mirror_drop: bool,
    /// Room for packets on their way out of the kernel, a power of two; else [`room::MAX_BYTES`].
    pub ring_bytes: Option<u32>,
    /// TCP ports of which every connection is copied; plain RTSP is recognised on any port.
    pub rtsp_ports: Vec<u16>,
    /// Ends by itself after this time; else only by SIGINT or SIGTERM.
    pub duration: Option<Duration>,
    /// Who takes the packets.
    pub backend: Backend,
    /// Way of attaching to interfaces other than the mirror.
    pub hook: Hook,
    /// Let the kernel count what its programs cost, and tell the host how the run is.
    pub health: bool,
    /// What the process goes on with once the interfaces are open, besides what the backend needs.
    pub rest: Rest,
    /// Lets the kernel programs say what they could not read or copy, and which connections they recognised.
    pub kernel_log: bool,
}

impl LiveOptions {
    /// Room for packets on their way out of the kernel, in bytes.
    fn room_bytes(&self) -> u32 {
        self.ring_bytes.unwrap_or(room::MAX_BYTES)
    }
}

/// Whether this process may have packet sockets, which take packets where kernel programs cannot.
pub(crate) fn try_packet_socket() -> std::io::Result<()> {
    packet::try_open()
}

/// Figures of the source of the packets; what a source does not have is `None`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gauges {
    /// Who takes the packets.
    pub backend: &'static str,
    /// Size of the ring.
    pub ring_bytes: Option<u64>,
    /// Most of it that was in use.
    pub ring_used_max: Option<u64>,
    /// Flows in the kernel's table.
    pub flows: Option<u64>,
    /// Room in it.
    pub flows_max: Option<u64>,
    /// Each tap's name, and whether its interface is there and watched.
    pub present: Vec<(String, bool)>,
}

/// Who takes in what the live loop observes.
pub(crate) trait LiveHost: Host {
    /// Takes in one input: engine and recorder.
    fn handle_input(&mut self, input: &Input<'_>) -> Result<(), Failure>;

    /// Called after each batch of inputs: prints the events. Tells whether a SETUP was answered since the last call.
    fn handle_batch(&mut self) -> Result<bool, Failure>;

    /// The ends, client first, of connections that turned out to speak RTSP since the last call, as any tap shows them.
    fn new_connections(&mut self) -> Vec<(SocketAddr, SocketAddr)>;

    /// Takes in what this run cannot see, for as long as it lasts: whom that is said of, and what.
    fn note_unseen(&mut self, subject: &str, what: &str);

    /// Takes in how the run is, by label and value.
    fn note_health(&mut self, health: Vec<(String, String)>);

    /// Takes in figures of the source.
    fn note_gauges(&mut self, gauges: Gauges);

    /// Whether anyone looks at them.
    fn wants_gauges(&self) -> bool;

    /// Whether someone watches figures as they grow.
    fn has_screen(&self) -> bool;

    /// Begins files anew that were moved away.
    fn reopen(&mut self);

    /// The sessions that are not over, for what they have negotiated.
    #[cfg(feature = "ebpf")]
    fn open_sessions(&mut self) -> Vec<Session>;

    /// What is agreed on in the connections of these carriers.
    #[cfg(feature = "ebpf")]
    fn sessions_of(&mut self, carriers: &[Carrier]) -> Vec<Session>;

    /// The directions of connections that have begun to carry media since the last call.
    #[cfg(feature = "ebpf")]
    fn take_carriers(&mut self) -> Vec<Carrier>;

    /// Where a carrier stands in its interleaved frames.
    #[cfg(feature = "ebpf")]
    fn passing(&self, carrier: &Carrier) -> Option<Passing>;
}

/// One way of seeing what the interfaces carry, under way.
trait Source {
    /// Capabilities that tapping an interface which comes back takes.
    fn needs(&self) -> Vec<Capability>;

    /// How long to wait before the next look for frames.
    fn pause(&self) -> Pause;

    /// Hands over the frames that have waited long enough; tells whether there were any.
    fn hand_over(&mut self, host: &mut dyn LiveHost) -> Result<bool, Failure>;

    /// Taps again what has gone and come back, and says so.
    fn follow_links(&mut self, host: &mut dyn LiveHost) -> Result<(), Failure>;

    /// Hands over what was counted and lost, and the time.
    fn read_counters(&mut self, host: &mut dyn LiveHost) -> Result<(), Failure>;

    /// Tells the host from time to time how the run is, where it asked for that.
    fn tell_health(&mut self, host: &mut dyn LiveHost) -> Result<(), Failure>;

    /// Figures of the moment.
    fn gauges(&self) -> Result<Gauges, Failure>;

    /// Gives way to the host, and follows new media: at ports that an answer to SETUP named, and in connections.
    fn turn(&mut self, host: &mut dyn LiveHost) -> Result<(), Failure>;

    /// Stops looking; what has been seen stays.
    fn detach(&mut self) -> Result<(), Failure>;

    /// Hands over everything that is left.
    fn drain_last(self: Box<Self>, host: &mut dyn LiveHost) -> Result<(), Failure>;
}

/// Time between two reports on the run itself.
const HEALTH_INTERVAL: Duration = Duration::from_secs(2);

/// How long to wait before the next look for frames.
enum Pause {
    /// Not at all, beyond letting others go first: more are there already.
    None,
    For(Duration),
    /// Until one comes, and then for [`GATHER`].
    #[cfg(feature = "ebpf")]
    UntilArrival(Rc<rings::Arrivals>),
}

/// Time between two looks for frames while many come, or while some wait for older ones; and where nothing tells that any
/// have come. With the time that a frame waits, the host has each within 10 ms.
const BUSY: Duration = Duration::from_millis(4);
const CALM: Duration = Duration::from_millis(6);

/// Time for which frames are gathered behind the first.
#[cfg(feature = "ebpf")]
const GATHER: Duration = Duration::from_millis(7);

/// Frames of one look that are many: with a few thousand in a second there is no haste.
#[cfg(feature = "ebpf")]
const MANY: usize = 32;

/// Time between two looks after the interfaces.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(250);

/// Time between two readings of the counters; fewer pass where they are on a screen.
const COUNTER_INTERVAL: Duration = Duration::from_secs(1);
const SCREEN_INTERVAL: Duration = FOLLOW_INTERVAL;

/// Time between two turns of the view where no packet comes: the keyboard is read then, where there is a screen.
const VIEW_INTERVAL: Duration = Duration::from_millis(50);
const LINES_INTERVAL: Duration = Duration::from_millis(100);

/// Taps the interfaces until the time is over or a signal comes, detaches, and hands over what is left.
///
/// [`LiveHost::handle_batch`] may end the run early with its error; what was attached is detached all the same.
pub(crate) async fn run(options: &LiveOptions, host: &mut dyn LiveHost) -> Result<(), Failure> {
    // Before the rest is given up: to ask the firewall starts programs, to subscribe takes CAP_NET_ADMIN.
    let setup = Setup::read(options);
    let standing = Standing::read(options);
    let mut live = backend::open(options, &standing, setup.known(), host)?;
    standing.tell(host);
    let told = setup.tell(host);
    let mut netfilter = Netfilter::open(options, setup, host);
    let alone = told.and_then(|()| give_up_the_rest(options, live.needs(), host));
    if let Err(failure) = alone {
        live.detach()?;
        return Err(failure);
    }
    let ended = observe(options.duration, live.as_mut(), &mut netfilter, host).await;
    live.detach()?;
    ended?;
    netfilter.finish(host).await?;
    live.drain_last(host)
}

/// Keeps what tapping takes and what the options say; from here on strangers' bytes are read.
fn give_up_the_rest(
    options: &LiveOptions,
    needed: Vec<Capability>,
    host: &mut dyn LiveHost,
) -> Result<(), Failure> {
    let mut rest = options.rest.clone();
    rest.capabilities.extend(needed);
    let told = sandbox::enter(&rest)?;
    if options.kernel_log {
        host.note("sandbox", &told);
    }
    Ok(())
}

/// The loop: frames as they come, counters and the view from time to time.
async fn observe(
    duration: Option<Duration>,
    live: &mut dyn Source,
    netfilter: &mut Netfilter,
    host: &mut dyn LiveHost,
) -> Result<(), Failure> {
    let mut interrupt =
        signal(SignalKind::interrupt()).map_err(LiveError::system("signal handler"))?;
    let mut terminate =
        signal(SignalKind::terminate()).map_err(LiveError::system("signal handler"))?;
    let mut hangup = signal(SignalKind::hangup()).map_err(LiveError::system("signal handler"))?;
    let mut counters = interval(FOLLOW_INTERVAL);
    let mut read_at = Instant::now();
    let mut view = interval(if host.has_screen() {
        VIEW_INTERVAL
    } else {
        LINES_INTERVAL
    });
    counters.set_missed_tick_behavior(MissedTickBehavior::Delay);
    view.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let end = duration.map(|duration| Instant::now() + duration);
    // A terminal that has hung up is none any more.
    let has_terminal = has_terminal();
    live.turn(host)?;
    // One wait until the next look, whatever else happens meanwhile: begun anew with each it would take twice as long.
    let mut look = pin!(rest(live.pause()));
    loop {
        tokio::select! {
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            _ = hangup.recv() => {
                if has_terminal {
                    return Ok(());
                }
                live.follow_links(host)?;
                host.reopen();
            }
            () = at(end) => return Ok(()),
            () = &mut look => {
                let were_any = live.hand_over(host)?;
                look.set(rest(live.pause()));
                if !were_any {
                    continue;
                }
            }
            () = netfilter.ready() => netfilter.hand_over(host)?,
            _ = counters.tick() => {
                live.follow_links(host)?;
                if Instant::now() >= read_at {
                    let pause = if host.has_screen() { SCREEN_INTERVAL } else { COUNTER_INTERVAL };
                    // A tick that comes a little early must not wait for the next.
                    read_at = Instant::now() + pause - FOLLOW_INTERVAL / 2;
                    live.read_counters(host)?;
                    live.tell_health(host)?;
                    if host.wants_gauges() {
                        host.note_gauges(live.gauges()?);
                    }
                }
            }
            _ = view.tick() => {}
        }
        live.turn(host)?;
        netfilter.follow(host)?;
    }
}

/// Waits for a moment, for ever if there is none.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Whether a hang-up can be that of a terminal; for a service it means: begin your files anew.
fn has_terminal() -> bool {
    std::io::stdin().is_terminal() || std::io::stdout().is_terminal()
}

/// Lets others go first, for a while or only once.
async fn rest(pause: Pause) {
    match pause {
        Pause::None => yield_now().await,
        Pause::For(time) => sleep(time).await,
        #[cfg(feature = "ebpf")]
        Pause::UntilArrival(arrivals) => {
            arrivals.some().await;
            sleep(GATHER).await;
        }
    }
}

/// The interfaces that a run without any named would tap, with their sides.
pub(crate) fn default_taps() -> Result<Vec<(String, TapRole)>, Failure> {
    let taps = interfaces::choose(&LiveOptions::default())?;
    Ok(taps.into_iter().map(|tap| (tap.name, tap.role)).collect())
}
