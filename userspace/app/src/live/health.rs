//! What a live run says of itself: how it is attached, how full its tables are, and what its programs cost.

use std::fmt;
use std::os::fd::OwnedFd;

use aya::Ebpf;
use aya::programs::ProgramInfo;
use aya::sys::{Stats, enable_stats};

use super::counters::Use;

/// What the kernel puts before each record of a ring (`BPF_RINGBUF_HDR_SZ`).
const RECORD_HEADER_LEN: usize = 8;

/// How full the ring was.
#[derive(Debug)]
pub(super) struct RingUse {
    size: u32,
    /// Bytes taken out since it was last found empty, which all lay in it at most a few milliseconds before.
    taken: usize,
    most: usize,
}

impl RingUse {
    /// A ring of `size` bytes that nothing was in.
    pub(super) const fn of(size: u32) -> Self {
        Self {
            size,
            taken: 0,
            most: 0,
        }
    }

    /// A record of `len` bytes was taken out.
    pub(super) fn take(&mut self, len: usize) {
        self.taken += len + RECORD_HEADER_LEN;
        self.most = self.most.max(self.taken);
    }

    /// Its size in bytes.
    pub(super) fn size(&self) -> u64 {
        self.size.into()
    }

    /// Most bytes that were in use.
    pub(super) const fn most(&self) -> u64 {
        self.most as u64
    }

    /// Nothing more was in it.
    pub(super) const fn found_empty(&mut self) {
        self.taken = 0;
    }
}

impl fmt::Display for RingUse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = self.most.div_ceil(1 << 10);
        write!(
            formatter,
            "at most {most} of {} KiB in use",
            self.size >> 10
        )
    }
}

/// Keeps the kernel's count of what programs cost switched on.
#[derive(Debug)]
pub(super) struct Health {
    /// Held, not used; `None` where the kernel has no such count (before 5.8) or does not allow it.
    counting: Option<OwnedFd>,
}

impl Health {
    /// Switches the count on, for as long as this lives. It costs each program some ten nanoseconds a packet.
    pub(super) fn watch() -> Self {
        Self {
            counting: enable_stats(Stats::RunTime).ok(),
        }
    }

    /// By label and value. `ways` says how each interface is tapped.
    pub(super) fn told(
        &self,
        ebpf: &Ebpf,
        ways: &[&'static str],
        used: Use,
        ring: &RingUse,
        handed_over: u64,
    ) -> Vec<(String, String)> {
        let mut told = vec![("attached by".to_owned(), ways.join(", "))];
        told.push((
            "ring".to_owned(),
            format!(
                "{handed_over} frames read, {ring}, {} did not fit",
                used.ring_full
            ),
        ));
        told.push((
            "flow table".to_owned(),
            format!(
                "{} of {} in use, {} did not fit",
                used.flows, used.flows_max, used.map_full
            ),
        ));
        for (name, program) in ebpf.programs() {
            // A program that was not needed is not loaded.
            let Ok(info) = program.info() else { continue };
            told.push((name.to_owned(), self.cost(&info)));
        }
        told
    }

    fn cost(&self, info: &ProgramInfo) -> String {
        let verified = info
            .verified_instruction_count()
            .map_or_else(String::new, |count| {
                format!(", {count} instructions verified")
            });
        let runs = info.run_count();
        match (
            &self.counting,
            info.run_time().as_nanos().checked_div(runs.into()),
        ) {
            (Some(_), Some(nanos)) => {
                format!("{nanos} ns a packet on average, {runs} packets{verified}")
            }
            (Some(_), None) => format!("no packet yet{verified}"),
            (None, _) => format!("the kernel does not tell its cost{verified}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_without_a_pause_lay_in_the_ring_together() {
        let mut ring = RingUse::of(8 << 20);
        ring.take(1_016);
        ring.take(1_016);
        ring.found_empty();
        ring.take(1_016);
        assert_eq!(ring.to_string(), "at most 2 of 8192 KiB in use");
    }
}
