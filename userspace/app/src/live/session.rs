//! A live run under way: what is attached, what waits, and what the host is told.

mod records;

use std::mem;
use std::rc::Rc;

use aya::Ebpf;
use aya::maps::{Map, MapError};
use rtsp_ebpf_common::abi::{FlowKey, FlowValue};
use rtspscope_engine::{CaptureLoss, FlowCounters, Input, LossKind, TapInfo};
use rtspscope_wire::{LinkType, TapId, TapRole, Timestamp};
use tokio::time::Instant;

use super::attach::Attached;
use super::clock::Clock;
use super::counters::Counters;
use super::endpoints::{Endpoints, Update, touches};
use super::error::LiveError;
use super::frames::Frames;
use super::health::{Health, RingUse};
use super::interfaces::{self, Interface};
use super::kernel_log::KernelLog;
use super::links::{self, Change, Links, Sight, tell_sight};
use super::rings::{self, Arrivals, Rings};
use super::standing::Standing;
use super::walks::Walks;
use super::{
    BUSY, Gauges, HEALTH_INTERVAL, Hook, LiveHost, LiveOptions, MANY, Pause, Source, privilege,
};
use crate::failure::Failure;
use crate::sandbox::Capability;

/// Records that are read from the ring before the host gets them.
const BATCH: usize = 1024;

/// Bytes of one look that are many: super-packets of media whose setup is being read fill a ring in no time.
const HEAVY: usize = 128 << 10;

/// Rest after the kernel was told of new media, in times of what that took: of a storm of SETUPs most are told together,
/// or snapshots would leave no time for the ring.
const FOLLOW_REST: u32 = 3;

/// What the last look into the ring found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ring {
    /// More than was taken out, or what fills a small ring within some pauses.
    Full,
    /// Many records, or some that wait for older ones.
    Busy,
    /// Few or none.
    Calm,
}

/// One tapped interface.
#[derive(Clone, Copy, Debug)]
struct Tap {
    ifindex: u32,
    role: TapRole,
    id: TapId,
    link_type: LinkType,
    sight: Sight,
}

/// A live run.
pub(super) struct Live {
    attached: Attached,
    rings: Rings,
    arrivals: Rc<Arrivals>,
    ring_use: RingUse,
    /// The last look into the ring found records, and maybe not all of them.
    ring_is: Ring,
    counters: Counters,
    kernel_log: Option<KernelLog>,
    endpoints: Endpoints,
    walks: Walks,
    frames: Frames,
    taps: Vec<Tap>,
    links: Links,
    /// When the interfaces were looked after the last time.
    looked_at: Timestamp,
    hook: Hook,
    clock: Clock,
    handed_over: u64,
    /// When the last of them passed, on the kernel's monotonic clock.
    heard_ns: u64,
    /// A SETUP was answered that the kernel does not know of yet.
    is_set_up: bool,
    /// When it may be told the next time.
    follow_at: Option<Instant>,
    health: Option<(Health, Option<Instant>)>,
}

impl Live {
    /// Attaches to the interfaces and opens a tap for each; where it fails, no tap was opened.
    pub(super) fn open(
        chosen: &[Interface],
        options: &LiveOptions,
        standing: &Standing,
        host: &mut dyn LiveHost,
    ) -> Result<Self, LiveError> {
        privilege::check()?;
        let mut attached = Attached::load(options, standing)?;
        let kernel_log = options
            .kernel_log
            .then(|| KernelLog::new(&mut attached.ebpf))
            .transpose()?;
        let counters = Counters::new(&mut attached.ebpf)?;
        let endpoints = Endpoints::new(&mut attached.ebpf, &options.rtsp_ports)?;
        let walks = Walks::new(&mut attached.ebpf)?;
        let rings = Rings::new(&mut attached.ebpf)?;
        let arrivals = rings.arrivals();
        let arrivals = Rc::new(arrivals.map_err(LiveError::system("the ring's file"))?);
        // Not before: media that is under way finds no place in a table that nobody has given any.
        attached.attach_to(chosen, options.hook)?;
        for (interface, note) in &attached.notes {
            host.note(interface, note);
        }
        let taps = chosen
            .iter()
            .zip(&attached.ways)
            .map(|(interface, way)| Tap {
                ifindex: interface.index,
                role: interface.role,
                id: host.open_tap(TapInfo {
                    name: interface.name.clone(),
                    role: interface.role,
                    source: format!("{way}:{}", interface.name),
                    link_type: Some(interface.link_type),
                    unfiltered: true,
                }),
                link_type: interface.link_type,
                sight: Sight::default(),
            });
        let taps = taps.collect();
        let frames = Frames::default();
        let (ring_bytes, overflow_bytes) = rings::sizes(options.room_bytes());
        let named = chosen
            .iter()
            .map(|interface| (interface.name.clone(), interface.index));
        let links = Links::new(named);
        let clock = Clock::start();
        Ok(Self {
            attached,
            rings,
            arrivals,
            ring_use: RingUse::of(ring_bytes + overflow_bytes),
            ring_is: Ring::Calm,
            counters,
            kernel_log,
            endpoints,
            walks,
            frames,
            taps,
            links,
            looked_at: clock.real(Clock::now()),
            hook: options.hook,
            clock,
            handed_over: 0,
            heard_ns: 0,
            is_set_up: false,
            follow_at: None,
            health: options.health.then(|| (Health::watch(), None)),
        })
    }

    /// Takes records out of the ring, at most a batch; what that says of it.
    fn read_ring(&mut self) -> Ring {
        let (mut count, mut bytes) = (0, 0);
        let were_all = self.rings.read(BATCH, |record| {
            self.ring_use.take(record.len());
            self.frames.push(record);
            (count, bytes) = (count + 1, bytes + record.len());
        });
        if were_all {
            self.ring_use.found_empty();
        }
        match count {
            _ if !were_all => Ring::Full,
            _ if bytes >= HEAVY => Ring::Full,
            MANY.. => Ring::Busy,
            _ => Ring::Calm,
        }
    }

    fn flow_counters(&self, key: &FlowKey, value: &FlowValue) -> Option<FlowCounters> {
        let tap = self.tap(key.ifindex)?;
        let mut stats = value.stats;
        stats.shift_times(self.clock.offset_ns());
        Some(FlowCounters {
            tap: tap.id,
            from: key.from(),
            to: key.to(),
            stats,
        })
    }

    /// Each tap's name, and whether it watches.
    fn present(&self) -> Vec<(String, bool)> {
        let named = self.links.names().map(str::to_owned);
        let watches = self.taps.iter().map(|tap| !tap.sight.is_lost());
        named.zip(watches).collect()
    }

    fn tap(&self, ifindex: u32) -> Option<Tap> {
        self.taps.iter().find(|tap| tap.ifindex == ifindex).copied()
    }
}

impl Source for Live {
    fn needs(&self) -> Vec<Capability> {
        let mirror = self.taps.iter().any(|tap| tap.role == TapRole::Mirror);
        let programs = [Capability::NET_ADMIN, Capability::PERFMON, Capability::BPF];
        let promiscuous = mirror.then_some(Capability::NET_RAW);
        programs.into_iter().chain(promiscuous).collect()
    }

    fn pause(&self) -> Pause {
        match self.ring_is {
            Ring::Full => Pause::None,
            Ring::Busy => Pause::For(BUSY),
            Ring::Calm => Pause::UntilArrival(Rc::clone(&self.arrivals)),
        }
    }

    fn hand_over(&mut self, host: &mut dyn LiveHost) -> Result<bool, Failure> {
        // What comes from here on tells itself again.
        self.arrivals.forget();
        self.ring_is = self.read_ring();
        let before = self.handed_over;
        let now_ns = Clock::now();
        while let Some(frame) = self.frames.pop_due(now_ns) {
            self.hand_over_one(&frame, host)?;
        }
        if self.ring_is == Ring::Calm && !self.frames.is_empty() {
            self.ring_is = Ring::Busy;
        }
        Ok(self.handed_over != before)
    }

    fn follow_links(&mut self, host: &mut dyn LiveHost) -> Result<(), Failure> {
        let now = self.clock.real(Clock::now());
        let looked_at = mem::replace(&mut self.looked_at, now);
        for (place, name, change) in self.links.changes() {
            let Some(tap) = self.taps.get_mut(place) else {
                continue;
            };
            match change {
                Change::Gone => {
                    self.attached.forget(tap.ifindex);
                    tell_sight(tap.id, tap.sight.lose(looked_at), host)?;
                    links::tell(host, &name, links::HAS_GONE);
                }
                Change::Renamed(new) => {
                    host.note(
                        &name,
                        &format!("the interface is called {new} now and stays tapped"),
                    );
                }
                Change::Back(index) => {
                    tell_sight(tap.id, tap.sight.lose(looked_at), host)?;
                    self.attached.forget(tap.ifindex);
                    tap.ifindex = index;
                    let attached = interfaces::by_name(&name, tap.role).and_then(|interface| {
                        tap.link_type = interface.link_type;
                        self.attached.attach(&interface, self.hook)
                    });
                    let told = match attached {
                        Ok(way) => {
                            let now = self.clock.real(Clock::now());
                            tell_sight(tap.id, tap.sight.regain(now), host)?;
                            format!("the interface is back and tapped again ({way})")
                        }
                        Err(error) => {
                            format!("the interface is back and cannot be tapped: {error}")
                        }
                    };
                    links::tell(host, &name, &told);
                }
                Change::Silent => links::tell(host, &name, links::IS_SILENT),
                Change::Carrying => links::tell(host, &name, links::CARRIES),
            }
        }
        Ok(())
    }

    fn read_counters(&mut self, host: &mut dyn LiveHost) -> Result<(), Failure> {
        for line in self.kernel_log.iter_mut().flat_map(KernelLog::new_lines) {
            host.note("kernel", &line);
        }
        for (key, value) in self.counters.changed_flows().map_err(LiveError::from)? {
            if let Some(counters) = self.flow_counters(&key, &value) {
                host.handle_input(&Input::FlowCounters(&counters))?;
            }
        }
        for counted in self.walks.changed().map_err(LiveError::from)? {
            self.hand_over_channel(&counted, host)?;
        }
        let idle = self.counters.forget_idle(Clock::now());
        match idle.map_err(LiveError::from)? {
            0 => {}
            idle => host.note(
                "flow table",
                &format!("nearly full: {idle} flows without a packet for 10 s were let go"),
            ),
        }
        for (kind, count) in self.counters.new_losses().map_err(LiveError::from)? {
            host.handle_input(&Input::CaptureLoss(CaptureLoss {
                tap: None,
                kind,
                count,
            }))?;
        }
        host.handle_input(&Input::Tick(self.clock.real(Clock::now())))
    }

    fn tell_health(&mut self, host: &mut dyn LiveHost) -> Result<(), Failure> {
        let Some((health, told_at)) = &mut self.health else {
            return Ok(());
        };
        if told_at.is_some_and(|told_at| told_at.elapsed() < HEALTH_INTERVAL) {
            return Ok(());
        }
        *told_at = Some(Instant::now());
        let used = self.counters.used().map_err(LiveError::from)?;
        let (ebpf, ways) = (&self.attached.ebpf, &self.attached.ways);
        let ring = &self.ring_use;
        host.note_health(health.told(ebpf, ways, used, ring, self.handed_over));
        Ok(())
    }

    fn gauges(&self) -> Result<Gauges, Failure> {
        let used = self.counters.used().map_err(LiveError::from)?;
        Ok(Gauges {
            backend: "ebpf",
            ring_bytes: Some(self.ring_use.size()),
            ring_used_max: Some(self.ring_use.most()),
            flows: Some(used.flows as u64),
            flows_max: Some(used.flows_max.into()),
            present: self.present(),
        })
    }

    fn turn(&mut self, host: &mut dyn LiveHost) -> Result<(), Failure> {
        self.is_set_up |= host.handle_batch()?;
        self.walk_carriers(host);
        let begun_at = Instant::now();
        if !self.is_set_up || self.follow_at.is_some_and(|at| begun_at < at) {
            return Ok(());
        }
        self.is_set_up = false;
        let known_ns = self.heard_ns;
        let update = self.endpoints.update(&host.open_sessions());
        let Update { over, unfit } = update.map_err(LiveError::from)?;
        self.follow_at = Some(Instant::now() + begun_at.elapsed() * FOLLOW_REST);
        if unfit > 0 {
            host.handle_input(&Input::CaptureLoss(CaptureLoss {
                tap: None,
                kind: LossKind::EndpointCap,
                count: unfit as u64,
            }))?;
        }
        if over.is_empty() {
            return Ok(());
        }
        // The next use of the ports is another stream: its counts must not begin with those of the last one.
        self.read_counters(host)?;
        self.counters
            .remove_used(|flow| touches(flow, &over), known_ns)
            .map_err(LiveError::from)?;
        Ok(())
    }

    fn detach(&mut self) -> Result<(), Failure> {
        let detached = self.attached.detach();
        detached.map_err(|error| {
            LiveError::Attach {
                name: "kernel programs".to_owned(),
                error,
            }
            .into()
        })
    }

    fn drain_last(mut self: Box<Self>, host: &mut dyn LiveHost) -> Result<(), Failure> {
        while !self.rings.read(BATCH, |record| self.frames.push(record)) {}
        while let Some(frame) = self.frames.pop() {
            self.hand_over_one(&frame, host)?;
        }
        for returned in self.walks.end().map_err(LiveError::from)? {
            self.hand_back(returned, host)?;
        }
        self.read_counters(host)
    }
}

/// Takes a map out of the loaded programs.
pub(super) fn take_map(ebpf: &mut Ebpf, name: &str) -> Result<Map, LiveError> {
    ebpf.take_map(name).ok_or_else(|| no_map(name).into())
}

/// The programs have no map of this name.
pub(super) fn no_map(name: &str) -> MapError {
    MapError::InvalidName {
        name: name.to_owned(),
    }
}
