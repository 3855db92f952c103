use super::*;
use crate::Parsed;

/// What is odd about `body`, as the bytes that are named and what is said of them.
fn oddities(body: &str) -> Vec<(&str, String)> {
    parse(body.as_bytes())
        .anomalies
        .into_iter()
        .map(|odd| (&body[odd.at], odd.what))
        .collect()
}

fn text(part: Option<&Spanned<'_>>) -> Option<String> {
    part.map(|part| part.text().into_owned())
}

fn odd<'t>(bytes: &'t str, what: &str) -> (&'t str, String) {
    (bytes, what.to_owned())
}

const HEAD: &str = "v=0\r\no=- 17 1 IN IP4 192.0.2.1\r\ns=cam\r\nt=0 0\r\n";

#[test]
fn a_camera_is_read_with_the_place_of_each_value() {
    let body = format!(
        "{HEAD}c=IN IP4 0.0.0.0\r\na=control:*\r\na=recvonly\r\n\
         m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;profile-level-id=XYZ\r\na=control:trackID=1\r\n\
         m=audio 0 RTP/AVP 8\r\nc=IN IP4 239.1.1.1/8/2\r\na=sendonly\r\n"
    );
    let Parsed {
        value: sdp,
        anomalies,
    } = parse(body.as_bytes());
    assert_eq!(anomalies, []);
    let origin = sdp.origin.as_ref().expect("it is there");
    assert_eq!(
        (
            text(origin.address.as_ref()),
            origin.address.as_ref().map(|address| address.at.clone())
        ),
        (Some("192.0.2.1".into()), Some(21..30))
    );
    assert_eq!(
        (text(sdp.control.as_ref()), sdp.direction),
        (Some("*".into()), Some(StreamDirection::RecvOnly))
    );
    assert_eq!(
        text(
            sdp.connection
                .and_then(|connection| connection.address)
                .as_ref()
        ),
        Some("0.0.0.0".into())
    );

    let [video, audio] = &sdp.media[..] else {
        panic!("two media")
    };
    assert_eq!(
        (text(Some(&video.kind)), video.port, video.payload_type),
        (Some("video".into()), Some(0), Some(96))
    );
    assert_eq!(
        (video.encoding.as_deref(), video.clock_rate),
        (Some("H264"), Some(90_000))
    );
    assert_eq!(
        (text(video.control.as_ref()), video.direction),
        (Some("trackID=1".into()), None)
    );
    assert_eq!(
        video.fmtps[0].parameters.bytes,
        b"packetization-mode=1;profile-level-id=XYZ"
    );
    assert_eq!(
        (audio.encoding.as_deref(), audio.clock_rate),
        (Some("PCMA"), Some(8000))
    );
    assert_eq!(audio.direction, Some(StreamDirection::SendOnly));
    let group = audio.connection.as_ref().expect("it is there");
    assert_eq!(
        (text(group.address.as_ref()), group.ttl),
        (Some("239.1.1.1".into()), Some(8))
    );
}

#[test]
fn lf_alone_ends_lines() {
    let body = HEAD.replace("\r\n", "\n") + "m=video 0 RTP/AVP 26\n";
    let sdp = parse(body.as_bytes()).value;
    assert_eq!(
        (sdp.line_ending, sdp.media[0].encoding.as_deref()),
        (LineEnding::Lf, Some("JPEG"))
    );
    assert_eq!(
        oddities(&body),
        [odd("\n", "a line ends otherwise than with CR LF")]
    );
}

#[test]
fn missing_lines_are_named() {
    let names: Vec<_> = oddities("m=video 0 RTP/AVP 26\r\n")
        .into_iter()
        .map(|(_, what)| what)
        .collect();
    assert_eq!(
        names,
        ["no v= line", "no o= line", "no s= line", "no t= line"]
    );
}

#[test]
fn an_empty_i_line_is_odd_and_harmless() {
    let body = format!("{HEAD}i=\r\nm=video 0 RTP/AVP 26\r\ni=\r\n");
    assert_eq!(
        oddities(&body),
        [odd("i=", "an empty i= line"), odd("i=", "an empty i= line")]
    );
}

#[test]
fn an_origin_with_a_host_name_or_junk_keeps_it() {
    for host in ["camera.local", "x.y.z.w"] {
        let body = HEAD.replace("192.0.2.1", host);
        let origin = parse(body.as_bytes()).value.origin.expect("it is there");
        assert_eq!(text(origin.address.as_ref()), Some(host.to_owned()));
        assert_eq!(oddities(&body), [odd(host, "no IP address in the o= line")]);
    }
}

#[test]
fn a_short_origin_is_odd() {
    let body = HEAD.replace(" IN IP4 192.0.2.1", "");
    assert_eq!(
        oddities(&body),
        [odd("- 17 1", "an o= line with fewer than six fields")]
    );
}

#[test]
fn a_format_that_is_no_number_takes_the_type_of_the_rtpmap() {
    let body = format!(
        "{HEAD}m=application/TP-LINK 0 RTP/AVP smart/1/90000\r\na=rtpmap:95 TP-LINK/90000\r\n"
    );
    let sdp = parse(body.as_bytes()).value;
    let medium = &sdp.media[0];
    assert_eq!(text(Some(&medium.kind)), Some("application/TP-LINK".into()));
    assert_eq!(
        (medium.payload_type, medium.encoding.as_deref()),
        (Some(95), Some("TP-LINK"))
    );
    assert_eq!(text(medium.formats.first()), Some("smart/1/90000".into()));
    assert_eq!(
        oddities(&body),
        [odd("smart/1/90000", "a format that is no RTP payload type")]
    );
}

#[test]
fn a_format_that_is_no_number_alone_has_no_type() {
    let body = format!("{HEAD}m=application/TP-LINK 0 RTP/AVP smart/1/90000\r\n");
    let medium = parse(body.as_bytes()).value.media.remove(0);
    assert_eq!(
        (medium.payload_type, medium.encoding, medium.clock_rate),
        (None, None, None)
    );
}

#[test]
fn l16_by_its_number_runs_at_44100_hertz() {
    let body = format!("{HEAD}m=audio 0 RTP/AVP 11\r\n");
    assert_eq!(
        parse(body.as_bytes()).value.media[0].clock_rate,
        Some(44_100)
    );
}

#[test]
fn an_rtpmap_goes_before_the_table_and_may_name_channels() {
    let body = format!(
        "{HEAD}m=audio 5004/2 RTP/AVP 97 0\r\na=rtpmap:97 mpeg4-generic/48000/2\r\na=rtpmap:0 X/16000\r\n"
    );
    let sdp = parse(body.as_bytes()).value;
    let medium = &sdp.media[0];
    assert_eq!(
        (medium.port, medium.encoding.as_deref(), medium.clock_rate),
        (Some(5004), Some("mpeg4-generic"), Some(48_000))
    );
    assert_eq!(medium.rtpmaps[0].channels, Some(2));
    assert_eq!(medium.format_of(0), Some(("X".into(), Some(16_000))));
    assert_eq!(medium.format_of(98), None);
}

#[test]
fn an_rtpmap_without_a_rate_is_odd() {
    let body =
        format!("{HEAD}m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264\r\na=rtpmap:x\r\na=fmtp:y z\r\n");
    let medium = &parse(body.as_bytes()).value.media[0];
    assert_eq!(
        (medium.encoding.as_deref(), medium.clock_rate),
        (Some("H264"), None)
    );
    assert_eq!(
        oddities(&body),
        [
            odd("96 H264", "an rtpmap without a clock rate"),
            odd("x", "an rtpmap without a payload type and a name"),
            odd("y z", "an fmtp without a payload type"),
        ]
    );
}

#[test]
fn encryption_is_told_by_profile_key_and_fingerprint() {
    let body = format!(
        "{HEAD}a=key-mgmt:mikey AQAF\r\nm=video 0 RTP/SAVP 96\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n\
         m=audio 0 RTP/AVP 0\r\na=fingerprint:sha-256 00\r\nm=audio 0 RTP/AVP 0\r\nm=video 0 UDP/TLS/RTP/SAVPF 96\r\n"
    );
    let sdp = parse(body.as_bytes()).value;
    assert_eq!(
        sdp.protection,
        Protection {
            key_mgmt: true,
            ..Protection::default()
        }
    );
    let media: Vec<_> = sdp.media.iter().map(|medium| medium.protection).collect();
    assert_eq!(
        media[0],
        Protection {
            secure_profile: true,
            crypto: true,
            ..Protection::default()
        }
    );
    assert_eq!(
        media[1],
        Protection {
            fingerprint: true,
            ..Protection::default()
        }
    );
    assert!(!media[2].is_encrypted() && media[3].is_encrypted());
}

#[test]
fn an_empty_control_and_rtcp_mux_are_read() {
    let body =
        format!("{HEAD}m=video 0 RTP/AVP 96\r\na=control:\r\na=rtcp-mux\r\na=framerate:25\r\n");
    let medium = parse(body.as_bytes()).value.media.remove(0);
    assert_eq!(
        (text(medium.control.as_ref()), medium.rtcp_mux),
        (Some(String::new()), true)
    );
    assert_eq!(
        medium
            .attribute("FrameRate")
            .and_then(|rate| text(rate.value.as_ref())),
        Some("25".into())
    );
}

#[test]
fn a_line_that_is_none_loses_only_itself() {
    let body = format!("{HEAD}hello\r\nm=video 0 RTP/AVP 26\r\n");
    assert_eq!(parse(body.as_bytes()).value.media.len(), 1);
    assert_eq!(
        oddities(&body),
        [odd(
            "hello",
            "a line that is no letter, equals sign and value"
        )]
    );
}

#[test]
fn a_description_cut_anywhere_keeps_what_was_there() {
    let body = format!("{HEAD}m=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\n");
    for end in 0..body.len() {
        let sdp = parse(&body.as_bytes()[..end]).value;
        assert_eq!(sdp.media.len(), usize::from(end > HEAD.len() + 1));
    }
}

#[test]
fn endless_media_and_attributes_are_left_away() {
    let media = format!("{HEAD}{}", "m=video 0 RTP/AVP 96\r\n".repeat(5000));
    assert_eq!(parse(media.as_bytes()).value.media.len(), 128);
    let attributes = format!("{HEAD}{}", "a=x\r\n".repeat(5000));
    assert_eq!(parse(attributes.as_bytes()).value.attributes.len(), 512);
}

#[test]
fn an_unknown_profile_level_id_is_kept_and_no_oddity() {
    let body = format!(
        "{HEAD}m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 profile-level-id=FFFFFF; packetization-mode=7\r\n"
    );
    let parsed = parse(body.as_bytes());
    assert_eq!(parsed.anomalies, []);
    let [video] = parsed.value.media.as_slice() else {
        panic!("one medium");
    };
    assert_eq!(
        (video.encoding.as_deref(), video.clock_rate),
        (Some("H264"), Some(90_000))
    );
    assert_eq!(
        video.fmtps[0].parameters.bytes,
        b"profile-level-id=FFFFFF; packetization-mode=7"
    );
}
