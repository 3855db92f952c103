//! Well-formed input reads the same here and in the rtsp-types, sdp-types, rtp-types and rtcp-types crates.

use proptest::collection::vec;
use proptest::prelude::*;
use rtcp_types::RtcpPacketWriterExt;
use rtsp_types::headers::{self, Transport, Transports};
use rtspscope_wire::rtcp::{self, Packet};
use rtspscope_wire::rtp::RtpSlice;
use rtspscope_wire::rtsp::transport::Cast;
use rtspscope_wire::rtsp::{message, transport};
use rtspscope_wire::{Spanned, sdp};

proptest! {
    #[test]
    fn messages_are_the_same(
        is_request in any::<bool>(),
        fields in vec(("X-[A-Za-z]{1,12}", "[!-~]([ -~]{0,30}[!-~])?"), 0..8),
        cseq in any::<u32>(),
        path in "[a-z0-9/]{0,20}",
        body in vec(any::<u8>(), 0..50),
    ) {
        let start = if is_request { format!("DESCRIBE rtsp://192.0.2.1/{path} RTSP/1.0") } else { "RTSP/1.0 404 Not Found".to_owned() };
        let mut lines = vec![start, format!("CSeq: {cseq}"), format!("Content-Length: {}", body.len())];
        lines.extend(fields.iter().enumerate().map(|(at, (name, value))| format!("{name}{at}: {value}")));
        let raw = [lines.join("\r\n").as_bytes(), b"\r\n\r\n", &body].concat();

        let ours = message::parse(&raw);
        prop_assert_eq!(&ours.anomalies, &[]);
        let (theirs, used) = rtsp_types::Message::<Vec<u8>>::parse(&raw).expect("well formed");
        prop_assert_eq!(used, raw.len());
        let (headers, their_body): (Vec<_>, _) = match &theirs {
            rtsp_types::Message::Request(request) => {
                prop_assert_eq!(ours.value.uri().map(|uri| uri.text().into_owned()), request.request_uri().map(|uri| uri.as_str().to_owned()));
                (request.headers().collect(), request.body())
            }
            rtsp_types::Message::Response(response) => {
                prop_assert_eq!(ours.value.status(), Some(u16::from(response.status())));
                (response.headers().collect(), response.body())
            }
            rtsp_types::Message::Data(_) => unreachable!("no frame was written"),
        };
        prop_assert_eq!(ours.value.body, &their_body[..]);
        prop_assert_eq!(ours.value.headers.len(), headers.len());
        for (name, value) in headers {
            let field = ours.value.header(name.as_str()).expect("both have it");
            prop_assert_eq!(field.value.text(), value.as_str());
        }
    }

    #[test]
    fn transports_are_the_same(
        port in (1024_u16..30000).prop_map(|half| half * 2),
        channel in 0_u8..255,
        ssrc in any::<u32>(),
        ttl in any::<u8>(),
        kind in 0..3,
    ) {
        let value = match kind {
            0 => format!("RTP/AVP/TCP;unicast;interleaved={channel}-{};ssrc={ssrc:08X};mode=\"PLAY\"", channel + 1),
            1 => format!("RTP/AVP;multicast;destination=239.1.2.3;port={port}-{};ttl={ttl}", port + 1),
            _ => format!("RTP/AVP;unicast;client_port={port}-{};server_port={port}-{};ssrc={ssrc:08X}", port + 1, port + 1),
        };
        let ours = transport::parse(Spanned::new(value.as_bytes(), 0));
        prop_assert_eq!(&ours.anomalies, &[]);
        let theirs = their_transport(&value);
        let spec = &ours.value[0];
        prop_assert_eq!(spec.cast == Some(Cast::Unicast), theirs.unicast);
        prop_assert_eq!(spec.cast == Some(Cast::Multicast), theirs.multicast);
        let pair = |pair: &transport::PortPair<'_>| (pair.rtp, pair.rtcp);
        prop_assert_eq!(spec.client_port.as_ref().map(pair), theirs.client_port);
        prop_assert_eq!(spec.server_port.as_ref().map(pair), theirs.server_port);
        prop_assert_eq!(spec.port.as_ref().map(pair), theirs.port);
        prop_assert_eq!(spec.interleaved.as_ref().map(|pair| (pair.rtp, pair.rtcp)), theirs.interleaved);
        prop_assert_eq!(spec.ttl, theirs.ttl);
        prop_assert_eq!(spec.ssrc, theirs.ssrc.first().copied());
        prop_assert_eq!(spec.destination.as_ref().map(|address| address.text().into_owned()), theirs.destination);
        prop_assert_eq!(spec.mode.is_some(), !theirs.mode.is_empty());
    }

    #[test]
    fn descriptions_are_the_same(
        media in vec((prop::sample::select(&["video", "audio", "application"][..]), any::<u16>(), 96_u8..128, "[A-Za-z][A-Za-z0-9-]{0,10}", 1_u32..200_000), 0..5),
        id in any::<u32>(),
    ) {
        let head = format!("v=0\r\no=- {id} 1 IN IP4 192.0.2.1\r\ns=cam\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\n");
        let describe = |(kind, port, number, name, rate): &(_, _, _, _, _)| -> String {
            format!("m={kind} {port} RTP/AVP {number}\r\na=rtpmap:{number} {name}/{rate}\r\na=control:track{number}\r\n")
        };
        let body = [vec![head], media.iter().map(describe).collect()].concat().concat();
        let ours = sdp::parse(body.as_bytes());
        prop_assert_eq!(&ours.anomalies, &[]);
        let theirs = sdp_types::Session::parse(body.as_bytes()).expect("well formed");
        let origin = ours.value.origin.expect("it was written");
        prop_assert_eq!(origin.address.map(|address| address.text().into_owned()), Some(theirs.origin.unicast_address));
        prop_assert_eq!(ours.value.media.len(), theirs.medias.len());
        for ((ours, theirs), (_, _, number, name, rate)) in ours.value.media.iter().zip(&theirs.medias).zip(&media) {
            prop_assert_eq!(ours.kind.text(), theirs.media.as_str());
            prop_assert_eq!((ours.port, ours.proto.text()), (Some(theirs.port), theirs.proto.as_str().into()));
            let control = theirs.get_first_attribute_value("control").expect("it was written");
            prop_assert_eq!(ours.control.as_ref().map(Spanned::text), control.map(Into::into));
            prop_assert_eq!((ours.payload_type, ours.encoding.as_deref(), ours.clock_rate), (Some(*number), Some(name.as_str()), Some(*rate)));
        }
    }

    #[test]
    fn rtp_headers_are_the_same(
        marker in any::<bool>(),
        payload_type in 0_u8..128,
        numbers in any::<(u16, u32, u32)>(),
        sources in vec(any::<u32>(), 0..15),
        extension in proptest::option::of(vec(any::<u8>(), 0..5).prop_map(|bytes| bytes.repeat(4))),
        payload in vec(any::<u8>(), 1..60),
        padding in proptest::option::of(1_u8..9),
    ) {
        let (sequence, timestamp, ssrc) = numbers;
        let mut builder = rtp_types::RtpPacketBuilder::<&[u8], &[u8]>::new()
            .marker_bit(marker).payload_type(payload_type).sequence_number(sequence).timestamp(timestamp).ssrc(ssrc)
            .payload(&payload).maybe_padding(padding.map(|words| words * 4));
        builder = sources.iter().fold(builder, |builder, source| builder.add_csrc(*source));
        if let Some(extension) = &extension {
            builder = builder.extension(0xbede, extension);
        }
        let bytes = builder.write_vec().expect("a packet that can be written");
        let ours = RtpSlice::new(&bytes).expect("a whole packet");
        let theirs = rtp_types::RtpPacket::parse(&bytes).expect("a whole packet");
        prop_assert_eq!((ours.version(), ours.marker(), ours.payload_type()), (theirs.version(), theirs.marker_bit(), theirs.payload_type()));
        prop_assert_eq!((ours.sequence_number(), ours.timestamp(), ours.ssrc()), (theirs.sequence_number(), theirs.timestamp(), theirs.ssrc()));
        prop_assert_eq!((ours.csrc_count(), ours.header_len()), (theirs.n_csrcs(), Some(theirs.payload_offset())));
        prop_assert_eq!(ours.padding_len(bytes.len()), Some(usize::from(theirs.padding().unwrap_or(0))));
        prop_assert_eq!(ours.payload(), theirs.payload());
    }

    #[test]
    fn compound_reports_are_the_same(
        numbers in any::<(u32, u64, u32, u32, u32)>(),
        blocks in vec((any::<(u32, u8)>(), 0_u32..(1 << 24), any::<(u32, u32, u32, u32)>()), 0..4),
        cname in "[a-z@.0-9]{1,40}",
        reason in "[a-z ]{0,20}",
    ) {
        let (ssrc, ntp, rtp_timestamp, packet_count, octet_count) = numbers;
        let mut report = rtcp_types::SenderReport::builder(ssrc)
            .ntp_timestamp(ntp).rtp_timestamp(rtp_timestamp).packet_count(packet_count).octet_count(octet_count);
        for ((source, fraction), lost, (highest, jitter, last, delay)) in &blocks {
            report = report.add_report_block(
                rtcp_types::ReportBlock::builder(*source).fraction_lost(*fraction).cumulative_lost(*lost)
                    .extended_sequence_number(*highest).interarrival_jitter(*jitter)
                    .last_sender_report_timestamp(*last).delay_since_last_sender_report_timestamp(*delay),
            );
        }
        let name = rtcp_types::SdesItem::builder(rtcp_types::SdesItem::CNAME, &cname);
        let chunk = rtcp_types::SdesChunk::builder(ssrc).add_item(name);
        let compound = rtcp_types::Compound::builder()
            .add_packet(report)
            .add_packet(rtcp_types::Sdes::builder().add_chunk(chunk))
            .add_packet(rtcp_types::Bye::builder().add_source(ssrc).reason(reason.as_str()));
        let mut bytes = vec![0; 2000];
        let len = compound.write_into(&mut bytes).expect("a compound that can be written");

        let mut read: Vec<_> = rtcp::packets(&bytes[..len]).collect();
        let [Packet::SenderReport(ours), Packet::SourceDescription(chunks), Packet::Bye(bye)] = &mut read[..] else {
            panic!("three packets, not {read:?}")
        };
        prop_assert_eq!((ours.ssrc, ours.ntp, ours.rtp_timestamp, ours.packet_count, ours.octet_count), numbers);
        let ours: Vec<_> = ours.reports.clone().map(|block| (
            (block.ssrc, block.fraction_lost),
            block.cumulative_lost.cast_unsigned() & 0x00ff_ffff,
            (block.extended_highest_seq, block.jitter_ticks, block.last_sr, block.delay_since_last_sr),
        )).collect();
        prop_assert_eq!(ours, blocks);
        prop_assert_eq!(chunks.next().and_then(|chunk| chunk.cname), Some(cname.as_bytes()));
        prop_assert_eq!(bye.sources.clone().collect::<Vec<_>>(), [ssrc]);
        prop_assert_eq!(bye.reason.unwrap_or_default(), reason.as_bytes());
    }
}

/// What rtsp-types makes of the only alternative of a Transport value.
fn their_transport(value: &str) -> headers::RtpTransportParameters {
    let request =
        rtsp_types::Request::builder(rtsp_types::Method::Setup, rtsp_types::Version::V1_0)
            .header(headers::TRANSPORT, value)
            .empty();
    let transports: Transports = request
        .typed_header()
        .expect("well formed")
        .expect("it was set");
    match &transports[0] {
        Transport::Rtp(rtp) => rtp.params.clone(),
        Transport::Other(other) => panic!("RTP, not {other:?}"),
    }
}
