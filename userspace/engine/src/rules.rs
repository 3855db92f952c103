//! Draws the conclusions: one file for each finding code.
//!
//! A rule reads facts of the model and returns findings with their proof. It stays silent where the captures cannot
//! prove it; `capture-incomplete` then says what was missing. No rule reads another rule's findings.

use rtspscope_wire::TapId;

use crate::facts::{Capture, MediaFacts, Nearest, SessionFacts};
use crate::finding::{Code, Explanation, Finding, Severity, Subject};
use crate::model::{Arrival, Leg, Session, Side, Snapshot, Tap};

mod advice;
mod alg_corrupted_message;
mod alg_dropped_message;
mod alg_missed_setup;
mod alg_opened_pinhole;
mod alg_reply_not_restored;
mod alg_rewrote_message;
mod authentication_failed;
mod by_setup;
mod camera_dependent;
mod capture_incomplete;
mod client_dependent;
mod comparison;
mod connection_closed;
mod connection_refused;
mod describe_failed;
mod different_subnets;
mod encrypted;
mod exposed_to_internet;
mod interleaved_desync;
mod large_packets_lost;
mod mapping_expired;
mod media_refused;
mod multicast_not_joined;
mod nat_no_pinhole;
mod nat_port_randomised;
mod nat_private_address_leaked;
mod nat_source_port_changed;
mod no_keyframe;
mod no_receiver_reports;
mod proxy_in_path;
mod refused_stream;
mod request_refused;
mod request_unanswered;
mod rtcp_never_arrived;
mod rtp_loss;
mod rtp_never_arrived;
mod rtp_never_sent;
mod rtp_stalled;
mod rtp_wrong_port;
mod rtp_wrong_source;
mod server_busy;
mod session_timed_out;
mod slow_receiver;
mod transport_refused;

/// Fills in the snapshot's findings and blind spots from its sessions; what was there is replaced.
pub fn check(snapshot: &mut Snapshot) {
    let mut findings = capture_incomplete::check_capture(snapshot);
    for session in &snapshot.sessions {
        let capture = Capture {
            taps: &snapshot.taps,
            losses: &snapshot.losses,
            setup: snapshot.setup.as_deref(),
            unclaimed: &snapshot.unclaimed,
            sessions: &snapshot.sessions,
            ticked_at: snapshot.ticked_at,
        };
        let view = View {
            sessions: &snapshot.sessions,
            session,
            facts: SessionFacts::new(session, capture),
        };
        let mut about_session: Vec<Finding> = RULES.iter().flat_map(|rule| rule(&view)).collect();
        about_session.retain(|finding| !finding.evidence.is_empty());
        for finding in &mut about_session {
            soften(&view, finding);
            fit_to_transport(&view, finding);
        }
        about_session.sort_by_key(|finding| {
            (
                std::cmp::Reverse(finding.severity),
                finding.code,
                finding.subject.media,
            )
        });
        findings.extend(about_session);
    }
    let blind = [Code::CaptureIncomplete, Code::Encrypted];
    snapshot.blind_spots = blind
        .into_iter()
        .filter(|code| findings.iter().any(|finding| finding.code == *code))
        .collect();
    snapshot.findings = findings;
}

/// Of an attempt that gave way to another one which plays, nothing is worse than a warning: the viewer has a picture.
fn soften(view: &View<'_>, finding: &mut Finding) {
    let Some(index) = finding.subject.media else {
        return;
    };
    let facts = view.facts;
    let mut media = facts.media().chain(facts.media_of_client());
    let later = media.find(|media| media.index == index);
    let Some(later) = later.and_then(MediaFacts::recovery) else {
        return;
    };
    finding.severity = finding.severity.min(Severity::Warning);
    let way = if later.negotiated.channels.is_some() {
        "over TCP"
    } else if later.negotiated.multicast.is_some() {
        "by multicast"
    } else {
        "over UDP"
    };
    let told = format!("; set up anew {way}, the stream came");
    finding.cause.push_str(&told);
}

/// A player that carries media over TCP already is not told to do so.
fn fit_to_transport(view: &View<'_>, finding: &mut Finding) {
    if view.facts.goes_over_tcp() {
        finding
            .remedy
            .retain(|remedy| !crate::advice::concerns_player(remedy));
    }
}

/// What a rule may look at.
#[derive(Clone, Copy, Debug)]
struct View<'a> {
    sessions: &'a [Session],
    session: &'a Session,
    facts: SessionFacts<'a>,
}

impl<'a> View<'a> {
    /// The nearest other sessions in time; comparing all with all would cost too much where there are thousands.
    fn others(&self) -> impl Iterator<Item = &'a Session> {
        let (sessions, id) = (self.sessions, self.session.id);
        let own = sessions.iter().position(|session| session.id == id);
        let from = own.unwrap_or(0).saturating_sub(COMPARED);
        let near = sessions.iter().skip(from).take(2 * COMPARED + 1);
        near.filter(move |session| session.id != id)
    }

    /// The facts of another session of the same capture.
    fn facts_of(&self, session: &'a Session) -> SessionFacts<'a> {
        SessionFacts::new(session, self.facts.capture)
    }

    /// Whether media at the only side that was seen may be another session's: in its time it is counted there as well, or it
    /// comes from the server of another session of the same client.
    fn may_be_anothers(&self, seen: &Nearest<'_>) -> bool {
        let (from, to) = (seen.rtp().from, seen.rtp().to);
        let is_own = |session: &Session| {
            let mut arrivals = session.media.iter().flat_map(|media| &media.arrivals);
            let mut legs = session.legs.iter();
            arrivals.any(|arrival| {
                arrival.tap == seen.leg.tap
                    && (arrival.rtp.from, arrival.rtp.to) == (from, to)
                    && seen.media.is_meanwhile(seen.leg_index, arrival)
            }) || legs.any(|leg| {
                let (client, server) = (leg.client.ip(), leg.server.ip());
                (leg.tap, client) == (seen.leg.tap, seen.leg.client.ip())
                    && server != seen.leg.server.ip()
                    && from.is_some_and(|from| from.ip() == server)
            })
        };
        seen.one_sided && self.others().any(is_own)
    }

    /// The session as a whole.
    fn subject(&self) -> Subject {
        Subject {
            session: Some(self.session.id),
            media: None,
        }
    }

    /// One medium of the session.
    fn medium(&self, index: usize) -> Subject {
        Subject {
            session: Some(self.session.id),
            media: Some(index),
        }
    }

    fn tap(&self, id: TapId) -> Option<&Tap> {
        self.facts.capture.tap(id)
    }

    /// Where a leg was seen, for sentences: its tap, and the side of the router where the tap shows both.
    fn place(&self, leg: &Leg) -> String {
        let legs = &self.session.legs;
        let index = legs.iter().position(|own| std::ptr::eq(own, leg));
        self.at_tap(leg.tap, index)
    }

    /// The same of what was seen of a medium.
    fn place_of(&self, arrival: &Arrival) -> String {
        self.at_tap(arrival.tap, arrival.leg)
    }

    fn at_tap(&self, id: TapId, leg: Option<usize>) -> String {
        let name = self.tap(id).map_or("the tap", |tap| tap.name.as_str());
        match leg.and_then(|leg| self.session.side_at_one_tap(leg)) {
            Some(Side::Client) => format!("{name} on the client's side"),
            Some(Side::Server) => format!("{name} on the server's side"),
            None => name.to_owned(),
        }
    }
}

/// Sessions before and after a session with which it is compared.
const COMPARED: usize = 64;

type Rule = fn(&View<'_>) -> Vec<Finding>;

/// Binds each code to its file: the rule that is run and the explanation that is told.
macro_rules! rules {
    ($($module:ident = $code:ident;)*) => {
        /// Every rule about a session.
        const RULES: &[Rule] = &[$($module::check,)*];

        impl Code {
            /// What the code means, what proves it, what is not it, and what to do.
            pub const fn explanation(self) -> &'static Explanation {
                match self { $(Self::$code => &$module::EXPLANATION,)* }
            }
        }
    };
}

rules! {
    rtp_never_arrived = RtpNeverArrived;
    rtp_never_sent = RtpNeverSent;
    rtp_wrong_port = RtpWrongPort;
    rtp_wrong_source = RtpWrongSource;
    rtp_stalled = RtpStalled;
    rtp_loss = RtpLoss;
    large_packets_lost = LargePacketsLost;
    media_refused = MediaRefused;
    rtcp_never_arrived = RtcpNeverArrived;
    multicast_not_joined = MulticastNotJoined;
    nat_no_pinhole = NatNoPinhole;
    nat_port_randomised = NatPortRandomised;
    mapping_expired = MappingExpired;
    nat_source_port_changed = NatSourcePortChanged;
    nat_private_address_leaked = NatPrivateAddressLeaked;
    alg_corrupted_message = AlgCorruptedMessage;
    alg_dropped_message = AlgDroppedMessage;
    alg_missed_setup = AlgMissedSetup;
    alg_reply_not_restored = AlgReplyNotRestored;
    alg_rewrote_message = AlgRewroteMessage;
    alg_opened_pinhole = AlgOpenedPinhole;
    proxy_in_path = ProxyInPath;
    connection_refused = ConnectionRefused;
    connection_closed = ConnectionClosed;
    request_unanswered = RequestUnanswered;
    authentication_failed = AuthenticationFailed;
    transport_refused = TransportRefused;
    server_busy = ServerBusy;
    describe_failed = DescribeFailed;
    request_refused = RequestRefused;
    no_receiver_reports = NoReceiverReports;
    no_keyframe = NoKeyframe;
    session_timed_out = SessionTimedOut;
    interleaved_desync = InterleavedDesync;
    slow_receiver = SlowReceiver;
    client_dependent = ClientDependent;
    camera_dependent = CameraDependent;
    exposed_to_internet = ExposedToInternet;
    different_subnets = DifferentSubnets;
    encrypted = Encrypted;
    capture_incomplete = CaptureIncomplete;
}
