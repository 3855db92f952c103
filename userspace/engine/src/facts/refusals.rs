//! What the server refused of a session that played something.

use std::ops::Range;

use super::{MediaFacts, SessionFacts, play_among};
use crate::media::Streams;
use crate::model::{Exchange, Leg};

/// A picture or a sound that the server would not set up, where the client played the rest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefusedStream<'a> {
    pub(crate) media: MediaFacts<'a>,
    /// The SETUP and its answer, as the leg next to the server shows them.
    pub(crate) setup: &'a Exchange,
    pub(crate) status: u16,
}

impl<'a> SessionFacts<'a> {
    /// Those that nothing of their kind came for instead: a client that is refused one of several tracks or qualities takes
    /// another. Other data than picture and sound, and sound for the camera, few clients miss.
    pub(crate) fn refused_streams(self) -> impl Iterator<Item = RefusedStream<'a>> {
        self.media().filter_map(MediaFacts::refused_beside_others)
    }
}

impl<'a> MediaFacts<'a> {
    fn refused_beside_others(self) -> Option<RefusedStream<'a>> {
        let index = self.facts.session.legs.len().checked_sub(1)?;
        let leg = self.facts.session.legs.get(index)?;
        let kind = self.media.kind.as_deref();
        let is_missed = matches!(kind, Some("video" | "audio")) && !self.may_go_to_server();
        if self.media.set_up || self.media.superseded || !is_missed {
            return None;
        }
        let asked = self.media.setup.get(index).copied().flatten()?;
        let setup = leg.exchanges.get(asked)?;
        let status = setup
            .status()
            .filter(|status| *status >= 400 && *status != 401)?;
        let attempt = attempt_of(leg, asked);
        let is_of_attempt = |other: &MediaFacts<'_>| {
            let setup = other.media.setup.get(index).copied().flatten();
            other.media.set_up && setup.is_some_and(|setup| attempt.contains(&setup))
        };
        let played = play_among(leg.exchanges.get(asked..attempt.end)?).is_some();
        let others = self.facts.media().filter(is_of_attempt);
        let kinds: Vec<Option<&str>> = others.map(|other| other.media.kind.as_deref()).collect();
        (played && !kinds.is_empty() && !kinds.contains(&kind)).then_some(RefusedStream {
            media: self,
            setup,
            status,
        })
    }
}

/// The exchanges around one of them that no end of all that was set up parts from it.
fn attempt_of(leg: &Leg, index: usize) -> Range<usize> {
    let ends = ends(leg);
    let begin = ends.iter().rfind(|end| **end < index);
    let end = ends.iter().find(|end| **end > index);
    begin.map_or(0, |end| end + 1)..end.copied().unwrap_or(leg.exchanges.len())
}

/// What was exchanged since all that had been set up was ended, where the client then asked for more; else all.
pub(crate) fn last_attempt(leg: &Leg) -> &[Exchange] {
    let all = leg.exchanges.as_slice();
    let asks = |exchange: &Exchange| {
        ["DESCRIBE", "ANNOUNCE", "SETUP"]
            .iter()
            .any(|method| exchange.is(method))
    };
    let later = |end: &usize| all.get(end + 1..).unwrap_or_default();
    let later = ends(leg).last().map(later);
    later.filter(|later| later.iter().any(asks)).unwrap_or(all)
}

fn ends(leg: &Leg) -> Vec<usize> {
    let mut exchanges = leg.exchanges.iter();
    if !exchanges.any(|exchange| exchange.is("TEARDOWN")) {
        return Vec::new();
    }
    Streams::of(&leg.exchanges).ends(|_| true)
}

#[cfg(test)]
mod tests {
    use crate::testkit::{Scene, UDP_TALK};

    /// A session that plays what it was granted, where a SETUP of a sound, or of another picture, has this answer.
    fn beside(answer: &str, kind: &str) -> Scene {
        let sound = format!(
            "0.032 > SETUP rtsp://203.0.113.10/a/track2 RTSP/1.0 | CSeq: 9 | Transport: RTP/AVP;unicast;client_port=5002-5003
    0.034 < RTSP/1.0 {answer} | CSeq: 9
    0.04 >"
        );
        let mut scene = Scene::behind_nat(&UDP_TALK.replace("0.04 >", &sound));
        scene.media[1].kind = Some(kind.to_owned());
        scene.punch(0.035, 5000).rtp(400, 400)
    }

    #[test]
    fn a_refused_sound_is_told_by_the_code_of_its_refusal() {
        for (answer, code) in [
            ("500 Internal Server Error", "request-refused"),
            ("461 Unsupported Transport", "transport-refused"),
            ("453 Not Enough Bandwidth", "server-busy"),
        ] {
            assert_eq!(beside(answer, "audio").troubles(), [code]);
        }
        let snapshot = beside("415 Unsupported Media Type", "audio").checked();
        let finding = &snapshot.findings[0];
        assert_eq!(finding.subject.media, Some(1));
        assert_eq!(finding.severity, crate::Severity::Warning);
        assert_eq!(
            finding.summary,
            "the server refuses the audio: 415 to its SETUP"
        );
        assert_eq!(
            finding.cause,
            "SETUP of the audio was answered with 415, and the client played the rest without it"
        );
    }

    #[test]
    fn nothing_is_missed_where_another_of_the_kind_plays_or_it_is_other_data() {
        for (answer, kind) in [
            ("500 Internal Server Error", "video"),
            ("404 Not Found", "application"),
            ("200 OK", "audio"),
        ] {
            let codes = beside(answer, kind).troubles();
            assert!(!codes.contains(&"request-refused"), "{answer} {kind}");
        }
        let mut speaker = beside("404 Not Found", "audio");
        speaker.media[1].sdp_direction = Some(rtspscope_wire::sdp::StreamDirection::SendOnly);
        assert_eq!(speaker.troubles(), Vec::<&str>::new());
    }

    /// Another channel after the first was ended, as far as it comes.
    fn then(more: &str) -> Vec<&'static str> {
        let mut scene = Scene::behind_nat(&format!("{UDP_TALK}{more}"));
        scene.media.truncate(1);
        scene.punch(0.035, 5000).rtp(400, 400).troubles()
    }

    const SECOND: &str = "
    10.2 > DESCRIBE rtsp://203.0.113.10/b RTSP/1.0 | CSeq: 12
    10.3 < RTSP/1.0 200 OK | CSeq: 12 | Content-Type: application/sdp | Content-Length: 46 || v=0 | m=video 0 RTP/AVP 96 | a=control:track1
    10.4 > SETUP rtsp://203.0.113.10/b/track1 RTSP/1.0 | CSeq: 13 | Transport: RTP/AVP;unicast;client_port=5000-5001
    10.5 < RTSP/1.0 200 OK | CSeq: 13 | Session: 8 | Transport: RTP/AVP;unicast;client_port=5000-5001;server_port=6970-6971
    10.6 > PLAY rtsp://203.0.113.10/b RTSP/1.0 | CSeq: 14 | Session: 8
    10.7 < RTSP/1.0 200 OK | CSeq: 14 | Session: 8";

    #[test]
    fn a_channel_that_is_refused_after_another_had_played_is_told() {
        let refused = |answer: &str, status: &str| {
            let (before, _) = SECOND
                .split_once(&format!("{answer} RTSP/1.0 200 OK"))
                .unwrap();
            let cseq = 12 + before.matches('<').count();
            then(&format!(
                "{before}{answer} RTSP/1.0 {status} | CSeq: {cseq}"
            ))
        };
        assert_eq!(refused("10.3 <", "404 Not Found"), ["describe-failed"]);
        assert_eq!(
            refused("10.5 <", "461 Unsupported Transport"),
            ["transport-refused"]
        );
        assert_eq!(
            refused("10.5 <", "453 Not Enough Bandwidth"),
            ["server-busy"]
        );
        assert_eq!(
            refused("10.7 <", "500 Internal Server Error"),
            ["request-refused"]
        );
        assert_eq!(then(SECOND), Vec::<&str>::new());
    }

    #[test]
    fn what_is_refused_while_the_first_still_plays_is_none_of_its_trouble() {
        let probe = "5.0 > DESCRIBE rtsp://203.0.113.10/b RTSP/1.0 | CSeq: 12\n5.1 < RTSP/1.0 404 Not Found | CSeq: 12\n10.0 >";
        let talk = UDP_TALK.replace("10.0 >", probe);
        let scene = Scene::behind_nat(&talk).punch(0.035, 5000).rtp(400, 400);
        assert_eq!(scene.troubles(), Vec::<&str>::new());
    }
}
