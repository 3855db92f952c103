//! From the kernel's monotonic clock to the real one.

#[cfg(feature = "ebpf")]
use rtspscope_wire::Timestamp;

/// Readings of which the closest pair is taken.
#[cfg(feature = "ebpf")]
const READINGS: usize = 5;

/// The distance between the two clocks, taken once: times of one run never jump against each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    #[cfg(feature = "ebpf")]
    offset_ns: i64,
}

impl Clock {
    /// Compares the clocks.
    #[cfg(feature = "ebpf")]
    pub(super) fn start() -> Self {
        let readings = (0..READINGS).map(|_| {
            let before = read(libc::CLOCK_MONOTONIC);
            let real = read(libc::CLOCK_REALTIME);
            let after = read(libc::CLOCK_MONOTONIC);
            (after - before, real - before.midpoint(after))
        });
        Self {
            offset_ns: readings.min().map_or(0, |(_, offset_ns)| offset_ns),
        }
    }

    /// What to add to a monotonic time to get a real one, in ns.
    #[cfg(feature = "ebpf")]
    pub(super) fn offset_ns(self) -> i64 {
        self.offset_ns
    }

    /// The real time of a monotonic one in ns.
    #[cfg(feature = "ebpf")]
    pub(super) fn real(self, monotonic_ns: u64) -> Timestamp {
        Timestamp(monotonic_ns.cast_signed().saturating_add(self.offset_ns))
    }

    /// The real time now in ns.
    pub(super) fn real_now() -> u64 {
        read(libc::CLOCK_REALTIME).max(0).cast_unsigned()
    }

    /// The monotonic time now in ns.
    #[cfg(feature = "ebpf")]
    pub(super) fn now() -> u64 {
        read(libc::CLOCK_MONOTONIC).cast_unsigned()
    }
}

fn read(clock: libc::clockid_t) -> i64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the structure lives through the call; both clocks exist on every Linux.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    #[allow(
        clippy::useless_conversion,
        reason = "the fields are narrower on 32-bit machines"
    )]
    let (seconds, nanos) = (i64::from(time.tv_sec), i64::from(time.tv_nsec));
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}
