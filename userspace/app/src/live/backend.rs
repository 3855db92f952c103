//! Which way of looking at packets a run takes, and the fall from kernel programs to packet sockets, which is always said.

use rtspscope_engine::RouterSetup;
use rtspscope_engine::router_setup::Offload;

use super::copied::Copied;
use super::error::LiveError;
use super::interfaces::{self, Interface};
#[cfg(feature = "pcap")]
use super::libpcap;
use super::standing::Standing;
use super::{LiveHost, LiveOptions, Source, packet};
use crate::failure::Failure;
use crate::machine::Machine;
use crate::offload;

/// Who takes the packets from the interfaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Backend {
    /// Kernel programs where they work, else packet sockets.
    #[default]
    Auto,
    /// Kernel programs.
    Ebpf,
    /// Packet sockets.
    AfPacket,
    /// libpcap.
    Pcap,
}

/// What a user gives up where packet sockets take the place of kernel programs.
const COST: &str = "every packet is copied, which costs more of the processor; ports 22 and 443 are left out unless --rtsp-port names them";

/// Begins to look at the interfaces that the options name or leave to be chosen.
pub(super) fn open(
    options: &LiveOptions,
    standing: &Standing,
    setup: Option<&RouterSetup>,
    host: &mut dyn LiveHost,
) -> Result<Box<dyn Source>, Failure> {
    let (chosen, ports) = interfaces::without_ports(interfaces::choose(options)?);
    for port in &ports {
        host.note(
            &port.name,
            "left out: it is a port of a bridge or bond that is tapped too, where its packets are counted",
        );
    }
    let source = match options.backend {
        Backend::Auto => any(&chosen, options, standing, host)?,
        Backend::Ebpf => programs(&chosen, options, standing, host)?,
        Backend::AfPacket => sockets(&chosen, options, host)?,
        Backend::Pcap => pcap(&chosen, options, host)?,
    };
    if options.taps.is_empty() && options.mirror.is_none() {
        tell_choice(&chosen, host);
    }
    if let Some(setup) = setup {
        tell_offload(&setup.offload, &chosen, host);
    }
    Ok(source)
}

fn any(
    chosen: &[Interface],
    options: &LiveOptions,
    standing: &Standing,
    host: &mut dyn LiveHost,
) -> Result<Box<dyn Source>, Failure> {
    let why = match programs(chosen, options, standing, host) {
        Ok(source) => return Ok(source),
        // Only a kernel program keeps packets from the host.
        Err(error) if options.mirror_drop => return Err(error.into()),
        Err(error) => error,
    };
    match sockets(chosen, options, host) {
        Ok(source) => {
            let why = why.brief();
            host.note("afpacket", &format!("no kernel programs ({why}): {COST}"));
            Ok(source)
        }
        // A build without kernel programs has only its packet sockets to complain of.
        Err(error) if !cfg!(feature = "ebpf") => Err(error.into()),
        Err(LiveError::Permission(also)) => Err(why.and_lacking(&also).into()),
        Err(_) => Err(why.into()),
    }
}

#[cfg(feature = "ebpf")]
fn programs(
    chosen: &[Interface],
    options: &LiveOptions,
    standing: &Standing,
    host: &mut dyn LiveHost,
) -> Result<Box<dyn Source>, LiveError> {
    let live = super::session::Live::open(chosen, options, standing, host)?;
    Ok(Box::new(live))
}

#[cfg(not(feature = "ebpf"))]
fn programs(
    _chosen: &[Interface],
    _options: &LiveOptions,
    _standing: &Standing,
    _host: &mut dyn LiveHost,
) -> Result<Box<dyn Source>, LiveError> {
    Err(LiveError::NotBuilt("kernel programs"))
}

fn sockets(
    chosen: &[Interface],
    options: &LiveOptions,
    host: &mut dyn LiveHost,
) -> Result<Box<dyn Source>, LiveError> {
    copied("afpacket", packet::open, chosen, options, host)
}

#[cfg(feature = "pcap")]
fn pcap(
    chosen: &[Interface],
    options: &LiveOptions,
    host: &mut dyn LiveHost,
) -> Result<Box<dyn Source>, LiveError> {
    copied("pcap", libpcap::open, chosen, options, host)
}

#[cfg(not(feature = "pcap"))]
fn pcap(
    _chosen: &[Interface],
    _options: &LiveOptions,
    _host: &mut dyn LiveHost,
) -> Result<Box<dyn Source>, LiveError> {
    Err(LiveError::NotBuilt("libpcap"))
}

fn copied(
    way: &'static str,
    open: super::copied::Open,
    chosen: &[Interface],
    options: &LiveOptions,
    host: &mut dyn LiveHost,
) -> Result<Box<dyn Source>, LiveError> {
    super::privilege::check_raw()?;
    let copied = Copied::open(way, open, chosen, options, host)?;
    Ok(Box::new(copied))
}

/// Says what this machine forwards by ways that taps do not see. A mirror port shows someone else's packets.
fn tell_offload(offload: &Offload, chosen: &[Interface], host: &mut dyn LiveHost) {
    let machine = Machine::this();
    let taps: Vec<&str> = chosen.iter().map(|tap| tap.name.as_str()).collect();
    for (subject, what) in offload::unseen(offload, &machine, &taps) {
        host.note_unseen(&subject, &what);
    }
    for card in offload::cards_that_forward(&taps) {
        host.note_unseen(
            card,
            "hw-tc-offload is on: flows that are handed to the card do not pass the tap",
        );
    }
}

fn tell_choice(chosen: &[Interface], host: &mut dyn LiveHost) {
    for interface in chosen {
        let role = crate::output::names::role(interface.role);
        host.note(
            &interface.name,
            &format!("taken as {role}; name interfaces with --lan and --wan to choose others"),
        );
    }
}
