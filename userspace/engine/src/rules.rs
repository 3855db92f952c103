//! Draws the conclusions: one file for each finding code.
//!
//! A rule reads facts of the model and returns findings with their proof. It stays silent where the captures cannot
//! prove it; `capture-incomplete` then says what was missing. No rule reads another rule's findings.

use crate::facts::SessionFacts;
use crate::finding::{Code, Explanation, Finding, Subject};
use crate::model::{Session, Snapshot, Tap};

mod advice;
mod alg_opened_pinhole;
mod alg_rewrote_message;
mod capture_incomplete;
mod encrypted;
mod nat_no_pinhole;
mod nat_port_randomised;
mod request_unanswered;
mod rtcp_never_arrived;
mod rtp_never_arrived;
mod rtp_never_sent;

/// Fills in the snapshot's findings and blind spots from its sessions; what was there is replaced.
pub fn check(snapshot: &mut Snapshot) {
    let mut findings = capture_incomplete::check_capture(snapshot);
    for session in &snapshot.sessions {
        let view = View {
            taps: &snapshot.taps,
            session,
            facts: SessionFacts::new(session),
        };
        let mut about_session: Vec<Finding> = RULES.iter().flat_map(|rule| rule(&view)).collect();
        about_session.retain(|finding| !finding.evidence.is_empty());
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

/// What a rule may look at.
#[derive(Clone, Copy, Debug)]
struct View<'a> {
    taps: &'a [Tap],
    session: &'a Session,
    facts: SessionFacts<'a>,
}

impl View<'_> {
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

    fn tap(&self, id: rtspscope_wire::TapId) -> Option<&Tap> {
        self.taps.iter().find(|tap| tap.id == id)
    }

    /// A tap's name for sentences.
    fn tap_name(&self, id: rtspscope_wire::TapId) -> &str {
        self.tap(id).map_or("the tap", |tap| tap.name.as_str())
    }
}

type Rule = fn(&View<'_>) -> Vec<Finding>;

/// Every rule about a session.
const RULES: &[Rule] = &[
    rtp_never_arrived::check,
    rtp_never_sent::check,
    rtcp_never_arrived::check,
    nat_no_pinhole::check,
    nat_port_randomised::check,
    alg_rewrote_message::check,
    alg_opened_pinhole::check,
    request_unanswered::check,
    encrypted::check,
    capture_incomplete::check,
];

impl Code {
    /// What the code means, what proves it, what is not it, and what to do.
    pub const fn explanation(self) -> &'static Explanation {
        match self {
            Self::RtpNeverArrived => &rtp_never_arrived::EXPLANATION,
            Self::RtpNeverSent => &rtp_never_sent::EXPLANATION,
            Self::RtcpNeverArrived => &rtcp_never_arrived::EXPLANATION,
            Self::NatNoPinhole => &nat_no_pinhole::EXPLANATION,
            Self::NatPortRandomised => &nat_port_randomised::EXPLANATION,
            Self::AlgRewroteMessage => &alg_rewrote_message::EXPLANATION,
            Self::AlgOpenedPinhole => &alg_opened_pinhole::EXPLANATION,
            Self::RequestUnanswered => &request_unanswered::EXPLANATION,
            Self::Encrypted => &encrypted::EXPLANATION,
            Self::CaptureIncomplete => &capture_incomplete::EXPLANATION,
        }
    }
}
