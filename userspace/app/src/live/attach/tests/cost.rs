//! What a packet costs, as ratios to an empty program in the same run. A measurement, which `cargo xtask bench kernel`
//! runs; kernel programs are optimised in any build.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::packets::{MEDIA, rtp, text, udp};
use super::{Loaded, MIRROR_PROGRAM, may_load};

/// Runs of one measurement: enough for tenths of a nanosecond, which the kernel's own mean does not give.
const REPEAT: u32 = 1_000_000;

/// Runs of one measurement with text: fewer records than the ring takes.
const TEXTS: u32 = 500;

/// More records than the ring takes, and fewer than its overflow.
const BEYOND: u32 = 1000;

/// Measurements of which the best counts: the machine may be busy with something else.
const ROUNDS: usize = 25;

/// `BPF_PROG_LOAD`, `BPF_PROG_TEST_RUN` and the program types (`linux/bpf.h`).
const PROG_LOAD: libc::c_long = 5;
const PROG_TEST_RUN: libc::c_long = 10;
const SCHED_CLS: u32 = 3;
const XDP: u32 = 6;

#[test]
#[ignore = "a measurement: cargo xtask bench kernel"]
fn cost_of_a_packet() {
    if !may_load("cost_of_a_packet") {
        return;
    }
    let padding = "x".repeat(460);
    let control = text(&format!(
        "RTSP/1.0 200 OK\r\nCSeq: 1\r\nX-Pad: {padding}\r\n\r\n"
    ));
    let media = udp(MEDIA, &rtp(1));
    let other = text("no text of interest, but as long as a request might be");

    let (tc, xdp) = (Empty::load(SCHED_CLS).unwrap(), Empty::load(XDP).unwrap());
    let empty_tc = best(|| timed(|| tc.run(&media).unwrap()));
    let empty_xdp = best(|| timed(|| xdp.run(&media).unwrap()));
    let mut loaded = Loaded::new();
    // Ports that others listen on and have negotiated: an idle tap would be no measure.
    loaded.mark_ports(&[554, 8554, 40_002, 40_003]);
    let ignored = best(|| cost(&mut loaded, "rtsp_ether_in", &media));
    let ignored_tcp = best(|| cost(&mut loaded, "rtsp_ether_in", &other));
    let ignored_xdp = best(|| cost(&mut loaded, MIRROR_PROGRAM, &media));
    let ignored_xdp_tcp = best(|| cost(&mut loaded, MIRROR_PROGRAM, &other));
    loaded.follow_media();
    let counted = best(|| cost(&mut loaded, "rtsp_ether_in", &media));
    let copied = cost_of_text(&mut loaded, &control, 0);
    let overflowed = cost_of_text(&mut loaded, &control, BEYOND);

    println!("ns per packet, and ratio to an empty program");
    for (name, nanos, empty) in [
        ("TC empty", empty_tc, empty_tc),
        ("TC, UDP of no interest", ignored, empty_tc),
        ("TC, TCP of no interest", ignored_tcp, empty_tc),
        ("TC, followed RTP", counted, empty_tc),
        ("TC, RTSP of 500 bytes", copied, empty_tc),
        ("  beyond the ring", overflowed, empty_tc),
        ("XDP empty", empty_xdp, empty_xdp),
        ("XDP, UDP of no interest", ignored_xdp, empty_xdp),
        ("XDP, TCP of no interest", ignored_xdp_tcp, empty_xdp),
    ] {
        println!("{name:<26} {nanos:>6.1} {:>6.2}", nanos / empty);
    }
}

fn best(mut measure: impl FnMut() -> f64) -> f64 {
    (0..ROUNDS).map(|_| measure()).fold(f64::INFINITY, f64::min)
}

/// Mean processor time in ns of each of the [`REPEAT`] runs that `run` makes. Not the time on the clock: before an XDP
/// program runs, the kernel waits for all processors.
fn timed(run: impl FnOnce()) -> f64 {
    let begun_ns = thread_ns();
    run();
    (thread_ns() - begun_ns) as f64 / f64::from(REPEAT)
}

/// Processor time of this thread.
fn thread_ns() -> i64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: writes to a place of ours.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(result, 0);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

fn cost(loaded: &mut Loaded, program: &str, packet: &[u8]) -> f64 {
    timed(|| {
        loaded.run(program, packet, REPEAT);
    })
}

/// Cost of a message of control text behind so many that wait; each round begins with empty rings.
fn cost_of_text(loaded: &mut Loaded, packet: &[u8], waiting: u32) -> f64 {
    loaded.records();
    best(|| {
        if waiting > 0 {
            loaded.run("rtsp_ether_in", packet, waiting);
        }
        let result = loaded.run("rtsp_ether_in", packet, TEXTS).0;
        assert_eq!(loaded.records().len(), (waiting + TEXTS) as usize);
        result.duration.as_nanos() as f64
    })
}

/// The program "return 2", too small for a compiler.
struct Empty(OwnedFd);

impl Empty {
    fn load(kind: u32) -> io::Result<Self> {
        // r0 = 2; exit
        let code: [u64; 2] = [0x0000_0002_0000_00b7, 0x95];
        let license = c"GPL";
        let mut attributes = [0_u64; 16];
        attributes[0] = u64::from(kind) | (code.len() as u64) << 32;
        attributes[1] = code.as_ptr() as u64;
        attributes[2] = license.as_ptr() as u64;
        let fd = bpf(PROG_LOAD, &mut attributes)?;
        // SAFETY: just opened, and owned by nobody else.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    fn run(&self, packet: &[u8]) -> io::Result<()> {
        let mut attributes = [0_u64; 16];
        attributes[0] = u64::from(self.0.as_raw_fd().cast_unsigned());
        attributes[1] = packet.len() as u64;
        attributes[2] = packet.as_ptr() as u64;
        attributes[4] = u64::from(REPEAT);
        bpf(PROG_TEST_RUN, &mut attributes).map(drop)
    }
}

fn bpf(command: libc::c_long, attributes: &mut [u64; 16]) -> io::Result<i32> {
    let len = size_of_val(attributes);
    // SAFETY: the attributes and what they point to live through the call.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, attributes.as_mut_ptr(), len) };
    match i32::try_from(result) {
        Ok(result) if result >= 0 => Ok(result),
        _ => Err(io::Error::last_os_error()),
    }
}
