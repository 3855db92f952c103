//! What matters of a medium: at each tap the begin and the end of RTP and RTCP, what the client sent, what was refused.

use std::net::SocketAddr;

use rtspscope_engine::Locator;
use rtspscope_engine::model::{Arrival, ClientDatagrams, MediaStream};

use super::{MediaFlow, Plan, plain};
use crate::output::privacy::Privacy;

/// First RTP packets that are kept: enough to tell media from one look-alike.
const RTP: u32 = 4;
/// First RTCP packets; one comes every few seconds.
const RTCP: u32 = 64;
/// First datagrams of the client: punches, reports.
const FROM_CLIENT: u32 = 64;

pub(super) fn add(plan: &mut Plan, medium: &MediaStream, suffix: &str, privacy: Privacy) {
    let kind = medium.kind.as_deref().unwrap_or("media");
    let kind = privacy.text(kind);
    for arrival in &medium.arrivals {
        from_server(plan, arrival, &kind, suffix);
        for sent in &arrival.from_client {
            from_client(plan, sent, &kind, suffix);
        }
        for refused in &arrival.refused {
            let text = format!("ICMP error about {kind}{suffix}");
            plan.frame(Some(refused.at), plain(text));
        }
    }
}

fn from_server(plan: &mut Plan, arrival: &Arrival, kind: &str, suffix: &str) {
    let rtp = &arrival.rtp;
    plan.frame(rtp.first, plain(format!("first RTP of {kind}{suffix}")));
    plan.frame(rtp.last, plain(format!("last RTP of {kind}{suffix}")));
    let keyframe = rtp.video.as_ref().and_then(|video| video.last_keyframe);
    plan.frame(keyframe, plain(format!("last keyframe of {kind}{suffix}")));
    let text = format!("RTP of {kind}{suffix}");
    flow(plan, arrival, (rtp.from, rtp.to), rtp.first, &text, RTP);
    let rtcp = &arrival.rtcp;
    plan.frame(rtcp.first, plain(format!("first RTCP of {kind}{suffix}")));
    let text = format!("RTCP of {kind}{suffix}");
    flow(plan, arrival, (rtcp.from, rtcp.to), rtcp.first, &text, RTCP);
}

fn from_client(plan: &mut Plan, sent: &ClientDatagrams, kind: &str, suffix: &str) {
    let port = if sent.rtcp_port { "RTCP" } else { "RTP" };
    let text = format!("client's datagram on the {port} port of {kind}{suffix}");
    plan.frame(Some(sent.first), plain(format!("first {text}")));
    plan.frame(Some(sent.last), plain(format!("last {text}")));
    let entry = (sent.first.tap, sent.from, sent.to);
    note(plan, entry, Some(sent.first), &text, FROM_CLIENT);
}

fn flow(
    plan: &mut Plan,
    arrival: &Arrival,
    ends: (Option<SocketAddr>, Option<SocketAddr>),
    first: Option<Locator>,
    text: &str,
    wanted: u32,
) {
    if let (Some(from), Some(to)) = ends {
        note(plan, (arrival.tap, from, to), first, text, wanted);
    }
}

fn note(plan: &mut Plan, flow: super::Flow, first: Option<Locator>, text: &str, wanted: u32) {
    let known = plan.media.entry(flow).or_insert_with(|| MediaFlow {
        text: text.to_owned(),
        wanted,
        begins: std::collections::HashSet::new(),
    });
    known.wanted = known.wanted.max(wanted);
    known.begins.extend(first.and_then(|first| first.frame));
}
