//! A live run under way: what is attached, what waits, and what the host is told.

use std::time::Duration;

use aya::maps::{MapData, RingBuf};
use rtsp_ebpf_common::abi::{Direction as Way, FlowKey, FlowValue};
use rtspscope_engine::{CaptureLoss, FlowCounters, Input, TapInfo};
use rtspscope_wire::{Direction, FrameRef, LinkType, TapId};
use tokio::io::unix::AsyncFd;
use tokio::time::sleep;

use super::attach::Attached;
use super::clock::Clock;
use super::counters::Counters;
use super::endpoints::{Endpoints, touches};
use super::error::LiveError;
use super::frames::{Frames, HOLD, Waiting};
use super::interfaces::{self, Interface};
use super::kernel_log::KernelLog;
use super::{LiveHost, LiveOptions, privilege};
use crate::failure::Failure;

/// Records that are read from the ring before the host gets them.
const BATCH: usize = 1024;

/// One tapped interface.
#[derive(Clone, Copy, Debug)]
struct Tap {
    ifindex: u32,
    id: TapId,
    link_type: LinkType,
}

/// A live run.
pub(super) struct Live {
    attached: Attached,
    ring: AsyncFd<RingBuf<MapData>>,
    counters: Counters,
    kernel_log: Option<KernelLog>,
    endpoints: Endpoints,
    frames: Frames,
    taps: Vec<Tap>,
    clock: Clock,
    handed_over: u64,
}

impl Live {
    /// Attaches to the interfaces and opens a tap for each.
    pub(super) fn open(options: &LiveOptions, host: &mut dyn LiveHost) -> Result<Self, Failure> {
        let chosen = interfaces::choose(options)?;
        privilege::check()?;
        let mut attached = Attached::new(
            &chosen,
            &options.rtsp_ports,
            options.hook,
            options.kernel_log,
        )?;
        let kernel_log = options
            .kernel_log
            .then(|| KernelLog::new(&mut attached.ebpf))
            .transpose()?;
        let counters = Counters::new(&mut attached.ebpf)?;
        let endpoints = Endpoints::new(&mut attached.ebpf, &options.rtsp_ports)?;
        let ring = super::take_map(&mut attached.ebpf, "RING")?;
        let ring = RingBuf::try_from(ring).map_err(LiveError::from)?;
        // SAFETY: the ring owns its descriptor and keeps it open as long as it lives.
        let ring = unsafe { AsyncFd::register(ring) };
        let ring = ring.map_err(|error| LiveError::system("epoll")(error.into_parts().1))?;
        if options.taps.is_empty() && options.mirror.is_none() {
            tell_choice(&chosen, host);
        }
        for (interface, note) in &attached.notes {
            host.note(interface, note);
        }
        let taps = chosen
            .iter()
            .zip(&attached.ways)
            .map(|(interface, way)| Tap {
                ifindex: interface.index,
                id: host.open_tap(TapInfo {
                    name: interface.name.clone(),
                    role: interface.role,
                    source: format!("{way}:{}", interface.name),
                    link_type: Some(interface.link_type),
                    unfiltered: true,
                }),
                link_type: interface.link_type,
            });
        let taps = taps.collect();
        let frames = Frames::default();
        Ok(Self {
            attached,
            ring,
            counters,
            kernel_log,
            endpoints,
            frames,
            taps,
            clock: Clock::start(),
            handed_over: 0,
        })
    }

    /// Reads what is in the ring; waits for it unless frames are waiting already.
    pub(super) async fn wait_for_frames(&mut self) -> Result<(), Failure> {
        let held = if self.frames.is_empty() {
            None
        } else {
            Some(HOLD)
        };
        let ready = tokio::select! {
            ready = self.ring.readable_mut() => Some(ready.map_err(LiveError::system("epoll"))?),
            () = rest(held) => None,
        };
        let Some(mut ready) = ready else {
            return Ok(());
        };
        for _ in 0..BATCH {
            let Some(record) = ready.get_inner_mut().next() else {
                ready.clear_ready();
                break;
            };
            self.frames.push(&record);
        }
        Ok(())
    }

    /// Hands over the frames that have waited long enough.
    pub(super) fn hand_over(&mut self, host: &mut dyn LiveHost) -> Result<(), Failure> {
        let now_ns = Clock::now();
        while let Some(frame) = self.frames.pop_due(now_ns) {
            self.hand_over_one(&frame, host)?;
        }
        Ok(())
    }

    /// Hands over what the kernel counted and said, and the time.
    pub(super) fn read_counters(&mut self, host: &mut dyn LiveHost) -> Result<(), Failure> {
        for line in self.kernel_log.iter_mut().flat_map(KernelLog::new_lines) {
            host.note("kernel", &line);
        }
        for (key, value) in self.counters.changed_flows().map_err(LiveError::from)? {
            if let Some(counters) = self.flow_counters(&key, &value) {
                host.handle_input(&Input::FlowCounters(&counters))?;
            }
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

    /// Gives way to the host, and follows new media if it has seen an answer to SETUP.
    pub(super) fn turn(&mut self, host: &mut dyn LiveHost) -> Result<(), Failure> {
        if !host.handle_batch()? {
            return Ok(());
        }
        let over = self
            .endpoints
            .update(&host.snapshot())
            .map_err(LiveError::from)?;
        if over.is_empty() {
            return Ok(());
        }
        // The next use of the ports is another stream: its counts must not begin with those of the last one.
        self.read_counters(host)?;
        self.counters
            .remove_flows(|flow| touches(flow, &over))
            .map_err(LiveError::from)?;
        Ok(())
    }

    /// Detaches the programs; what they have written stays.
    pub(super) fn detach(&mut self) -> Result<(), LiveError> {
        self.attached.detach().map_err(|error| LiveError::Attach {
            name: "kernel programs".to_owned(),
            error,
        })
    }

    /// Hands over everything that is left.
    pub(super) fn drain_last(mut self, host: &mut dyn LiveHost) -> Result<(), Failure> {
        while let Some(record) = self.ring.get_mut().next() {
            self.frames.push(&record);
        }
        while let Some(frame) = self.frames.pop() {
            self.hand_over_one(&frame, host)?;
        }
        self.read_counters(host)
    }

    fn hand_over_one(&mut self, frame: &Waiting, host: &mut dyn LiveHost) -> Result<(), Failure> {
        let Some(tap) = self.tap(frame.header.ifindex) else {
            return Ok(());
        };
        self.handed_over += 1;
        host.handle_input(&Input::Frame(FrameRef {
            at: self.clock.real(frame.header.at_ns),
            tap: tap.id,
            direction: direction(frame.header.direction),
            link_type: tap.link_type,
            number: self.handed_over,
            original_len: frame.original_len(),
            bytes: &frame.bytes,
        }))
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

    fn tap(&self, ifindex: u32) -> Option<Tap> {
        self.taps.iter().find(|tap| tap.ifindex == ifindex).copied()
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

fn direction(number: u8) -> Direction {
    if number == Way::Egress as u8 {
        Direction::Egress
    } else {
        Direction::Ingress
    }
}

/// Waits for a time, for ever if there is none.
async fn rest(time: Option<Duration>) {
    match time {
        Some(time) => sleep(time).await,
        None => std::future::pending().await,
    }
}
