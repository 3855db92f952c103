//! What finds no room is counted: packets sent are those counted or copied and those lost, to the last one. Root only.

use rtspscope_engine::LossKind;

use super::*;

/// Room in the flow table.
const FLOWS: u16 = 8_192;

/// The sender and receiver of the `number`th flow.
fn ends(number: u16) -> (SocketAddr, SocketAddr) {
    let (mut from, mut to) = MEDIA;
    from.set_port(1_024 + number);
    to.set_port(MEDIA.1.port());
    (from, to)
}

/// Takes the samples out of the ring now and then.
fn make_room(loaded: &mut Loaded, number: u16) {
    if number.is_multiple_of(512) {
        loaded.records();
    }
}

/// Packets lost for one reason, by the kernel's own count.
fn lost(loaded: &mut Loaded, counter: Counter) -> u64 {
    let losses = loaded.losses();
    let others = losses.iter().sum::<u64>() - losses[counter as usize];
    assert_eq!(others, 0, "lost for another reason: {losses:?}");
    losses[counter as usize]
}

#[test]
fn packets_of_flows_beyond_the_table_are_counted_as_lost() {
    const BEYOND: u16 = 50;
    const EACH: u64 = 3;
    if !may_load("packets_of_flows_beyond_the_table_are_counted_as_lost") {
        return;
    }
    let mut loaded = Loaded::new();
    loaded.follow_media();
    for number in 0..FLOWS + BEYOND {
        loaded.run("rtsp_ether_in", &udp(ends(number), &rtp(1)), EACH as u32);
        make_room(&mut loaded, number);
    }
    assert_eq!(
        lost(&mut loaded, Counter::MapFull),
        u64::from(BEYOND) * EACH
    );
    let flows = loaded.flows();
    assert_eq!(flows.len(), usize::from(FLOWS));
    let counted = flows.iter().map(|(_, value)| value.stats.packets);
    assert_eq!(counted.sum::<u64>(), u64::from(FLOWS) * EACH);
}

#[test]
fn idle_flows_make_room_when_the_table_is_nearly_full_and_not_before() {
    /// A moment when all flows have been silent for long.
    const LATER: u64 = u64::MAX / 2;
    if !may_load("idle_flows_make_room_when_the_table_is_nearly_full_and_not_before") {
        return;
    }
    let mut loaded = Loaded::new();
    loaded.follow_media();
    let nearly = FLOWS - FLOWS / 8;
    for number in 0..nearly - 1 {
        loaded.run("rtsp_ether_in", &udp(ends(number), &rtp(1)), 1);
        make_room(&mut loaded, number);
    }
    let mut counters = loaded.counters().unwrap();
    assert_eq!(
        counters.changed_flows().unwrap().len(),
        usize::from(nearly - 1)
    );
    assert_eq!(counters.forget_idle(LATER).unwrap(), 0);

    loaded.run("rtsp_ether_in", &udp(ends(nearly), &rtp(1)), 1);
    assert_eq!(counters.changed_flows().unwrap().len(), 1);
    assert_eq!(counters.forget_idle(0).unwrap(), 0, "none is idle yet");
    assert_eq!(counters.forget_idle(LATER).unwrap(), usize::from(nearly));
    assert_eq!(counters.used().unwrap().flows, 0);

    // One that goes on is counted anew.
    loaded.run("rtsp_ether_in", &udp(ends(0), &rtp(2)), 1);
    let changed = counters.changed_flows().unwrap();
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0].1.stats.packets, 1);
    assert_eq!(counters.new_losses().unwrap(), []);
}

#[test]
fn text_beyond_the_ring_is_counted_as_lost_and_once() {
    const SENT: u32 = 1_000;
    if !may_load("text_beyond_the_ring_is_counted_as_lost_and_once") {
        return;
    }
    let mut loaded = Loaded::with(&LiveOptions {
        ring_bytes: Some(64 << 10),
        ..options()
    });
    let packet = text("RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n");
    loaded.run("rtsp_ether_in", &packet, SENT);
    let lost_first = lost(&mut loaded, Counter::RingFull);
    let copied = loaded.records().len() as u64;
    assert_eq!(copied + lost_first, u64::from(SENT));
    assert!(lost_first > 0 && copied > 0, "{copied} copied");

    // The ring is empty again: all goes on.
    loaded.run("rtsp_ether_in", &packet, copied as u32);
    assert_eq!(loaded.records().len() as u64, copied);
    let mut counters = loaded.counters().unwrap();
    let told = counters.new_losses().unwrap();
    assert_eq!(told, [(LossKind::RingFull, lost_first)]);
    assert_eq!(counters.new_losses().unwrap(), []);
}

#[test]
fn what_the_ring_has_no_room_for_overflows_and_is_read_in_order() {
    if !may_load("what_the_ring_has_no_room_for_overflows_and_is_read_in_order") {
        return;
    }
    // A ring of 16 KiB, which takes 62 of these.
    let mut loaded = Loaded::with(&LiveOptions {
        ring_bytes: Some(64 << 10),
        ..options()
    });
    let packet = text("RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n");
    loaded.run("rtsp_ether_in", &packet, 100);
    let mut records = loaded.some_records(30);
    // There is room in the ring again, for records that are younger than those beside it.
    loaded.run("rtsp_ether_in", &packet, 20);
    records.extend(loaded.some_records(45));
    records.extend(loaded.records());
    assert_eq!(records.len(), 120);
    assert!(records.is_sorted_by_key(|(header, _)| header.at_ns));

    // Longer ones go another way.
    let long = text(&format!(
        "RTSP/1.0 200 OK\r\nX: {}\r\n\r\n",
        "x".repeat(3_000)
    ));
    loaded.run("rtsp_ether_in", &long, 10);
    assert_eq!(loaded.records().len(), 10);
    assert_eq!(loaded.losses(), [0; COUNTERS]);
}

#[test]
fn more_connections_than_are_remembered_take_no_room_from_new_ones() {
    /// More than the kernel remembers connections, and pairs of hosts.
    const CONVERSATIONS: u16 = 20_000;
    if !may_load("more_connections_than_are_remembered_take_no_room_from_new_ones") {
        return;
    }
    let mut loaded = Loaded::with(&LiveOptions {
        ring_bytes: Some(8 << 20),
        ..options()
    });
    for number in 0..CONVERSATIONS {
        let (from, to) = between(number);
        let said = packets::said((from, to), "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n");
        loaded.run("rtsp_ether_in", &said, 1);
    }
    // Small records, for all of which the ring has room.
    assert_eq!(loaded.records().len(), usize::from(CONVERSATIONS));
    let last = between(CONVERSATIONS - 1);
    let media = udp((last.0, last.1), &rtp(1));
    loaded.run("rtsp_ether_in", &media, 1);
    assert_eq!(loaded.flows().len(), 1, "its hosts are known");
    // The first is forgotten, and recognised by its next message.
    let first = between(0);
    loaded.records();
    let middle = packets::said(first, "Content-Length: 0\r\n\r\n");
    loaded.run("rtsp_ether_in", &middle, 1);
    assert_eq!(loaded.records().len(), 0, "it was forgotten");
    let begin = packets::said(first, "RTSP/1.0 200 OK\r\nCSeq: 2\r\n\r\n");
    loaded.run("rtsp_ether_in", &begin, 1);
    loaded.run("rtsp_ether_in", &middle, 1);
    assert_eq!(loaded.records().len(), 2);
    assert_eq!(loaded.losses(), [0; COUNTERS]);
}

/// The ends of the `number`th conversation.
fn between(number: u16) -> (SocketAddr, SocketAddr) {
    let [high, low] = number.to_be_bytes();
    (
        SocketAddr::from(([10, 9, high, low], 5544)),
        SocketAddr::from(([10, 8, high, low], 40_000)),
    )
}
