//! A session of hand-made legs, with what each tap saw of its media.

use std::net::SocketAddr;
use std::sync::Arc;

use rtspscope_wire::rtsp::{message, transport};
use rtspscope_wire::{LinkType, TapId, TapRole, Timestamp};

use super::{BETWEEN, LAN, UDP_TALK, WAN, addr, at, leg};
use crate::alg;
use crate::input::LossKind;
use crate::model::{
    AlgJudgement, Arrival, ClientDatagrams, DatagramKinds, Delivery, Exchange, Leg, MediaStream,
    Message, NatPair, Negotiated, Netfilter, Refusal, Repeated, Session, SessionState, Snapshot,
    Tap, TransportKind,
};
use crate::nat::{diff, pairing};
use crate::router_setup::RouterSetup;
use crate::rules;
use crate::tap_files::TapFiles;

/// One session and what the taps saw of it.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) legs: Vec<Leg>,
    pub(crate) media: Vec<MediaStream>,
    pub(crate) udp_datagrams: [u64; 2],
    /// Whether the taps saw every packet of their interface.
    pub(crate) unfiltered: bool,
    /// Seconds until which the LAN and the WAN tap were watching.
    pub(crate) watched_until: [f64; 2],
    /// Seconds at which they began.
    pub(crate) first_at: [f64; 2],
    pub(crate) losses: Vec<(LossKind, u64)>,
    pub(crate) user_agent: Option<String>,
    pub(crate) netfilter: Option<Netfilter>,
    pub(crate) setup: Option<RouterSetup>,
    /// Seconds of a live run's clock, where it is one.
    pub(crate) ticked_at: Option<f64>,
}

impl Scene {
    /// A client on the LAN and a camera outside; both taps hear the same.
    pub(crate) fn behind_nat(talk: &str) -> Self {
        Self::heard(talk, talk)
    }

    /// A minute behind NAT whose media ends at these seconds at the two taps, inside first.
    pub(crate) fn stopped(inside: f64, outside: f64) -> Self {
        let talk = UDP_TALK
            .replace("10.0 >", "60.0 >")
            .replace("10.1 <", "60.1 <");
        let mut scene = Self::behind_nat(&talk).punch(0.035, 5000).rtp(900, 900);
        scene.arrival(LAN).rtp.last = Some(at(LAN, inside, 200));
        scene.arrival(WAN).rtp.last = Some(at(WAN, outside, 300));
        scene
    }

    /// The same with a conversation for either tap.
    pub(crate) fn heard(lan: &str, wan: &str) -> Self {
        Self::of(vec![
            leg(LAN, "192.168.1.100:40000", "203.0.113.10:554", lan),
            leg(WAN, "203.0.113.1:40000", "203.0.113.10:554", wan),
        ])
    }

    /// A camera on the LAN behind a port forward, a client outside.
    pub(crate) fn camera_inside(wan: &str, lan: &str) -> Self {
        Self::of(vec![
            leg(LAN, "203.0.113.10:40000", "192.168.1.100:554", lan),
            leg(WAN, "203.0.113.10:40000", "203.0.113.1:554", wan),
        ])
    }

    /// A client behind two routers, of which either translates its address, with a tap between the two.
    pub(crate) fn behind_two_nats(talk: &str) -> Self {
        let hosts = [
            (LAN, "192.168.1.100:40000"),
            (BETWEEN, "100.64.0.9:40000"),
            (WAN, "203.0.113.1:40000"),
        ];
        let legs = hosts.map(|(tap, client)| leg(tap, client, "203.0.113.10:554", talk));
        Self::of(legs.to_vec())
    }

    /// A connection that one tap saw, and no other.
    pub(crate) fn at_one_tap(client: &str, server: &str, talk: &str) -> Self {
        Self::of(vec![leg(LAN, client, server, talk)])
    }

    pub(crate) fn of(legs: Vec<Leg>) -> Self {
        let media = media_of(&legs);
        Self {
            legs,
            media,
            udp_datagrams: [1, 1],
            unfiltered: false,
            watched_until: [20.0, 20.0],
            first_at: [0.0, 0.0],
            losses: Vec::new(),
            user_agent: None,
            netfilter: None,
            setup: None,
            ticked_at: None,
        }
    }

    pub(crate) fn arrival(&mut self, tap: TapId) -> &mut Arrival {
        let media = self.media.first_mut().expect("a medium that was set up");
        media
            .arrivals
            .iter_mut()
            .find(|arrival| arrival.tap == tap)
            .expect("a tap of the scene")
    }

    /// Where a tap sees media of the server come from and go to, as its own messages say.
    fn media_path(&self, tap: TapId, rtcp: bool) -> (SocketAddr, SocketAddr) {
        let index = self
            .legs
            .iter()
            .position(|leg| leg.tap == tap)
            .expect("a leg at the tap");
        let (leg, agreed) = (&self.legs[index], &self.media[0].per_leg[index]);
        let [from, to] = if rtcp {
            [agreed.server_rtcp_port, agreed.client_rtcp_port]
        } else {
            [agreed.server_rtp_port, agreed.client_rtp_port]
        };
        let at = |end: SocketAddr, port: Option<u16>| {
            SocketAddr::new(end.ip(), port.unwrap_or(end.port()))
        };
        (at(leg.server, from), at(leg.client, to))
    }

    /// RTP packets from the server at the LAN and at the WAN tap, from 0.06 s on.
    pub(crate) fn rtp(self, lan: u64, wan: u64) -> Self {
        self.rtp_at(LAN, lan).rtp_at(WAN, wan)
    }

    /// The same at one tap.
    pub(crate) fn rtp_at(mut self, tap: TapId, packets: u64) -> Self {
        let (from, to) = self.media_path(tap, false);
        let rtp = &mut self.arrival(tap).rtp;
        rtp.packets = packets;
        if packets > 0 {
            (rtp.first, rtp.last) = (Some(at(tap, 0.06, 20)), Some(at(tap, 9.9, 200)));
            (rtp.from, rtp.to) = (Some(from), Some(to));
        }
        self
    }

    /// RTCP packets from the server, from 0.06 s on.
    pub(crate) fn rtcp(mut self, lan: u64, wan: u64) -> Self {
        for (tap, packets) in [(LAN, lan), (WAN, wan)] {
            let (from, to) = self.media_path(tap, true);
            let rtcp = &mut self.arrival(tap).rtcp;
            rtcp.packets = packets;
            if packets > 0 {
                rtcp.first = Some(at(tap, 0.06, 21));
                (rtcp.from, rtcp.to) = (Some(from), Some(to));
            }
        }
        self
    }

    /// The client sends from its RTP and RTCP ports at `secs`; outside they leave from `outside` and the next port.
    pub(crate) fn punch(mut self, secs: f64, outside: u16) -> Self {
        for (tap, host, port) in [(LAN, "192.168.1.100", 5000), (WAN, "203.0.113.1", outside)] {
            for rtcp_port in [false, true] {
                let offset = u16::from(rtcp_port);
                let place = at(tap, secs, 15);
                self.arrival(tap).from_client.push(ClientDatagrams {
                    from: addr(&format!("{host}:{}", port + offset)),
                    to: addr(&format!("203.0.113.10:{}", 6970 + offset)),
                    packets: 1,
                    kinds: DatagramKinds::default(),
                    first: place,
                    last: place,
                    rtcp_port,
                });
            }
        }
        self
    }

    /// The client's host refuses RTP (or RTCP) at `secs`.
    pub(crate) fn refuse(mut self, secs: f64, rtcp_port: bool) -> Self {
        self.arrival(LAN).refused.push(Refusal {
            at: at(LAN, secs, 30),
            from: addr("192.168.1.100:0").ip(),
            rtcp_port,
        });
        self
    }

    /// The legs are two TCP connections.
    pub(crate) fn proxied(mut self) -> Self {
        if let Some(wan) = self.legs.last_mut() {
            (wan.client_isn, wan.server_isn) = (Some(7), Some(8));
        }
        self
    }

    /// From 2 s on what the server sends is not acknowledged outside: at number 5000 it repeats up to 9.5 s in vain. Inside is
    /// seen and acknowledged up to other numbers.
    pub(crate) fn held_up(&mut self, seen: u32, acknowledged: u32) {
        let sent = Delivery {
            isn: Some(2000),
            begin: None,
            last: Some(at(WAN, 9.5, 96)),
            largest: Some(1448),
            seen: Some(9000),
            reached: Some(9000),
            acknowledged: Some(5000),
            since: Some(at(WAN, 2.0, 90)),
            repeated: Some(Repeated {
                first: at(WAN, 2.2, 91),
                last: at(WAN, 9.5, 96),
                times: 6,
                len: 18,
            }),
            missing: 0,
        };
        self.legs[0].from_server = Delivery {
            last: Some(at(LAN, 2.0, 80)),
            seen: Some(seen),
            reached: Some(seen),
            acknowledged: Some(acknowledged),
            repeated: None,
            ..sent
        };
        self.legs[1].from_server = sent;
        for media in &mut self.media {
            for arrival in &mut media.arrivals {
                let last = arrival.rtp.last.map(|_| at(arrival.tap, 1.99, 79));
                arrival.rtp.last = last;
            }
        }
    }

    /// The session with its legs paired and compared.
    fn session(mut self) -> Session {
        let groups = pairing::pair(&self.legs);
        let [group] = &groups[..] else {
            panic!("the legs of a scene are one connection: {groups:?}")
        };
        let legs: Vec<Leg> = group
            .legs
            .iter()
            .map(|&index| self.legs[index].clone())
            .collect();
        for media in &mut self.media {
            media.per_leg = group
                .legs
                .iter()
                .map(|&index| media.per_leg[index].clone())
                .collect();
            media.setup = group.legs.iter().map(|&index| media.setup[index]).collect();
            for arrival in &mut media.arrivals {
                let place = |leg: usize| group.legs.iter().position(|&index| index == leg);
                arrival.leg = arrival.leg.and_then(place);
            }
            media.negotiated = media.per_leg[0].clone();
        }
        let watched_until = |leg: usize| {
            let tap = usize::from(legs[leg].tap == WAN);
            let until = at(legs[leg].tap, self.watched_until[tap], 0).at;
            until.max(legs[leg].last.at)
        };
        let nat = group.pre.zip(group.post).map(|(pre, post)| NatPair {
            pre,
            post,
            evidence: group.evidence.clone(),
            proxied: group.proxied,
            sequence_delta: Some(0),
            rewrites: diff::compare([&legs[pre], &legs[post]], [pre, post].map(watched_until)),
            client_translated: group.client_translated,
        });
        Session {
            id: 1,
            url: Some("rtsp://203.0.113.10/a".to_owned()),
            state: SessionState::Ended,
            client: legs[0].client,
            user_agent: self.user_agent,
            server: legs[legs.len() - 1].server,
            server_name: None,
            started_at: legs[0].first.at,
            ended_at: Some(legs[0].last.at),
            timeout_secs: Some(60),
            transport: transport(&self.media),
            media: self.media,
            legs,
            nat,
            alg: AlgJudgement::default(),
            netfilter: self.netfilter,
        }
    }

    /// The judgement in the words of the report: `action/effect`.
    pub(crate) fn judged(self) -> String {
        let alg = self.checked().sessions[0].alg;
        format!("{:?}/{:?}", alg.action, alg.effect).to_lowercase()
    }

    /// The snapshot with its findings.
    pub(crate) fn checked(self) -> Snapshot {
        Self::together(vec![self])
    }

    /// One snapshot of several scenes, numbered from 1, with the taps of the first.
    pub(crate) fn together(scenes: Vec<Self>) -> Snapshot {
        let first = scenes.first().expect("a scene");
        let taps: Vec<Tap> = [(LAN, "lan"), (WAN, "wan")]
            .into_iter()
            .zip(first.udp_datagrams)
            .zip(first.watched_until.into_iter().zip(first.first_at))
            .map(|(((id, name), datagrams), (until, began))| Tap {
                unfiltered: first.unfiltered,
                first_at: Some(at(id, began, 0).at),
                ..tap(id, name, datagrams, at(id, until, 0).at)
            })
            .collect();
        let losses = first.losses.clone();
        let setup = first.setup.clone().map(Arc::new);
        let ticked_at = first.ticked_at.map(|secs| at(LAN, secs, 0).at);
        let mut sessions: Vec<Session> = scenes.into_iter().map(Self::session).collect();
        for (id, session) in (1..).zip(&mut sessions) {
            session.id = id;
        }
        alg::judge_all(&mut sessions, &taps, &losses);
        let mut snapshot = Snapshot {
            taps,
            losses,
            sessions,
            setup,
            ticked_at,
            ..Snapshot::default()
        };
        rules::check(&mut snapshot);
        snapshot
    }

    /// The codes of the findings that are more than information.
    pub(crate) fn troubles(self) -> Vec<&'static str> {
        let findings = self.checked().findings;
        findings
            .iter()
            .filter(|finding| finding.severity > crate::Severity::Info)
            .map(|finding| finding.code.name())
            .collect()
    }

    /// The codes of all findings.
    pub(crate) fn codes(self) -> Vec<&'static str> {
        self.checked()
            .findings
            .iter()
            .map(|finding| finding.code.name())
            .collect()
    }
}

fn tap(id: TapId, name: &str, udp_datagrams: u64, watched_until: Timestamp) -> Tap {
    Tap {
        id,
        name: name.to_owned(),
        role: TapRole::Unknown,
        source: name.to_owned(),
        files: TapFiles::of(name),
        link_type: Some(LinkType::ETHERNET),
        frames: 100,
        bytes: 10_000,
        first_at: Some(Timestamp(0)),
        last_at: Some(watched_until),
        watched_until: Some(watched_until),
        blind: Vec::new(),
        clock_offset: None,
        clock_drift_ppm: None,
        udp_datagrams,
        unfiltered: false,
        cut_frames: 0,
    }
}

/// One medium for each SETUP of the first leg, with an empty arrival at each tap.
fn media_of(legs: &[Leg]) -> Vec<MediaStream> {
    let setups = |leg: &Leg| -> Vec<usize> {
        (0..leg.exchanges.len())
            .filter(|&index| leg.exchanges[index].is("SETUP"))
            .collect()
    };
    let count = legs.iter().map(|leg| setups(leg).len()).max().unwrap_or(0);
    let medium = |number: usize| {
        let setup: Vec<Option<usize>> = legs
            .iter()
            .map(|leg| setups(leg).get(number).copied())
            .collect();
        let exchange =
            |(leg, index): (&Leg, &Option<usize>)| index.map(|index| leg.exchanges[index].clone());
        let exchanges: Vec<Option<Exchange>> = legs.iter().zip(&setup).map(exchange).collect();
        let per_leg: Vec<Negotiated> = exchanges
            .iter()
            .map(|exchange| {
                exchange
                    .as_ref()
                    .map_or_else(Negotiated::default, negotiated)
            })
            .collect();
        let arrivals = legs.iter().enumerate();
        let arrivals = arrivals.map(|(index, leg)| Arrival::new(leg.tap, Some(index)));
        MediaStream {
            control: Some(format!("track{}", number + 1)),
            kind: Some("video".to_owned()),
            profile: Some("RTP/AVP".to_owned()),
            set_up: exchanges.iter().flatten().any(Exchange::succeeded),
            negotiated: per_leg.first().cloned().unwrap_or_default(),
            per_leg,
            setup,
            arrivals: arrivals.collect(),
            ..MediaStream::default()
        }
    };
    (0..count).map(medium).collect()
}

fn transport(media: &[MediaStream]) -> TransportKind {
    let set_up = media.iter().find(|media| media.set_up);
    set_up.map_or(TransportKind::Unknown, |media| {
        if media.negotiated.channels.is_some() {
            TransportKind::Tcp
        } else {
            TransportKind::Udp
        }
    })
}

fn negotiated(exchange: &Exchange) -> Negotiated {
    let read = |message: Option<&Arc<Message>>| {
        let parsed = message.map(|message| message::parse(&message.raw).value)?;
        let spec = transport::parse(parsed.header("Transport")?.value.clone())
            .value
            .into_iter()
            .next()?;
        Some(Negotiated {
            client_rtp_port: spec.client_port.as_ref().map(|pair| pair.rtp),
            client_rtcp_port: spec.client_port.as_ref().and_then(|pair| pair.rtcp),
            server_rtp_port: spec.server_port.as_ref().map(|pair| pair.rtp),
            server_rtcp_port: spec.server_port.as_ref().and_then(|pair| pair.rtcp),
            channels: spec
                .interleaved
                .as_ref()
                .map(|channels| (channels.rtp, channels.rtcp.unwrap_or(channels.rtp + 1))),
            destination: spec
                .destination
                .as_ref()
                .map(|value| value.text().into_owned()),
            source: spec.source.as_ref().map(|value| value.text().into_owned()),
            ..Negotiated::default()
        })
    };
    let asked = read(exchange.request.as_ref()).unwrap_or_default();
    let answered = read(exchange.response.as_ref()).unwrap_or_default();
    Negotiated {
        answered_rtp_port: answered.client_rtp_port,
        answered_rtcp_port: answered.client_rtcp_port,
        client_rtp_port: asked.client_rtp_port,
        client_rtcp_port: asked.client_rtcp_port,
        channels: answered.channels.or(asked.channels),
        ..answered
    }
}
