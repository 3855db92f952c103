//! From the snapshot to the contract's shape.

use rtspscope_engine::advice::Named;
use rtspscope_engine::model;
use rtspscope_engine::{Code, Snapshot, clocks, finding};
use rtspscope_wire::{Span, TapId};

use super::schema::{
    Arrival, Blind, Capture, Client, ClientDatagrams, Clocks, DatagramKinds, Evidence, Finding,
    Leg, Loss, Media, Nat, Negotiated, Refused, Report, Reports, Rewrite, Router, Rtcp, Rtp,
    Server, Session, Tap, Tool, Video,
};
use super::{setup, tracked};
use crate::output::names;
use crate::output::place::find;
use crate::output::privacy::{Privacy, own};
use crate::output::time::rfc3339;

/// Version of the report's shape.
const SCHEMA_VERSION: u32 = 1;

pub(super) fn report(snapshot: &Snapshot, privacy: Privacy) -> Report {
    Mapping { snapshot, privacy }.report()
}

struct Mapping<'a> {
    snapshot: &'a Snapshot,
    privacy: Privacy,
}

impl Mapping<'_> {
    fn report(&self) -> Report {
        Report {
            schema_version: SCHEMA_VERSION,
            tool: Tool {
                name: env!("CARGO_PKG_NAME"),
                version: env!("CARGO_PKG_VERSION"),
            },
            capture: self.capture(),
            sessions: self
                .snapshot
                .sessions
                .iter()
                .map(|session| self.session(session))
                .collect(),
            findings: self
                .snapshot
                .findings
                .iter()
                .map(|finding| self.finding(finding))
                .collect(),
            router: self.snapshot.router.as_ref().map(router),
        }
    }

    fn capture(&self) -> Capture {
        let losses = &self.snapshot.losses;
        Capture {
            taps: self.snapshot.taps.iter().map(tap).collect(),
            lost: losses
                .iter()
                .fold(0, |sum: u64, (_, count)| sum.saturating_add(*count)),
            losses: losses
                .iter()
                .map(|(kind, count)| Loss {
                    reason: names::loss(*kind),
                    count: *count,
                })
                .collect(),
            blind_spots: self
                .snapshot
                .blind_spots
                .iter()
                .map(|code| code.name())
                .collect(),
            notes: self.snapshot.notes.iter().map(|note| own(note)).collect(),
            forgotten_sessions: self.snapshot.retired,
            router_setup: self.snapshot.setup.as_deref().map(setup::router_setup),
        }
    }

    fn session(&self, session: &model::Session) -> Session {
        let first = session.legs.first();
        let exchanges = first.map_or(&[][..], |leg| &leg.exchanges);
        let forgotten = first.map_or(0, |leg| leg.forgotten_keepalives);
        let requests = exchanges
            .iter()
            .map(|exchange| u64::from(exchange.request.is_some()) + u64::from(exchange.repeats));
        Session {
            id: session.id,
            url: self.optional(session.url.as_deref()),
            state: names::state(session.state),
            client: Client {
                address: session.client.to_string(),
                user_agent: self.optional(session.user_agent.as_deref()),
            },
            server: Server {
                address: session.server.to_string(),
                name: self.optional(session.server_name.as_deref()),
            },
            legs: session.legs.iter().map(|leg| self.leg(leg)).collect(),
            transport: names::transport(session.transport),
            started_at: rfc3339(session.started_at),
            ended_at: session.ended_at.map(rfc3339),
            requests: forgotten + requests.sum::<u64>(),
            responses: forgotten
                + exchanges
                    .iter()
                    .filter(|exchange| exchange.response.is_some())
                    .count() as u64,
            timeout_s: session.timeout_secs,
            refused: session.refused().map(|refused| Refused {
                method: refused.method,
                status: refused.status,
                location: self.optional(refused.location.as_deref()),
            }),
            clocks: clocks::clocks(session).map(clocks),
            media: session
                .media
                .iter()
                .map(|media| self.media(session, media))
                .collect(),
            nat: self.nat(session),
            alg: tracked::alg(self.snapshot, session),
            findings: self.codes_of(session.id),
        }
    }

    fn leg(&self, leg: &model::Leg) -> Leg {
        Leg {
            tap: self.tap_name(leg.tap),
            client: leg.client.to_string(),
            server: leg.server.to_string(),
        }
    }

    fn media(&self, session: &model::Session, media: &model::MediaStream) -> Media {
        Media {
            control: self.optional(media.control.as_deref()),
            kind: self.optional(media.kind.as_deref()),
            encoding: self.optional(media.encoding.as_deref()),
            clock_rate: media.clock_rate,
            payload_type: media.payload_type,
            profile: self.optional(media.profile.as_deref()),
            direction: names::direction(media.direction),
            is_rtp: !media.is_raw(),
            inferred_from: media.hints.iter().copied().map(names::hint).collect(),
            set_up: media.set_up,
            superseded: media.superseded,
            negotiated: self.negotiated(&media.negotiated),
            arrivals: media
                .arrivals
                .iter()
                .map(|arrival| self.arrival(session, arrival))
                .collect(),
        }
    }

    fn negotiated(&self, negotiated: &model::Negotiated) -> Negotiated {
        Negotiated {
            client_rtp_port: negotiated.client_rtp_port,
            client_rtcp_port: negotiated.client_rtcp_port,
            server_rtp_port: negotiated.server_rtp_port,
            server_rtcp_port: negotiated.server_rtcp_port,
            channels: negotiated.channels.map(|(rtp, rtcp)| [rtp, rtcp]),
            destination: self.optional(negotiated.destination.as_deref()),
            source: self.optional(negotiated.source.as_deref()),
            ssrc: negotiated.ssrc,
        }
    }

    fn arrival(&self, session: &model::Session, arrival: &model::Arrival) -> Arrival {
        Arrival {
            tap: self.tap_name(arrival.tap),
            leg: arrival.leg.filter(|leg| is_ambiguous(session, *leg)),
            rtp: rtp(&arrival.rtp),
            rtcp: rtcp(&arrival.rtcp),
            video: arrival.rtp.video.as_ref().map(video),
            from_client: arrival.from_client.iter().map(from_client).collect(),
        }
    }

    fn nat(&self, session: &model::Session) -> Nat {
        let tap_of = |leg: usize| session.legs.get(leg).map(|leg| self.tap_name(leg.tap));
        let told = session.netfilter.as_ref();
        let mappings = told.map(|told| tracked::mappings(self.snapshot, told));
        let Some(pair) = &session.nat else {
            return Nat {
                paired: false,
                evidence: Vec::new(),
                pre_tap: None,
                post_tap: None,
                pre_leg: None,
                post_leg: None,
                sequence_delta: None,
                rewrites: Vec::new(),
                mappings,
            };
        };
        Nat {
            paired: true,
            evidence: pair
                .evidence
                .iter()
                .map(|evidence| names::evidence(*evidence))
                .collect(),
            pre_tap: tap_of(pair.pre),
            post_tap: tap_of(pair.post),
            pre_leg: Some(pair.pre).filter(|leg| is_ambiguous(session, *leg)),
            post_leg: Some(pair.post).filter(|leg| is_ambiguous(session, *leg)),
            sequence_delta: pair.sequence_delta,
            rewrites: pair
                .rewrites
                .iter()
                .map(|rewrite| self.rewrite(rewrite))
                .collect(),
            mappings,
        }
    }

    fn rewrite(&self, diff: &model::FieldDiff) -> Rewrite {
        let value = |value: &Option<String>| {
            value
                .as_ref()
                .map(|value| self.privacy.field(&diff.field, value))
        };
        let (pre_at, post_at) = (
            find(self.snapshot, diff.pre_at),
            find(self.snapshot, diff.post_at),
        );
        Rewrite {
            method: own(&diff.method),
            kind: if diff.in_response {
                "response"
            } else {
                "request"
            },
            cseq: diff.cseq,
            field: own(&diff.field),
            pre: value(&diff.pre),
            post: value(&diff.post),
            pre_raw: self.raw(diff.pre_raw.as_deref()),
            post_raw: self.raw(diff.post_raw.as_deref()),
            class: names::class(diff.class),
            pre_frame: pre_at.frame,
            post_frame: post_at.frame,
            pre_file: pre_at.file,
            post_file: post_at.file,
        }
    }

    fn raw(&self, line: Option<&[u8]>) -> Option<String> {
        line.map(|line| self.privacy.bytes(line))
    }

    fn finding(&self, finding: &finding::Finding) -> Finding {
        Finding {
            code: finding.code.name(),
            severity: names::severity(finding.severity),
            session: finding.subject.session,
            media: finding.subject.media,
            summary: self.privacy.text(&finding.summary),
            cause: self.privacy.text(&finding.cause),
            evidence: finding
                .evidence
                .iter()
                .map(|evidence| self.evidence(evidence))
                .collect(),
            remedy: finding
                .remedy
                .iter()
                .map(|remedy| self.privacy.text(remedy))
                .collect(),
        }
    }

    fn evidence(&self, evidence: &finding::Evidence) -> Evidence {
        let found = find(self.snapshot, evidence.at);
        Evidence {
            tap: self.tap_name(evidence.at.tap),
            file: found.file,
            frame: found.frame,
            at: rfc3339(evidence.at.at),
            note: self.privacy.text(&evidence.note),
        }
    }

    /// Codes of a session's findings, each once, in the order of the findings.
    fn codes_of(&self, session: u32) -> Vec<&'static str> {
        let mut codes: Vec<Code> = Vec::new();
        for finding in self
            .snapshot
            .findings
            .iter()
            .filter(|finding| finding.subject.session == Some(session))
        {
            if !codes.contains(&finding.code) {
                codes.push(finding.code);
            }
        }
        codes.into_iter().map(Code::name).collect()
    }

    fn tap_name(&self, tap: TapId) -> String {
        self.snapshot
            .taps
            .get(usize::from(tap.0))
            .map_or_else(|| names::no_tap(tap), |tap| own(&tap.name))
    }

    fn optional(&self, text: Option<&str>) -> Option<String> {
        text.map(|text| self.privacy.text(text))
    }
}

/// Whether the session has another leg at the same tap, so that the tap's name does not tell the leg.
fn is_ambiguous(session: &model::Session, leg: usize) -> bool {
    session.side_at_one_tap(leg).is_some()
}

fn router(named: &Named) -> Router {
    Router {
        name: named.router.name,
        title: named.router.title,
        machine: named.machine.as_deref().map(own),
    }
}

fn tap(tap: &model::Tap) -> Tap {
    let files = tap.files.sources().filter(|_| tap.files.are_several());
    let files: Vec<String> = files.map(own).collect();
    Tap {
        name: own(&tap.name),
        role: names::role(tap.role),
        source: if files.is_empty() {
            own(&tap.source)
        } else {
            files.join(", ")
        },
        files,
        link_type: tap.link_type.map(names::link_type),
        frames: tap.frames,
        bytes: tap.bytes,
        first_at: tap.first_at.map(rfc3339),
        last_at: tap.last_at.map(rfc3339),
        blind: tap.blind.iter().map(blind).collect(),
        clock_offset_ns: tap.clock_offset.map(|offset| offset.0),
        clock_drift_ppm: tap.clock_drift_ppm,
    }
}

fn blind(blind: &rtspscope_engine::Blind) -> Blind {
    Blind {
        from: rfc3339(blind.since),
        until: blind.until.map(rfc3339),
    }
}

fn clocks(clocks: clocks::Clocks) -> Clocks {
    let secs = |span: Option<Span>| span.map(Span::as_secs_f64);
    Clocks {
        last_media_s: secs(clocks.last_media),
        last_request_s: secs(clocks.last_request),
        keepalives: clocks.keepalives,
        last_from_client_rtp_port_s: secs(clocks.last_from_rtp_port),
        last_from_client_rtcp_port_s: secs(clocks.last_from_rtcp_port),
        closed_s: secs(clocks.closed.map(|(_, at)| at)),
        closed_by: clocks.closed.map(|(by, _)| match by {
            model::Side::Client => "client",
            model::Side::Server => "server",
        }),
        told: clocks.to_string(),
    }
}

fn rtp(rtp: &model::RtpArrival) -> Rtp {
    Rtp {
        packets: rtp.packets,
        bytes: rtp.bytes,
        expected: rtp.expected,
        lost: rtp.lost,
        duplicates: rtp.duplicates,
        reordered: rtp.reordered,
        jitter_ms: rtp.jitter.map(Span::as_millis_f64),
        max_gap_ms: rtp.max_gap.map(Span::as_millis_f64),
        bitrate_bps: rtp.bitrate_bps,
        ssrc: rtp.ssrc,
        ssrc_changes: rtp.ssrc_changes,
        restarts: rtp.restarts,
        payload_type: rtp.payload_type,
        payload_type_changes: rtp.payload_type_changes,
        repair_packets: rtp.repair_packets,
        repair_bytes: rtp.repair_bytes,
        first_at: rtp.first.map(|first| rfc3339(first.at)),
        last_at: rtp.last.map(|last| rfc3339(last.at)),
        from: rtp.from.map(|from| from.to_string()),
        to: rtp.to.map(|to| to.to_string()),
    }
}

fn video(video: &model::VideoArrival) -> Video {
    Video {
        keyframes: video.keyframes,
        keyframe_interval_ms: video.keyframe_interval.map(Span::as_millis_f64),
        last_keyframe_at: video.last_keyframe.map(|last| rfc3339(last.at)),
        frame_rate: video.frame_rate,
        parameter_sets: video.parameter_sets.map(names::parameter_sets),
    }
}

fn from_client(sent: &model::ClientDatagrams) -> ClientDatagrams {
    ClientDatagrams {
        from: sent.from.to_string(),
        to: sent.to.to_string(),
        packets: sent.packets,
        kinds: DatagramKinds {
            rtp: sent.kinds.rtp,
            rtcp: sent.kinds.rtcp,
            stun: sent.kinds.stun,
            dtls: sent.kinds.dtls,
            hole_punch: sent.kinds.punches,
            other: sent.kinds.other,
        },
        first_at: rfc3339(sent.first.at),
        last_at: rfc3339(sent.last.at),
    }
}

fn rtcp(rtcp: &model::RtcpArrival) -> Rtcp {
    Rtcp {
        packets: rtcp.packets,
        sender_reports: rtcp.sender_reports,
        receiver_reports: rtcp.receiver_reports,
        byes: rtcp.byes,
        nacks: rtcp.nacks,
        keyframe_requests: rtcp.keyframe_requests,
        reports: Reports {
            far_end_lost: rtcp.far_end.lost,
            far_end_fraction: rtcp.far_end.fraction_lost,
            far_end_jitter_ms: rtcp.far_end.jitter.map(Span::as_millis_f64),
            round_trip_ms: rtcp.far_end.round_trip.map(Span::as_millis_f64),
        },
        from: rtcp.from.map(|from| from.to_string()),
        to: rtcp.to.map(|to| to.to_string()),
    }
}
