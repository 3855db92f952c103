use super::*;

/// A packet of the given first byte and type, with its length field set right.
fn packet(first: u8, packet_type: u8, body: &[u8]) -> Vec<u8> {
    let words = u16::try_from(body.len() / 4).expect("a short body");
    [&[first, packet_type][..], &words.to_be_bytes(), body].concat()
}

fn words(values: &[u32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_be_bytes())
        .collect()
}

const BLOCK: [u32; 6] = [0x55, 0x19ff_fffe, 0x0002_fff0, 31, 0x1122_3344, 65_536];

fn sender_report() -> Vec<u8> {
    packet(
        0x81,
        200,
        &[
            words(&[7, 0xE000_0000, 0x8000_0000, 90_000, 12, 3400]),
            words(&BLOCK),
        ]
        .concat(),
    )
}

#[test]
fn a_sender_report_is_read_with_its_block() {
    let bytes = sender_report();
    let Some(Packet::SenderReport(report)) = packets(&bytes).next() else {
        panic!("a sender report")
    };
    assert_eq!(
        (report.ssrc, report.ntp, report.rtp_timestamp),
        (7, 0xE000_0000_8000_0000, 90_000)
    );
    assert_eq!((report.packet_count, report.octet_count), (12, 3400));
    let expected = ReportBlock {
        ssrc: 0x55,
        fraction_lost: 0x19,
        cumulative_lost: -2,
        extended_highest_seq: 0x0002_fff0,
        jitter_ticks: 31,
        last_sr: 0x1122_3344,
        delay_since_last_sr: 65_536,
    };
    assert_eq!(report.reports.collect::<Vec<_>>(), [expected]);
}

#[test]
fn a_compound_gives_each_packet() {
    let cname = packet(
        0x81,
        202,
        b"\x00\x00\x00\x07\x02\x03abc\x01\x06me@cam\x00\x00\x00",
    );
    let bytes = [sender_report(), cname, packet(0x81, 203, &words(&[7]))].concat();
    let read: Vec<_> = packets(&bytes).collect();
    let [
        Packet::SenderReport(_),
        Packet::SourceDescription(chunks),
        Packet::Bye(bye),
    ] = &read[..]
    else {
        panic!("three packets, not {read:?}")
    };
    assert_eq!(
        chunks.clone().next(),
        Some(SdesChunk {
            ssrc: 7,
            cname: Some(b"me@cam")
        })
    );
    assert_eq!(
        (bye.sources.clone().collect::<Vec<_>>(), bye.reason),
        (vec![7], None)
    );
}

#[test]
fn each_chunk_begins_at_a_word() {
    let bytes = packet(
        0x82,
        202,
        b"\x00\x00\x00\x01\x01\x01a\x00\x00\x00\x00\x02\x01\x02bc\x00\x00\x00\x00",
    );
    let Some(Packet::SourceDescription(chunks)) = packets(&bytes).next() else {
        panic!("a description")
    };
    let read: Vec<_> = chunks.map(|chunk| (chunk.ssrc, chunk.cname)).collect();
    assert_eq!(read, [(1, Some(&b"a"[..])), (2, Some(&b"bc"[..]))]);
}

#[test]
fn an_empty_receiver_report_is_read() {
    let bytes = packet(0x80, 201, &words(&[9]));
    let Some(Packet::ReceiverReport(mut report)) = packets(&bytes).next() else {
        panic!("a receiver report")
    };
    assert_eq!((report.ssrc, report.reports.next()), (9, None));
}

#[test]
fn a_bye_may_give_its_reason() {
    let bytes = packet(0x81, 203, b"\x00\x00\x00\x05\x03end");
    let Some(Packet::Bye(bye)) = packets(&bytes).next() else {
        panic!("a bye")
    };
    assert_eq!(bye.reason, Some(&b"end"[..]));
}

#[test]
fn app_and_extended_reports_are_read() {
    let bytes = [
        packet(0x83, 204, b"\x00\x00\x00\x05qtsidata"),
        packet(0x80, 207, b"\x00\x00\x00\x06\x04\x00\x00\x00"),
    ]
    .concat();
    let read: Vec<_> = packets(&bytes).collect();
    let app = App {
        ssrc: 5,
        subtype: 3,
        name: *b"qtsi",
        data: b"data",
    };
    let extended = ExtendedReport {
        ssrc: 6,
        blocks: b"\x04\x00\x00\x00",
    };
    assert_eq!(read, [Packet::App(app), Packet::ExtendedReport(extended)]);
}

/// What a feedback packet of the given type and format says.
fn feedback(packet_type: u8, format: u8, information: &[u32]) -> (Vec<u8>, [u32; 2]) {
    let body = [&[1, 2], information].concat();
    (packet(0x80 | format, packet_type, &words(&body)), [1, 2])
}

#[test]
fn a_nack_names_each_missing_packet() {
    let (bytes, sources) = feedback(205, 1, &[0x0064_8005, 0xffff_0001]);
    let Some(Packet::Feedback(feedback)) = packets(&bytes).next() else {
        panic!("feedback")
    };
    assert_eq!([feedback.ssrc, feedback.media_ssrc], sources);
    let FeedbackMessage::Nack(nacks) = feedback.message else {
        panic!("a NACK")
    };
    assert_eq!(nacks.collect::<Vec<_>>(), [100, 101, 103, 116, 65_535, 0]);
}

#[test]
fn requests_for_a_whole_picture_are_told() {
    let said = |packet_type, format| {
        let (bytes, _) = feedback(packet_type, format, &[]);
        match packets(&bytes).next() {
            Some(Packet::Feedback(feedback)) => format!("{:?}", feedback.message),
            other => panic!("feedback, not {other:?}"),
        }
    };
    assert_eq!(said(206, 1), "PictureLoss");
    assert_eq!(said(206, 4), "FullIntraRequest");
    assert_eq!(
        said(206, 15),
        "Other { packet_type: 206, format: 15, information: [] }"
    );
}

#[test]
fn feedback_without_its_sources_keeps_its_header() {
    let bytes = packet(0x81, 206, &words(&[1]));
    let Some(Packet::Other { header, body }) = packets(&bytes).next() else {
        panic!("no reading of feedback")
    };
    assert_eq!((header.packet_type, header.count, body.len()), (206, 1, 4));
}

#[test]
fn more_blocks_counted_than_there_are_give_those_that_are_there() {
    let mut bytes = sender_report();
    bytes[0] = 0x9f;
    let Some(Packet::SenderReport(report)) = packets(&bytes).next() else {
        panic!("a sender report")
    };
    assert_eq!(report.reports.count(), 1);
}

#[test]
fn a_cut_report_gives_what_is_whole() {
    let bytes = sender_report();
    let Some(Packet::SenderReport(report)) = packets(&bytes[..40]).next() else {
        panic!("a sender report")
    };
    assert_eq!((report.packet_count, report.reports.count()), (12, 0));
    assert!(matches!(
        packets(&bytes[..20]).next(),
        Some(Packet::Other { .. })
    ));
    assert_eq!(packets(&bytes[..3]).next(), None);
}

#[test]
fn padding_is_no_part_of_the_last_packet() {
    let bytes = packet(0xa1, 203, b"\x00\x00\x00\x05\x00\x00\x00\x04");
    let Some(Packet::Bye(bye)) = packets(&bytes).next() else {
        panic!("a bye")
    };
    assert_eq!(
        (bye.sources.collect::<Vec<_>>(), bye.reason),
        (vec![5], None)
    );
}

#[test]
fn what_is_no_rtcp_ends_the_reading() {
    let bytes = [
        packet(0x80, 201, &words(&[9])),
        b"\x80\x60\x00\x00junk".to_vec(),
    ]
    .concat();
    assert_eq!(packets(&bytes).count(), 1);
    assert_eq!(packets(b"\xce\xfa\xed\xfe").count(), 0);
}
