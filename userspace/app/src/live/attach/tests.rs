//! The programs run by the kernel on made packets (`BPF_PROG_TEST_RUN`), and their attachment in a panic. Root only.

mod agreement;
mod cost;
mod log;
mod losses;
mod others;
mod packets;
mod paged;
mod shapes;
mod standing;

use std::net::SocketAddr;

use aya::maps::{Array, HashMap, PerCpuArray};
use aya::programs::{TestRun, TestRunOptions, TestRunResult};
use rtsp_ebpf_common::abi::{
    COUNTERS, Counter, EndpointKey, EndpointValue, FlowKey, FlowValue, Local, PeerKey, PortMarks,
    RecordHeader, port_marks,
};

use super::super::counters::{Counters, Flows};
use super::super::endpoints::PORT_MARKS;
use super::super::rings::Rings;
use super::super::testing::in_own_namespace;
use super::*;
use packets::{MEDIA, rtp, text, udp};

/// What every TC program returns: go on with the next (`TC_ACT_UNSPEC`).
const GO_ON: u32 = u32::MAX;

/// `XDP_PASS`.
const PASS: u32 = 2;

/// Whether a test can run; says so where it cannot.
fn may_load(test: &str) -> bool {
    let may = super::super::privilege::check().is_ok();
    if !may {
        println!("{test}: skipped, it needs root");
    }
    may
}

/// The loopback: the one interface of a new namespace.
fn loopback() -> Interface {
    Interface {
        name: "lo".to_owned(),
        index: 1,
        role: TapRole::Lan,
        link_type: LinkType::ETHERNET,
        is_loopback: false,
    }
}

/// Options as the command line would give them.
fn options() -> LiveOptions {
    LiveOptions {
        rtsp_ports: vec![554],
        ..LiveOptions::default()
    }
}

/// Programs that watch these interfaces.
fn attached(interfaces: &[Interface], hook: Hook) -> Result<Attached, LiveError> {
    let mut attached = Attached::load(&options(), &Standing::default())?;
    attached.attach_to(interfaces, hook)?;
    Ok(attached)
}

/// Programs that are loaded and attached to nothing.
struct Loaded {
    ebpf: Ebpf,
    /// Until it is handed over.
    flows: Option<Flows>,
    rings: Rings,
}

impl Loaded {
    fn new() -> Self {
        Self::with_log(false)
    }

    fn with_log(kernel_log: bool) -> Self {
        Self::with(&LiveOptions {
            kernel_log,
            ..options()
        })
    }

    fn with(options: &LiveOptions) -> Self {
        let mut ebpf = load(options).unwrap();
        for (_, _, name) in PROGRAMS {
            let tc: &mut SchedClassifier = program(&mut ebpf, name).unwrap();
            tc.load().unwrap();
        }
        let xdp: &mut Xdp = program(&mut ebpf, MIRROR_PROGRAM).unwrap();
        xdp.load().unwrap();
        let flows = Some(Flows::new(&mut ebpf).unwrap());
        let rings = Rings::new(&mut ebpf).unwrap();
        Self { ebpf, flows, rings }
    }

    /// Runs a program on a packet so many times; the result, and the packet afterwards.
    fn run(&mut self, name: &str, packet: &[u8], repeat: u32) -> (TestRunResult, Vec<u8>) {
        let mut after = vec![0; packet.len() + 256];
        let options = TestRunOptions {
            data_in: Some(packet),
            data_out: Some(&mut after),
            repeat,
            ..TestRunOptions::default()
        };
        let result = match self.ebpf.program_mut(name) {
            Some(Program::SchedClassifier(program)) => program.test_run(options),
            Some(Program::Xdp(program)) => program.test_run(options),
            other => panic!("{name}: {other:?}"),
        };
        let result = result.unwrap();
        after.truncate(result.data_size_out as usize);
        (result, after)
    }

    /// Follows what goes to the receiver of [`MEDIA`].
    fn follow_media(&mut self) {
        self.follow(MEDIA.1);
    }

    /// Follows what goes to an end.
    fn follow(&mut self, to: SocketAddr) {
        let ends = self.ebpf.map_mut("ENDPOINTS").unwrap();
        let mut ends: HashMap<_, EndpointKey, EndpointValue> = ends.try_into().unwrap();
        let value = EndpointValue { clock_rate: 90_000 };
        ends.insert(EndpointKey::new(to), value, 0).unwrap();
        self.mark_ports(&[to.port()]);
    }

    /// Marks these ports, as user space does for listed and negotiated ones.
    fn mark_ports(&mut self, ports: &[u16]) {
        let marks = self.ebpf.map_mut(PORT_MARKS).unwrap();
        let mut marks: Array<_, PortMarks> = marks.try_into().unwrap();
        marks.set(0, port_marks(ports.iter().copied()), 0).unwrap();
    }

    /// Hands the counting maps over.
    fn counters(&mut self) -> Result<Counters, LiveError> {
        Counters::of(self.flows.take().unwrap(), &mut self.ebpf)
    }

    /// Takes all records out of the ring and its overflow.
    fn records(&mut self) -> Vec<(RecordHeader, Vec<u8>)> {
        self.some_records(usize::MAX)
    }

    /// Takes so many records out of the ring and its overflow.
    fn some_records(&mut self, most: usize) -> Vec<(RecordHeader, Vec<u8>)> {
        let mut records = Vec::new();
        self.rings.read(most, |record| {
            let (header, frame) = RecordHeader::split(record).unwrap();
            records.push((header, frame.to_vec()));
        });
        records
    }

    /// What the programs could not do, by counter.
    fn losses(&mut self) -> [u64; COUNTERS] {
        let local = self.ebpf.map("LOCAL").unwrap();
        let local: PerCpuArray<_, Local> = local.try_into().unwrap();
        let mut losses = [0; COUNTERS];
        for local in local.get(&0, 0).unwrap().iter() {
            for (sum, count) in losses.iter_mut().zip(local.counters) {
                *sum += count;
            }
        }
        losses[Counter::Recognised as usize] = 0;
        losses
    }

    /// Forgets flows, connections, and ends that are followed; takes much less time than loading the programs anew.
    fn forget(&mut self) {
        let flows = self.flows.as_mut().unwrap();
        for (place, value) in flows.all().unwrap() {
            flows.remove(place, &value.flow).unwrap();
        }
        self.forget_keys_of::<FlowKey, u32>("CONNECTIONS");
        self.forget_keys_of::<PeerKey, u32>("PEERS");
        self.forget_keys_of::<EndpointKey, EndpointValue>("ENDPOINTS");
        self.records();
    }

    fn forget_keys_of<K: aya::Pod, V: aya::Pod>(&mut self, map: &str) {
        let map = self.ebpf.map_mut(map).unwrap();
        let mut map: HashMap<_, K, V> = map.try_into().unwrap();
        let keys: Vec<_> = map.keys().map(Result::unwrap).collect();
        for key in keys {
            map.remove(&key).unwrap();
        }
    }

    fn flows(&mut self) -> Vec<(FlowKey, FlowValue)> {
        let flows = self.flows.as_ref().unwrap().all().unwrap();
        let named = flows.into_iter().map(|(_, value)| (value.flow, value));
        named.collect()
    }
}

#[test]
fn every_packet_goes_on_unchanged() {
    if !may_load("every_packet_goes_on_unchanged") {
        return;
    }
    let mut loaded = Loaded::new();
    loaded.follow_media();
    let packets = [
        udp(MEDIA, &rtp(1)),
        text("OPTIONS rtsp://192.0.2.1/ RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
        text("GET / HTTP/1.1\r\nHost: example\r\n\r\n"),
        vec![0xff; 60],
        packets::unreadable(),
    ];
    for packet in &packets {
        for (_, _, name) in PROGRAMS {
            let (result, after) = loaded.run(name, packet, 1);
            assert_eq!(result.return_value, GO_ON, "{name}");
            assert_eq!(&after, packet, "{name}");
        }
        let (result, after) = loaded.run(MIRROR_PROGRAM, packet, 1);
        assert_eq!(result.return_value, PASS);
        assert_eq!(&after, packet);
    }
}

#[test]
fn a_mirror_port_ends_its_packets_only_if_asked_to() {
    /// `XDP_DROP` and `TC_ACT_SHOT`.
    const DROPPED: [u32; 2] = [1, 2];
    if !may_load("a_mirror_port_ends_its_packets_only_if_asked_to") {
        return;
    }
    let packet = udp(MEDIA, &rtp(1));
    let verdicts = |mirror: Option<&str>| {
        let mut loaded = Loaded::with(&LiveOptions {
            mirror: mirror.map(str::to_owned),
            mirror_drop: true,
            ..options()
        });
        [MIRROR_PROGRAM, "rtsp_ether_in"].map(|name| loaded.run(name, &packet, 1).0.return_value)
    };
    assert_eq!(verdicts(Some("eth1")), DROPPED);
    assert_eq!(verdicts(None), [PASS, GO_ON], "a router never drops");
}

#[test]
fn media_is_counted_and_its_first_packets_are_copied() {
    if !may_load("media_is_counted_and_its_first_packets_are_copied") {
        return;
    }
    let mut loaded = Loaded::new();
    loaded.follow_media();
    for seq in [1, 2, 4, 4, 3, 7, 8, 9] {
        loaded.run("rtsp_ether_in", &udp(MEDIA, &rtp(seq)), 1);
    }
    let [(key, value)] = loaded.flows()[..] else {
        panic!("one flow");
    };
    assert_eq!((key.from(), key.to()), MEDIA);
    let rtp = value.stats.rtp;
    assert_eq!(
        (rtp.packets, rtp.expected(), rtp.lost()),
        (8, 9, 2),
        "5 and 6 never came"
    );
    assert_eq!((rtp.duplicates, rtp.reordered), (1, 1));
    assert_eq!(loaded.records().len(), 4);
}

#[test]
fn nobody_follows_what_was_not_agreed_on() {
    if !may_load("nobody_follows_what_was_not_agreed_on") {
        return;
    }
    let mut loaded = Loaded::new();
    loaded.run("rtsp_ether_in", &udp(MEDIA, &rtp(1)), 8);
    assert_eq!(loaded.flows().len() + loaded.records().len(), 0);
}

#[test]
fn peers_of_a_conversation_are_followed_at_any_port() {
    if !may_load("peers_of_a_conversation_are_followed_at_any_port") {
        return;
    }
    let mut loaded = Loaded::new();
    loaded.run(
        "rtsp_ether_in",
        &text("RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"),
        1,
    );
    loaded.run("rtsp_ether_in", &udp(MEDIA, &rtp(1)), 1);
    assert_eq!(loaded.flows().len(), 1);
    assert_eq!(
        loaded.records().len(),
        2,
        "the text and the first of the media"
    );
}

#[test]
fn a_panic_detaches_everything() {
    if !may_load("a_panic_detaches_everything") {
        return;
    }
    let ended = in_own_namespace(|| {
        let panicked = std::panic::catch_unwind(|| {
            let _attached = attached(&[loopback()], Hook::Clsact).unwrap();
            assert!(clsact::has_filters(1).unwrap(), "while it runs");
            panic!("on purpose");
        });
        assert!(panicked.is_err());
        assert!(!clsact::has_filters(1).unwrap());
        assert!(tc::qdisc_add_clsact("lo").is_ok(), "the qdisc is gone too");
    });
    assert!(ended.is_ok());
}

#[test]
fn a_signal_while_programs_are_loaded_does_no_harm() {
    let tries = |disturbed: u32, last: Result<(), &'static str>| {
        let mut count = 0;
        let load = || {
            count += 1;
            if count > disturbed {
                last
            } else {
                Err("signal")
            }
        };
        let loaded = load_again(load, |error| *error == "signal");
        (loaded, count)
    };
    assert_eq!(tries(0, Ok(())), (Ok(()), 1));
    assert_eq!(tries(2, Ok(())), (Ok(()), 3));
    assert_eq!(tries(1, Err("verifier")), (Err("verifier"), 2));
    assert_eq!(tries(u32::MAX, Ok(())), (Err("signal"), LOAD_TRIES));
}
