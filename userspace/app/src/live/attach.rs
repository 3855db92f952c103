//! Loads the kernel programs, attaches them to interfaces, and leaves nothing behind.
//!
//! TCX links and XDP links end with the process, however it ends. Filters of the clsact qdisc stay after a kill:
//! whoever starts next on that interface removes what a dead run has left. A run that lives holds a lock (an abstract
//! socket, which the kernel keeps per network namespace and gives up with the process), so that two runs on one
//! interface do not detach each other.

use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use aya::programs::links::LinkOrder;
use aya::programs::tc::{
    self, NlOptions, SchedClassifierLinkId, TcAttachOptions, TcAttachType, TcError,
};
use aya::programs::xdp::XdpLinkId;
use aya::programs::{Program, ProgramError, SchedClassifier, Xdp, XdpMode};
use aya::util::KernelVersion;
use aya::{Ebpf, EbpfLoader};
use rtsp_ebpf_common::abi::port_bitmap;
use rtspscope_wire::{LinkType, TapRole};

use super::error::LiveError;
use super::interfaces::Interface;
use super::object::Object;
use super::peers::Peers;
use super::standing::Standing;
use super::{Hook, LiveOptions, clsact, links, promiscuous, rings};

/// Kernel from which TCX is there.
const TCX_SINCE: KernelVersion = KernelVersion::new(6, 6, 0);

/// Kernel from which an XDP program can read a packet at any offset.
const XDP_SINCE: KernelVersion = KernelVersion::new(5, 18, 0);

/// Place of our filters in the clsact qdisc: before all others, because theirs may end the walk.
const PRIORITY: u16 = 1;

/// Names of the TC programs by link layer and direction.
const PROGRAMS: [(LinkType, TcAttachType, &str); 4] = [
    (LinkType::ETHERNET, TcAttachType::Ingress, "rtsp_ether_in"),
    (LinkType::ETHERNET, TcAttachType::Egress, "rtsp_ether_out"),
    (LinkType::RAW, TcAttachType::Ingress, "rtsp_raw_in"),
    (LinkType::RAW, TcAttachType::Egress, "rtsp_raw_out"),
];

const MIRROR_PROGRAM: &str = "rtsp_mirror";

/// Ring of aya-log.
const LOG_MAP: &str = "AYA_LOGS";

/// How often loading a program is tried; libbpf does as often (`PROG_LOAD_ATTEMPTS`).
const LOAD_TRIES: u32 = 5;

/// The loaded programs and all that must live as long as they are attached.
#[derive(Debug)]
pub(super) struct Attached {
    /// Programs with their links, and the maps.
    pub(super) ebpf: Ebpf,
    /// How each interface is tapped, in the order in which they were given.
    pub(super) ways: Vec<&'static str>,
    /// What a user should know about the way that was taken, by interface.
    pub(super) notes: Vec<(String, &'static str)>,
    peers: Peers,
    held: Vec<Held>,
}

/// What an interface is tapped by.
#[derive(Debug, Default)]
struct Held {
    ifindex: u32,
    tc: Vec<(&'static str, SchedClassifierLinkId)>,
    xdp: Option<XdpLinkId>,
    qdisc: Option<clsact::Qdisc>,
    /// The lock, and what keeps the interface promiscuous: held, not used.
    sockets: Vec<OwnedFd>,
}

impl Attached {
    /// Loads the programs. They see nothing yet: whoever shares maps with them has time to fill these. On interfaces they
    /// follow the hosts of standing connections from the start.
    pub(super) fn load(options: &LiveOptions, standing: &Standing) -> Result<Self, LiveError> {
        let mut ebpf = load(options)?;
        Ok(Self {
            peers: Peers::new(&mut ebpf, standing.pairs())?,
            ebpf,
            ways: Vec::new(),
            notes: Vec::new(),
            held: Vec::new(),
        })
    }

    /// Attaches them to every interface.
    pub(super) fn attach_to(
        &mut self,
        interfaces: &[Interface],
        hook: Hook,
    ) -> Result<(), LiveError> {
        for interface in interfaces {
            let way = self.attach(interface, hook)?;
            self.ways.push(way);
        }
        Ok(())
    }

    /// Lets go of an interface that is not there any more.
    pub(super) fn forget(&mut self, ifindex: u32) {
        let (gone, held) = std::mem::take(&mut self.held)
            .into_iter()
            .partition(|held| held.ifindex == ifindex);
        self.held = held;
        let gone: Vec<Held> = gone;
        for held in gone {
            // The kernel has detached the programs already, and may complain that there is nothing to detach.
            for (name, link) in held.tc {
                let program: Result<&mut SchedClassifier, _> = program(&mut self.ebpf, name);
                let _gone = program.and_then(|program| program.detach(link));
            }
            if let Some(link) = held.xdp {
                let program: Result<&mut Xdp, _> = program(&mut self.ebpf, MIRROR_PROGRAM);
                let _gone = program.and_then(|program| program.detach(link));
            }
        }
    }

    /// Detaches everything; the maps stay readable.
    pub(super) fn detach(&mut self) -> Result<(), ProgramError> {
        let indices: Vec<u32> = self.held.iter().map(|held| held.ifindex).collect();
        for ifindex in indices {
            if links::name_of(ifindex).is_none() {
                self.forget(ifindex);
            }
        }
        for (_, program) in self.ebpf.programs_mut() {
            let result = if let Program::SchedClassifier(program) = program {
                program.unload()
            } else if let Program::Xdp(program) = program {
                program.unload()
            } else {
                Ok(())
            };
            match result {
                Ok(()) | Err(ProgramError::NotLoaded) => {}
                Err(error) => return Err(error),
            }
        }
        self.held.clear();
        Ok(())
    }

    /// Attaches to one interface and tells how.
    pub(super) fn attach(
        &mut self,
        interface: &Interface,
        hook: Hook,
    ) -> Result<&'static str, LiveError> {
        let mut held = Held {
            ifindex: interface.index,
            ..Held::default()
        };
        if let Some(lock) = lock(interface.index) {
            remove_leftovers(&interface.name);
            held.sockets.push(lock.into());
        }
        self.peers.follow_at(interface.index)?;
        let way = if interface.role == TapRole::Mirror {
            held.sockets.push(promiscuous::enable(interface.index)?);
            self.attach_mirror(interface, hook, &mut held)
        } else if interface.is_loopback {
            self.attach_tc(interface, hook, &[TcAttachType::Ingress], &mut held)
        } else {
            let both = [TcAttachType::Ingress, TcAttachType::Egress];
            self.attach_tc(interface, hook, &both, &mut held)
        };
        self.held.push(held);
        way
    }

    /// XDP in the driver, else in the stack; before 5.18 the TC program does it.
    fn attach_mirror(
        &mut self,
        interface: &Interface,
        hook: Hook,
        held: &mut Held,
    ) -> Result<&'static str, LiveError> {
        if let Some(reason) = why_no_xdp(interface) {
            self.notes.push((interface.name.clone(), reason));
            return self.attach_tc(interface, hook, &[TcAttachType::Ingress], held);
        }
        let failed = |error| LiveError::Attach {
            name: interface.name.clone(),
            error,
        };
        let program: &mut Xdp = program(&mut self.ebpf, MIRROR_PROGRAM).map_err(failed)?;
        if program.fd().is_err() {
            load_again(|| program.load(), is_disturbed).map_err(failed)?;
        }
        if let Ok(link) = program.attach_to_if_index(interface.index, XdpMode::Driver) {
            held.xdp = Some(link);
            return Ok("xdp-native");
        }
        let link = program
            .attach_to_if_index(interface.index, XdpMode::Skb)
            .map_err(failed)?;
        held.xdp = Some(link);
        Ok("xdp-generic")
    }

    fn attach_tc(
        &mut self,
        interface: &Interface,
        hook: Hook,
        directions: &[TcAttachType],
        held: &mut Held,
    ) -> Result<&'static str, LiveError> {
        let tcx = hook == Hook::Auto && kernel_has(TCX_SINCE);
        if !tcx {
            held.qdisc = Some(clsact::Qdisc::ensure(interface)?);
        }
        let failed = |error| LiveError::Attach {
            name: interface.name.clone(),
            error,
        };
        for (_, direction, name) in PROGRAMS.iter().filter(|(link_type, direction, _)| {
            *link_type == interface.link_type && directions.contains(direction)
        }) {
            let program: &mut SchedClassifier = program(&mut self.ebpf, name).map_err(failed)?;
            if program.fd().is_err() {
                load_again(|| program.load(), is_disturbed).map_err(failed)?;
            }
            let link = attach_first(program, &interface.name, *direction, tcx).map_err(failed)?;
            held.tc.push((name, link));
        }
        Ok(if tcx { "tcx" } else { "clsact" })
    }
}

/// Loads a program, again where that was disturbed.
fn load_again<E>(
    mut load: impl FnMut() -> Result<(), E>,
    is_disturbed: impl Fn(&E) -> bool,
) -> Result<(), E> {
    let mut tries_left = LOAD_TRIES;
    loop {
        tries_left -= 1;
        match load() {
            Err(error) if tries_left > 0 && is_disturbed(&error) => {}
            loaded => return loaded,
        }
    }
}

/// Whether a signal came while the kernel verified: it gives up then, with EAGAIN.
fn is_disturbed(error: &ProgramError) -> bool {
    matches!(error, ProgramError::LoadError { io_error, .. } if io_error.raw_os_error() == Some(libc::EAGAIN))
}

/// Why XDP cannot look at an interface; `None` where it can be tried.
fn why_no_xdp(interface: &Interface) -> Option<&'static str> {
    if interface.link_type != LinkType::ETHERNET {
        return Some("taken by TC: the XDP program needs Ethernet headers");
    }
    (!kernel_has(XDP_SINCE))
        .then_some("taken by TC: XDP programs read whole packets only from Linux 5.18 on")
}

/// Attaches a program before all others of its hook: one that ends the walk would hide the packet from it.
fn attach_first(
    program: &mut SchedClassifier,
    interface: &str,
    direction: TcAttachType,
    tcx: bool,
) -> Result<SchedClassifierLinkId, ProgramError> {
    if tcx {
        let first = TcAttachOptions::TcxOrder(LinkOrder::first());
        return program.attach_with_options(interface, direction, first);
    }
    let first = TcAttachOptions::Netlink(NlOptions {
        priority: PRIORITY,
        ..NlOptions::default()
    });
    match program.attach_with_options(interface, direction, first) {
        // A filter of another kind holds this place.
        Err(ProgramError::TcError(TcError::NetlinkError(error)))
            if matches!(
                error.raw_os_error(),
                Some(libc::EINVAL | libc::EEXIST | libc::EBUSY)
            ) =>
        {
            let anywhere = TcAttachOptions::Netlink(NlOptions::default());
            program.attach_with_options(interface, direction, anywhere)
        }
        result => result,
    }
}

fn load(options: &LiveOptions) -> Result<Ebpf, LiveError> {
    let processors =
        aya::util::nr_cpus().map_err(|(call, error)| LiveError::System { call, error })?;
    let ports = port_bitmap(&options.rtsp_ports);
    let tell = u8::from(options.kernel_log);
    let drop = u8::from(options.mirror.is_some() && options.mirror_drop);
    let (ring, overflow) = rings::sizes(options.room_bytes());
    let mut loader = EbpfLoader::new();
    loader
        .override_global("RTSP_PORTS", &ports, true)
        .override_global("TELL", &tell, true)
        .override_global("DROP", &drop, true)
        .map_max_entries(rings::RING, ring)
        .map_max_entries(rings::OVERFLOW, overflow)
        .map_max_entries("LARGE", u32::try_from(processors).unwrap_or(u32::MAX));
    if !options.kernel_log {
        // aya makes a whole page of it.
        loader.map_max_entries(LOG_MAP, 1);
    }
    let object = Object::unpack().map_err(LiveError::system("unpacking the kernel programs"))?;
    Ok(loader.load(object.bytes())?)
}

fn program<'a, P>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut P, ProgramError>
where
    &'a mut P: TryFrom<&'a mut Program, Error = ProgramError>,
{
    let program = ebpf.program_mut(name);
    program
        .ok_or_else(|| ProgramError::InvalidName {
            name: name.to_owned(),
        })?
        .try_into()
}

fn kernel_has(since: KernelVersion) -> bool {
    KernelVersion::current().is_ok_and(|version| version >= since)
}

/// Takes the lock of a tap on an interface; `None` while another run of this program holds it.
fn lock(ifindex: u32) -> Option<UnixDatagram> {
    let name = SocketAddr::from_abstract_name(format!("rtspscope-tap-{ifindex}")).ok()?;
    UnixDatagram::bind_addr(&name).ok()
}

/// Removes filters that a killed run left in the clsact qdisc.
fn remove_leftovers(interface: &str) {
    for (_, direction, name) in PROGRAMS {
        // Not found is the rule. Where it fails otherwise the attachment that follows fails too, and says so.
        let _removed = tc::qdisc_detach_program(interface, direction, name);
    }
}

#[cfg(test)]
mod tests;
