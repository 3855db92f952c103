//! Messages of a kernel (6.18, x86-64), taken off its socket while its FTP helper let a client behind a masquerade be
//! reached: `PORT 192,168,1,100,4,56` became `PORT 203,0,113,1,4,56`, two bytes shorter.

use super::*;

/// The control connection begins; a rule has attached the helper.
const CONTROL_NEW: &str = "\
    d000000000010006000000000000000002000000340001801400018008000100c0a8016408000200cb00710a1c00028005000100\
    0600000006000200c26c00000600030000150000340002801400018008000100cb00710a08000200cb0071011c00028005000100\
    06000000060002000015000006000300c26c000008000c005b8026aa08000300000021980800070000000078300004802c000180\
    0500010001000000050002000a0000000500030000000000060004000300000006000500000000000c0005800800010066747000";

/// The helper expects the server at the client's port 1080.
const EXPECTATION_NEW: &str = "\
    3001000000020006000000000000000002000000340002801400018008000100cb00710a08000200cb0071011c00028005000100\
    0600000006000200000000000600030004380000340003801400018008000100ffffffff08000200ffffffff1c00028005000100\
    06000000060002000000000006000300ffff0000340001801400018008000100c0a8016408000200cb00710a1c00028005000100\
    0600000006000200c26c0000060003000015000040000a8008000100000000013400028014000180080001000000000008000200\
    000000001c000280050001000600000006000200043800000600030000000000080004000000012c0800050041104ad708000800\
    000000000800090000000000080006006674700016000b006e61742d666f6c6c6f772d6d6173746572000000";

/// The expected connection came.
const EXPECTATION_DESTROYED: &str = "\
    3001000002020000000000000000000002000000340002801400018008000100cb00710a08000200cb0071011c00028005000100\
    0600000006000200000000000600030004380000340003801400018008000100ffffffff08000200ffffffff1c00028005000100\
    06000000060002000000000006000300ffff0000340001801400018008000100c0a8016408000200cb00710a1c00028005000100\
    0600000006000200c26c0000060003000015000040000a8008000100000000013400028014000180080001000000000008000200\
    000000001c000280050001000600000006000200043800000600030000000000080004000000012c0800050041104ad708000800\
    000000000800090000000000080006006674700016000b006e61742d666f6c6c6f772d6d6173746572000000";

/// The expected connection.
const DATA_NEW: &str = "\
    f800000000010006000000000000000002000000340001801400018008000100cb00710a08000200cb0071011c00028005000100\
    0600000006000200001400000600030004380000340002801400018008000100c0a8016408000200cb00710a1c00028005000100\
    060000000600020004380000060003000014000008000c006c3d792d08000300000001a90800070000000078300004802c000180\
    0500010001000000050002000a00000005000300000000000600040003000000060005000000000034000e801400018008000100\
    c0a8016408000200cb00710a1c000280050001000600000006000200c26c00000600030000150000";

/// Both connections, asked for.
const DUMP: &str = "\
    080100000001220007000000a01b000002000000340001801400018008000100cb00710a08000200cb0071011c00028005000100\
    0600000006000200001400000600030004380000340002801400018008000100c0a8016408000200cb00710a1c00028005000100\
    060000000600020004380000060003000014000008000300000001af080008000000000008000c006c3d792d08000b0000000001\
    34000e801400018008000100c0a8016408000200cb00710a1c000280050001000600000006000200c26c00000600030000150000\
    0800070000000076300004802c0001800500010007000000050002000a000000050003000a000000060004002700000006000500\
    23000000180100000001220007000000a01b000002000000340001801400018008000100c0a8016408000200cb00710a1c000280\
    050001000600000006000200c26c00000600030000150000340002801400018008000100cb00710a08000200cb0071011c000280\
    0500010006000000060002000015000006000300c26c000008000300000021de080008000000000008000c005b8026aa08000b00\
    000000020800070000000076300004802c0001800500010007000000050002000a000000050003000a0000000600040027000000\
    06000500230000000c00058008000100667470001c000f80080001003498f7f5080002000000000008000300fffffffe1c001080\
    080001000000000008000200000000000800030000000000";

fn bytes(hex: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digits).collect()
}

fn events(hex: &str) -> Vec<Event> {
    let bytes = bytes(hex);
    messages(&bytes)
        .filter_map(|message| message.event())
        .collect()
}

fn entry(event: &Event) -> &Entry {
    match &event.subject {
        Subject::Entry(entry) => entry,
        Subject::Expectation(_) => panic!("no entry: {event:?}"),
    }
}

fn tuple(protocol: u8, from: &str, to: &str) -> Tuple {
    Tuple {
        protocol,
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
    }
}

fn control() -> Tuple {
    tuple(Tuple::TCP, "192.168.1.100:49772", "203.0.113.10:21")
}

#[test]
fn a_new_entry_has_its_tuples_status_and_helper() {
    let [event] = &events(CONTROL_NEW)[..] else {
        panic!("one event")
    };
    assert_eq!(event.change, Change::New);
    assert_eq!(
        *entry(event),
        Entry {
            original: control(),
            reply: tuple(Tuple::TCP, "203.0.113.10:21", "203.0.113.1:49772"),
            zone: 0,
            id: Some(1_535_125_162),
            status: Some(Status(0x2198)),
            established: Some(false),
            timeout_secs: Some(120),
            helper: Some("ftp".to_owned()),
            master: None,
            sequence_offsets: None,
            stopped_at: None,
        }
    );
    let words: Vec<_> = entry(event).status.unwrap().words().collect();
    assert_eq!(words, ["src-nat", "helper"]);
}

#[test]
fn an_expectation_has_its_master_and_where_it_leads() {
    let expectation = Expectation {
        master: control(),
        expected: tuple(Tuple::TCP, "203.0.113.10:0", "203.0.113.1:1080"),
        mask: Some(tuple(
            Tuple::TCP,
            "255.255.255.255:0",
            "255.255.255.255:65535",
        )),
        forwarded_to: None,
        timeout_secs: Some(300),
        helper: Some("ftp".to_owned()),
        zone: 0,
        id: Some(0x4110_4ad7),
    };
    for (hex, change) in [
        (EXPECTATION_NEW, Change::New),
        (EXPECTATION_DESTROYED, Change::Destroyed),
    ] {
        let subject = Subject::Expectation(Box::new(expectation.clone()));
        assert_eq!(events(hex), [Event { change, subject }]);
    }
}

#[test]
fn an_expected_entry_names_its_master() {
    let [event] = &events(DATA_NEW)[..] else {
        panic!("one event")
    };
    let data = entry(event);
    assert_eq!(data.master, Some(control()));
    assert_eq!(
        data.original,
        tuple(Tuple::TCP, "203.0.113.10:20", "203.0.113.1:1080")
    );
    assert_eq!(
        data.reply,
        tuple(Tuple::TCP, "192.168.1.100:1080", "203.0.113.10:20")
    );
    assert_eq!(data.status.unwrap().to_string(), "expected, dst-nat");
}

#[test]
fn a_dump_tells_by_how_much_a_helper_changed_the_text() {
    let [data, control] = &events(DUMP)[..] else {
        panic!("two entries")
    };
    assert_eq!([data.change, control.change], [Change::Present; 2]);
    assert_eq!(entry(data).sequence_offsets, None);
    let control = entry(control);
    assert_eq!(control.sequence_offsets, Some([-2, 0]));
    assert_eq!(
        control.status.unwrap().to_string(),
        "seen-reply, assured, src-nat, seq-adjust, helper"
    );
}

/// The same message as a big-endian machine sends it: headers turned around, values as they are.
fn turned(message: &[u8]) -> Vec<u8> {
    let mut out = message.to_vec();
    out[..4].reverse();
    for word in out[4..8].chunks_exact_mut(2) {
        word.reverse();
    }
    turn_attributes(&mut out[20..]);
    out
}

fn turn_attributes(mut bytes: &mut [u8]) {
    while bytes.len() >= 4 {
        let len = usize::from(u16::from_le_bytes([bytes[0], bytes[1]]));
        let nested = bytes[3] & 0x80 != 0;
        if nested {
            turn_attributes(&mut bytes[4..len]);
        }
        bytes[..2].reverse();
        bytes[2..4].reverse();
        bytes = &mut bytes[len.next_multiple_of(4)..];
    }
}

#[test]
fn a_machine_of_the_other_byte_order_is_read_alike() {
    for hex in [CONTROL_NEW, EXPECTATION_NEW, DATA_NEW] {
        let theirs = turned(&bytes(hex));
        let read: Vec<_> = messages(&theirs)
            .filter_map(|message| message.event())
            .collect();
        assert_eq!(read, events(hex));
    }
}

#[test]
fn a_cut_message_is_none_and_a_damaged_one_does_no_harm() {
    let whole = bytes(EXPECTATION_NEW);
    for len in 0..whole.len() {
        assert_eq!(messages(&whole[..len]).count(), 0, "{len} bytes");
    }
    for place in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 0xff;
        let _any = messages(&damaged)
            .filter_map(|message| message.event())
            .count();
    }
}

#[test]
fn a_refusal_and_an_end_are_told() {
    // struct nlmsgerr: the negative error number, then the request's header.
    let refused = bytes("2400000002000000070000000a000000ffffffff14000000010101030700000000000000");
    let refused = messages(&refused).next().unwrap();
    assert_eq!((refused.refusal(), refused.event()), (Some(1), None));
    let done = bytes("140000000300020007000000a01b000000000000");
    let done = messages(&done).next().unwrap();
    assert!(done.is_done() && done.refusal().is_none());
}

#[test]
fn a_captured_packet_has_a_header_that_names_the_family() {
    let packet = [&PACKET_HEADER[..], &bytes(CONTROL_NEW)].concat();
    assert_eq!(in_packet(&packet), Some(&bytes(CONTROL_NEW)[..]));
    let mut other = packet;
    other[15] = 0;
    assert_eq!(in_packet(&other), None);
}

#[test]
fn a_change_of_rules_is_told_from_one_of_set_elements_and_from_an_entry() {
    let of = |action: u8, subsystem: u8| {
        let mut raw = vec![20, 0, 0, 0, action, subsystem];
        raw.resize(20, 0);
        raw
    };
    let is_of_rules = |raw: &[u8]| messages(raw).next().unwrap().is_of_rules();
    assert!(
        [6, 8, 18, 20]
            .into_iter()
            .all(|action| is_of_rules(&of(action, 10)))
    );
    assert!(
        ![12, 14, 15]
            .into_iter()
            .any(|action| is_of_rules(&of(action, 10)))
    );
    assert!(!is_of_rules(&of(8, 1)));
}
