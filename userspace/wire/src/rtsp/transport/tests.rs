use super::*;

/// The only alternative of `value`.
fn only(value: &str) -> TransportSpec<'_> {
    let mut specs = parse(Spanned::new(value.as_bytes(), 0)).value;
    assert_eq!(specs.len(), 1, "{value}");
    specs.remove(0)
}

/// What is odd about `value`, as the bytes that are named and what is said of them.
fn oddities(value: &str) -> Vec<(&str, String)> {
    let anomalies = parse(Spanned::new(value.as_bytes(), 0)).anomalies;
    anomalies
        .into_iter()
        .map(|odd| (&value[odd.at], odd.what))
        .collect()
}

fn pair(spec: Option<&PortPair<'_>>) -> Option<(u16, Option<u16>)> {
    spec.map(|pair| (pair.rtp, pair.rtcp))
}

fn client_port(value: &str) -> Option<(u16, Option<u16>)> {
    pair(only(value).client_port.as_ref())
}

fn odd<'t>(bytes: &'t str, what: &str) -> (&'t str, String) {
    (bytes, what.to_owned())
}

const NOT_ADJACENT: &str = "the RTCP port is not the one after the RTP port";

#[test]
fn places_are_those_of_the_message() {
    let value = Spanned {
        bytes: b" RTP/AVP ; client_port = 5000-5001",
        at: 100..134,
    };
    let spec = parse(value).value.remove(0);
    assert_eq!((spec.text.at, spec.protocol_text.at), (101..134, 101..108));
    assert_eq!(spec.client_port.map(|pair| pair.text.at), Some(125..134));
    assert_eq!(spec.params[0].name.at, 111..122);
}

#[test]
fn the_answer_of_live555_is_read_whole() {
    let spec = only(
        "RTP/AVP;unicast;destination=192.168.1.100;source=203.0.113.10;client_port=5000-5001;server_port=6970-6971",
    );
    assert_eq!(
        (spec.lower, spec.cast, spec.profile.bytes),
        (Lower::Udp, Some(Cast::Unicast), &b"RTP/AVP"[..])
    );
    assert_eq!(
        spec.destination.map(|address| address.text()),
        Some("192.168.1.100".into())
    );
    assert_eq!(
        spec.source.map(|address| address.text()),
        Some("203.0.113.10".into())
    );
    assert_eq!(pair(spec.client_port.as_ref()), Some((5000, Some(5001))));
    assert_eq!(pair(spec.server_port.as_ref()), Some((6970, Some(6971))));
    assert_eq!(spec.params.len(), 5);
}

#[test]
fn the_answer_of_gstreamer_is_read_whole() {
    let value = "RTP/AVP;unicast;client_port=34114-34115;server_port=40000-40001;ssrc=1A2B3C4D;mode=\"PLAY\"";
    let spec = only(value);
    assert_eq!(
        (spec.ssrc, spec.mode.map(|mode| mode.text())),
        (Some(0x1A2B_3C4D), Some("PLAY".into()))
    );
    assert_eq!(oddities(value), []);
}

#[test]
fn alternatives_are_cut_at_commas() {
    let value = Spanned::new(
        b"RTP/AVP/TCP;interleaved=0-1, RTP/AVP;unicast;client_port=5000-5001,RTP/AVP;multicast",
        0,
    );
    let specs = parse(value).value;
    let kinds: Vec<_> = specs.iter().map(|spec| (spec.lower, spec.cast)).collect();
    let expected = [
        (Lower::Tcp, None),
        (Lower::Udp, Some(Cast::Unicast)),
        (Lower::Udp, Some(Cast::Multicast)),
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn a_comma_for_a_semicolon_begins_no_alternative() {
    let value = "RTP/AVP;unicast;server_port=40000-40001,ssrc=FFFFCCCC";
    let spec = only(value);
    assert_eq!(
        (pair(spec.server_port.as_ref()), spec.ssrc),
        (Some((40000, Some(40001))), Some(0xFFFF_CCCC))
    );
    assert_eq!(
        oddities(value),
        [odd(",", "a comma where a semicolon belongs")]
    );
}

#[test]
fn a_quoted_mode_may_hold_commas() {
    let spec = only("RTP/AVP;unicast;mode=\"PLAY, RECORD\";ttl=3");
    assert_eq!(
        (spec.mode.map(|mode| mode.text()), spec.ttl),
        (Some("PLAY, RECORD".into()), Some(3))
    );
}

#[test]
fn a_quote_that_never_closes_swallows_nothing() {
    let value = "RTP/AVP;mode=\"PLAY;client_port=5000-5001";
    assert_eq!(client_port(value), Some((5000, Some(5001))));
    assert_eq!(oddities(value), [odd("\"", "a quote that is never closed")]);
}

#[test]
fn a_single_client_port_names_no_rtcp_port() {
    assert_eq!(
        client_port("RTP/AVP;unicast;client_port=8524"),
        Some((8524, None))
    );
    assert_eq!(oddities("RTP/AVP;unicast;client_port=8524"), []);
    assert_eq!(
        client_port("RTP/AVP;unicast;client_port=8523"),
        Some((8523, None))
    );
    assert_eq!(
        oddities("RTP/AVP;unicast;client_port=8523"),
        [odd("8523", "an odd RTP port")]
    );
}

#[test]
fn port_zero_is_read_and_odd() {
    assert_eq!(client_port("RTP/AVP;client_port=0-0"), Some((0, Some(0))));
    assert_eq!(oddities("RTP/AVP;client_port=0-0"), [odd("0-0", "port 0")]);
}

#[test]
fn ports_that_are_not_adjacent_are_both_kept() {
    assert_eq!(
        client_port("RTP/AVP;client_port=53852-57228"),
        Some((53852, Some(57228)))
    );
    assert_eq!(
        oddities("RTP/AVP;client_port=53852-57228"),
        [odd("53852-57228", NOT_ADJACENT)]
    );
    let value = "RTP/AVP;client_port=53853-57228";
    assert_eq!(
        oddities(value),
        [
            odd("53853-57228", NOT_ADJACENT),
            odd("53853-57228", "an odd RTP port")
        ]
    );
}

#[test]
fn a_falling_range_is_kept() {
    let spec = only("RTP/AVP;server_port=53198-40474");
    assert_eq!(pair(spec.server_port.as_ref()), Some((53198, Some(40474))));
    assert_eq!(
        oddities("RTP/AVP;server_port=53198-40474"),
        [odd("53198-40474", NOT_ADJACENT)]
    );
}

#[test]
fn a_port_beyond_16_bits_leaves_the_other_one() {
    let value = "RTP/AVP;client_port=51754-517551";
    assert_eq!(client_port(value), Some((51754, None)));
    assert_eq!(oddities(value), [odd("517551", "no port of its range")]);
    assert_eq!(client_port("RTP/AVP;client_port=70000-70001"), None);
    assert_eq!(
        oddities("RTP/AVP;client_port=70000-70001"),
        [odd("70000-70001", "no readable port")]
    );
}

#[test]
fn a_slash_between_ports_names_both() {
    let value = "RTP/AVP;client_port=5150/5153";
    assert_eq!(client_port(value), Some((5150, Some(5153))));
    assert_eq!(
        oddities(value),
        [
            odd("5150/5153", NOT_ADJACENT),
            odd("/", "a slash where a hyphen belongs")
        ]
    );
}

#[test]
fn interleaved_needs_no_unicast() {
    let spec = only("RTP/AVP/TCP;interleaved=0-1");
    assert_eq!(
        (spec.lower, spec.cast, spec.profile.bytes),
        (Lower::Tcp, None, &b"RTP/AVP"[..])
    );
    assert_eq!(
        spec.interleaved.map(|pair| (pair.rtp, pair.rtcp)),
        Some((0, Some(1)))
    );
    assert_eq!(oddities("RTP/AVP/TCP;interleaved=0-1"), []);
}

#[test]
fn a_single_channel_and_one_beyond_a_byte() {
    assert_eq!(
        only("RTP/AVP/TCP;interleaved=0")
            .interleaved
            .map(|pair| (pair.rtp, pair.rtcp)),
        Some((0, None))
    );
    let value = "RTP/AVP/TCP;interleaved=255-256";
    assert_eq!(
        only(value).interleaved.map(|pair| (pair.rtp, pair.rtcp)),
        Some((255, None))
    );
    assert_eq!(oddities(value), [odd("256", "no channel of its range")]);
}

#[test]
fn multicast_has_port_and_time_to_live() {
    let spec = only("RTP/AVP;multicast;destination=239.10.10.1;port=5000-5001;ttl=8");
    assert_eq!(
        (spec.cast, spec.ttl, pair(spec.port.as_ref())),
        (Some(Cast::Multicast), Some(8), Some((5000, Some(5001))))
    );
    assert_eq!(
        oddities("RTP/AVP;multicast;ttl=256"),
        [odd("256", "no readable time to live")]
    );
}

#[test]
fn a_lower_transport_is_told_from_the_profile() {
    let cases: [(&str, &str, Lower); 9] = [
        ("RTP/AVP", "RTP/AVP", Lower::Udp),
        ("rtp/avp/udp", "rtp/avp", Lower::Udp),
        ("RTP/SAVPF/TCP", "RTP/SAVPF", Lower::Tcp),
        ("RTP/AVP/DCCP", "RTP/AVP", Lower::Other),
        ("MP2T/H2221/UDP", "MP2T/H2221", Lower::Udp),
        ("MP2T/H2221", "MP2T/H2221", Lower::Udp),
        ("RAW/RAW/UDP", "RAW/RAW", Lower::Udp),
        ("x-real-rdt/udp", "x-real-rdt", Lower::Udp),
        ("x-pn-tng/tcp", "x-pn-tng", Lower::Tcp),
    ];
    for (protocol, profile, lower) in cases {
        let value = format!("{protocol};unicast;client_port=5000-5001");
        let spec = only(&value);
        assert_eq!((spec.profile.text().as_ref(), spec.lower), (profile, lower));
        assert_eq!(oddities(&value), []);
    }
}

#[test]
fn an_ssrc_of_fewer_digits_is_read() {
    assert_eq!(only("RTP/AVP;ssrc=4317f").ssrc, Some(0x4317F));
    assert_eq!(
        oddities("RTP/AVP;ssrc=4317f"),
        [odd("4317f", "5 digits of ssrc where 8 belong")]
    );
}

#[test]
fn an_ssrc_behind_a_space_is_read() {
    let value = "RTP/AVP;ssrc= 1A2B3C4D";
    assert_eq!(only(value).ssrc, Some(0x1A2B_3C4D));
    assert_eq!(
        oddities(value),
        [odd("= ", "white space around the equals sign")]
    );
    assert_eq!(only("RTP/AVP;ssrc= 1A2B").ssrc, Some(0x1A2B));
}

#[test]
fn an_ssrc_in_decimal_or_with_0x_is_read() {
    assert_eq!(only("RTP/AVP;ssrc=4294967295").ssrc, Some(u32::MAX));
    assert_eq!(only("RTP/AVP;ssrc=0x1A2B3C4D").ssrc, Some(0x1A2B_3C4D));
    assert_eq!(only("RTP/AVP;ssrc=+1A2B3C4").ssrc, None);
    assert_eq!(
        oddities("RTP/AVP;ssrc=hello"),
        [odd("hello", "no readable ssrc")]
    );
}

#[test]
fn a_port_behind_the_destination_is_kept_and_odd() {
    let value = "RTP/AVP;destination=192.0.2.7:5000;client_port=5000-5001";
    assert_eq!(
        only(value).destination.map(|address| address.text()),
        Some("192.0.2.7:5000".into())
    );
    assert_eq!(oddities(value), [odd(":5000", "a port behind the address")]);
    assert_eq!(oddities("RTP/AVP;destination=2001:db8::7"), []);
}

#[test]
fn rtsp_2_addresses_come_with_brackets_or_without_a_host() {
    let spec = only(
        "RTP/AVP/UDP;unicast;dest_addr=\":8000\"/\":8001\";src_addr=\"[2001:db8::5]:9000\"/\"192.0.2.5:9001\";RTCP-mux",
    );
    let read = |list: &[HostPort<'_>]| -> Vec<(Option<String>, Option<u16>)> {
        list.iter()
            .map(|one| {
                (
                    one.host.as_ref().map(|host| host.text().into_owned()),
                    one.port,
                )
            })
            .collect()
    };
    assert_eq!(
        read(&spec.dest_addr),
        [(None, Some(8000)), (None, Some(8001))]
    );
    let sources = [
        (Some("2001:db8::5".to_owned()), Some(9000)),
        (Some("192.0.2.5".to_owned()), Some(9001)),
    ];
    assert_eq!(read(&spec.src_addr), sources);
    assert!(spec.rtcp_mux);
}

#[test]
fn binary_junk_before_the_value_is_cut_off() {
    let value = b"\xff\x00\x8fRTP/AVP;unicast;client_port=5000-5001";
    let Parsed {
        value: specs,
        anomalies,
    } = parse(Spanned::new(value, 40));
    assert_eq!(
        (specs.len(), specs[0].protocol_text.bytes),
        (1, &b"RTP/AVP"[..])
    );
    assert_eq!(
        pair(specs[0].client_port.as_ref()),
        Some((5000, Some(5001)))
    );
    assert_eq!(
        (anomalies[0].at.clone(), anomalies[0].what.as_str()),
        (40..43, "junk before the protocol")
    );
}

#[test]
fn an_alternative_without_a_protocol_keeps_its_parameters() {
    let value = "unicast;client_port=5000-5001";
    let spec = only(value);
    assert_eq!(
        (spec.cast, spec.protocol_text.bytes),
        (Some(Cast::Unicast), &b""[..])
    );
    assert_eq!(
        oddities(value),
        [odd(value, "no protocol in this alternative")]
    );
}

#[test]
fn unknown_parameters_are_kept() {
    let spec = only("RTP/AVP;unicast;x-NAT=1;x-dynamic-rate;client_port=5000-5001");
    assert_eq!(
        spec.param("X-nat")
            .and_then(|param| param.value.clone())
            .map(|value| value.text()),
        Some("1".into())
    );
    assert_eq!(
        spec.param("x-dynamic-rate")
            .map(|param| param.value.is_none()),
        Some(true)
    );
}

#[test]
fn of_two_equal_parameters_the_first_holds() {
    let value = "RTP/AVP;client_port=5000-5001;Client_Port=6000-6001";
    assert_eq!(client_port(value), Some((5000, Some(5001))));
    assert_eq!(
        oddities(value),
        [odd("Client_Port", "Client_Port stands there again")]
    );
}

#[test]
fn an_empty_value_has_no_alternative() {
    assert_eq!(parse(Spanned::new(b"  ", 7)).value, []);
    assert_eq!(oddities(""), [odd("", "an empty Transport value")]);
}

#[test]
fn endless_parameters_are_left_away() {
    let value = format!("RTP/AVP{}", ";a=1".repeat(50_000));
    assert!(only(&value).params.len() < 256);
}
