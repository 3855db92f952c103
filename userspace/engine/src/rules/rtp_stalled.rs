//! `rtp-stalled`: media came and then stopped while the session went on.

use rtspscope_wire::{Span, Timestamp};

use super::{View, advice};
use crate::clocks::clocks;
use crate::facts::{Goodbye, MediaFacts, played_out};
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::locator::Locator;
use crate::model::{Arrival, Leg, Side};

mod before_the_tap;
mod by_clock;
mod held_up;
mod outside;
mod reason;

use by_clock::{Heard, Quiet};
use outside::Outside;
use reason::{
    ASK_ANEW, KEEP_ALIVE, KEEP_OPEN, LOOK_AT_SERVER, LOOK_AT_SOURCE, LOOK_WHETHER_IT_IS_THERE,
};

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "Picture or sound began and then froze, while the RTSP connection stayed up. Either the server stopped sending, or the router \
        stopped letting media through: its UDP mapping ended (after 30, 60, 120 or 180 seconds), or an ICMP error tore it down; of media inside \
        the RTSP connection, it lets the segments of one direction through no more. Or camera or player are gone: power, network, a crash. Media that \
        a client records to a server (RECORD) stops likewise, the other way round: the client sends no more, the router lets it through no more, or the \
        server takes no more.",
    proof: "RTP next to the end that receives it (the client; the server, where the client records) that ends ten seconds or more before the session does, and long after its usual distance between \
        packets, or four and a half where the player gives up then; with the other tap, whether it still came there. Three seconds are enough where many packets more came to that tap \
        and both were still recording. In a live run its clock tells of a silence too, five seconds \
        long and ten times the usual distance at every tap, even where nothing else passes: then it is not known yet who stopped, and \
        what passes next changes the finding or withdraws it. Of media inside the connection: segments that the server repeats for three seconds or more and \
        that nobody acknowledges, with the tap that has none of them. Where the client's tap began only after media had stopped there: the \
        client's receiver reports, which tell that it had come, and RTP that went on at the other tap.",
    not_this: "Flows that the router offloads, which the taps may not see to their end, or of which the client's receiver reports tell \
        that they went on. PAUSE, TEARDOWN, a server that says goodbye (RTCP BYE) and the end of the Range that PLAY named end media as they should, \
        but not a goodbye of all media where the messages name no end of what is played, after which the client asks on for ten seconds and more. \
        The end of a recording ends them too, by its description (a=range) or by what the server says of it (ANNOUNCE 2101, PLAY_NOTIFY); with Rate-Control: no it may come at any time. \
        Metadata may be silent for long, and so may who speaks through a back channel.",
    remedies: &[
        advice::USE_TCP,
        KEEP_OPEN,
        KEEP_ALIVE,
        ASK_ANEW,
        LOOK_WHETHER_IT_IS_THERE,
        advice::LOOK_AT_ROUTER,
        advice::LOOK_AT_CAMERA,
        advice::LOOK_AT_PLAYER,
        LOOK_AT_SOURCE,
        LOOK_AT_SERVER,
    ],
};

/// Shorter silence is loss or jitter.
const SILENCE: Span = Span::from_secs(10);

/// The same where the client gives up after it: players wait for five seconds and more, and one that was told to stop does not
/// wait at all.
const GIVEN_UP: Span = Span::from_millis(4500);
/// It must then be longer by far than any gap before.
const TIMES_WHERE_GIVEN_UP: i64 = 10;

/// And media must have run so long.
const RAN: Span = Span::from_secs(1);

/// The silence must be as many times the longest gap while media flowed: a stream of one picture a minute is no stall.
const TIMES_THE_LONGEST_GAP: i64 = 3;

/// Media that ended long before its session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stall {
    /// The last packet next to the end that receives it.
    pub(super) last: Locator,
    /// How long the session went on without media there.
    pub(super) silence: Span,
    /// What was seen of its end nearer to the end that sends it.
    outside: Option<Outside>,
    /// The server's goodbye, which the client did not heed.
    pub(super) goodbye: Option<Goodbye>,
    /// Whether only the clock of a live run tells of the silence.
    pub(super) by_clock: bool,
    /// Who was heard meanwhile.
    heard: Heard,
}

impl Stall {
    /// The last packet that still reached the router when nothing left it any more, and how much later it came.
    pub(super) fn ended_in_the_router(&self) -> Option<(Locator, Span)> {
        let outside = self.went_on()?;
        Some((outside.last, outside.later))
    }

    /// Whether media still came to the router after the last packet that left it, be it that nobody knows for how long.
    pub(super) fn may_have_ended_in_the_router(&self) -> bool {
        self.went_on().is_some()
            || self
                .outside
                .is_some_and(|outside| !outside.ended_together())
    }

    /// The two legs between which it ended then, the one nearer to the receiver first.
    pub(super) fn ended_between(&self) -> Option<[usize; 2]> {
        let outside = self.went_on()?;
        Some([outside.toward, outside.leg])
    }

    fn went_on(&self) -> Option<Outside> {
        self.outside.filter(|outside| outside.went_on(SILENCE))
    }

    /// Whether nothing that passed tells who stopped.
    fn is_unexplained(&self) -> bool {
        self.heard != Heard::Sender && self.went_on().is_none()
    }

    /// Whether the tap nearest to the sender shows that it ended there as well.
    fn ended_at_sender(&self) -> bool {
        self.outside.is_some_and(|outside| outside.ended_together())
    }
}

/// Whether a medium stalled; `None` also where it ended as it should.
pub(super) fn stall(view: &View<'_>, media: MediaFacts<'_>) -> Option<Stall> {
    let receiving = media.receiving_leg()?;
    let leg = view.session.legs.get(receiving)?;
    let arrival = media.arrival(receiving)?;
    let goes_by = || media.may_be_offloaded() || media.passes_unseen().is_some();
    if arrival.rtp.packets < 2 || goes_by() || held_up::is_so(view, media) {
        return None;
    }
    let (silence, last) = silence(media, receiving, leg, arrival)?;
    let outside = outside::outside(view, media);
    if let Some(proof) = outside.filter(|outside| outside.proved) {
        return Some(Stall {
            last,
            silence: silence.max(proof.later),
            outside,
            goodbye: None,
            by_clock: false,
            heard: by_clock::heard_after(view, media, last.at),
        });
    }
    media.play_accepted(receiving)?;
    let longest_gap = arrival.rtp.usual_gap().map_or(0, |gap| gap.0);
    let is_long = |silence: Span, enough: Span, times: i64| {
        silence >= enough && silence.0 >= longest_gap.saturating_mul(times)
    };
    let together = outside.is_none_or(|outside| outside.ended_together());
    let ran = arrival
        .rtp
        .first
        .is_some_and(|first| last.at - first.at >= RAN);
    let is_given_up = ran && together && is_given_up(view, media, leg, last);
    let is_enough = is_long(silence, SILENCE, TIMES_THE_LONGEST_GAP)
        || (is_given_up && is_long(silence, GIVEN_UP, TIMES_WHERE_GIVEN_UP));
    let quiet = by_clock::quiet(view, media).filter(|_| ran && !is_enough);
    let quiet = quiet.filter(|quiet| {
        is_long(quiet.at_client, SILENCE, TIMES_THE_LONGEST_GAP)
            || is_long(quiet.everywhere, by_clock::WAITED, TIMES_WHERE_GIVEN_UP)
    });
    let gap = view.session.legs.iter().any(|leg| leg.missing_bytes > 0);
    let speaks = media.sender() == Side::Client && !media.is_recorded();
    let went_on = outside.is_some_and(|outside| outside.went_on(SILENCE));
    let may_pause = media.media.kind.as_deref() == Some("application") || (speaks && !went_on);
    if !is_enough && quiet.is_none() {
        return None;
    }
    let goodbye = media.unheeded_goodbye();
    let is_end = media.ended_with_goodbye() && goodbye.is_none();
    if is_end || may_pause || (media.in_band() && gap) || played_out(leg, last.at) {
        return None;
    }
    Some(Stall {
        last,
        silence: quiet.map_or(silence, |quiet: Quiet| quiet.at_client),
        outside,
        goodbye,
        by_clock: quiet.is_some(),
        heard: by_clock::heard_after(view, media, last.at),
    })
}

/// Whether the end that receives it ended the session after its last packet, and nothing else explains that there were no more.
fn is_given_up(view: &View<'_>, media: MediaFacts<'_>, leg: &Leg, last: Locator) -> bool {
    let sender = media.sender();
    let mut legs = view.session.legs.iter();
    let is_repeated = legs.any(|leg| leg.delivery(sender).repeated.is_some());
    if view.facts.capture.may_lack_segments() || is_repeated {
        return false;
    }
    let hung_up = leg
        .closed
        .is_some_and(|close| close.by != sender && close.at.at > last.at);
    let asked = media.asked_to_end(0, &["TEARDOWN"]);
    match sender {
        Side::Server => hung_up || asked.is_some_and(|asked| asked > last.at),
        Side::Client => hung_up && asked.is_none(),
    }
}

/// How long before the end of the session the receiver's tap saw the last packet.
fn silence(
    media: MediaFacts<'_>,
    receiving: usize,
    leg: &Leg,
    arrival: &Arrival,
) -> Option<(Span, Locator)> {
    let last = arrival.rtp.last?;
    let end = media.ending(receiving);
    let end = end.unwrap_or_else(|| match media.sender() {
        Side::Server => wanted_until(leg, arrival),
        Side::Client => leg.last.at,
    });
    // While it was paused it was not missed.
    let since = media
        .resumed(receiving)
        .map_or(last.at, |resumed| last.at.max(resumed));
    Some((end - since, last))
}

/// When the client was last seen to want media that it did not end: by the connection, and while that is open by what it sends
/// from its media ports, as a player does (receiver reports) that waits before a frozen picture and asks for nothing.
fn wanted_until(leg: &Leg, arrival: &Arrival) -> Timestamp {
    let sent = arrival.from_client.iter().map(|sent| sent.last.at);
    let sent = sent.filter(|_| leg.closed.is_none());
    sent.fold(leg.last.at, Timestamp::max)
}

/// Fires for a medium that ended long before its session.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let media = view.facts.media().chain(view.facts.media_of_client());
    media
        .filter_map(|media| {
            held_up::finding(view, media)
                .or_else(|| finding(view, media, &stall(view, media)?))
                .or_else(|| before_the_tap::finding(view, media))
        })
        .collect()
}

fn finding(view: &View<'_>, media: MediaFacts<'_>, stall: &Stall) -> Option<Finding> {
    let leg = view.session.legs.get(media.receiving_leg()?)?;
    let sender = name(media.sender());
    let in_router = stall.ended_in_the_router();
    let is_played = media.sender() == Side::Server;
    let gone = held_up::server_is_gone(view).filter(|_| in_router.is_none() && is_played);
    let goodbye = stall.goodbye.filter(|_| in_router.is_none());
    let reason = match (&goodbye, &gone, stall.went_on()) {
        (Some(goodbye), ..) => reason::farewell(goodbye),
        (None, Some(gone), _) => held_up::told(view, gone),
        (None, None, Some(outside)) => reason::stopped_within(view, media, &outside),
        (None, None, None) => reason::stopped_before(view, media, stall),
    };
    let of_what = if stall.by_clock {
        "up to now"
    } else {
        "of the session"
    };
    let cause = format!(
        "no packet in the last {:.1} s {of_what}; {reason}{}",
        stall.silence.as_secs_f64(),
        clocks(view.session)
            .filter(|_| is_played)
            .map_or_else(String::new, |clocks| format!("; {clocks}"))
    );
    let with_it = if stall.by_clock && stall.is_unexplained() && gone.is_none() {
        "and nothing more of the server comes"
    } else {
        "while the session went on"
    };
    let mut finding = stopped(view, media, with_it, cause)?;
    if goodbye.is_some_and(|goodbye| !goodbye.is_live) {
        finding.severity = Severity::Warning;
    }
    Some(
        finding
            .proof_if(
                goodbye.map(|goodbye| goodbye.at),
                "the server says goodbye (RTCP BYE)",
            )
            .proof_if(
                in_router.map(|(last, _)| last),
                format!("last RTP packet on the {sender}'s side"),
            )
            .proof_if(
                reason::taken_no_more(media, stall.last.at).map(|shut| shut.first),
                "the server's TCP window closes for the first time",
            )
            .proof_if(
                gone.map(|gone| gone.repeated.last),
                "the client repeats what the server does not acknowledge",
            )
            .proof(leg.last, "the session's connection up to here")
            .remedies(reason::remedies(media, stall, gone.is_some())),
    )
}

/// An end, for sentences.
const fn name(end: Side) -> &'static str {
    match end {
        Side::Client => "client",
        Side::Server => "server",
    }
}

/// The finding for media that came to the end that receives it and ended, with the last of it.
fn stopped(
    view: &View<'_>,
    media: MediaFacts<'_>,
    with_it: &str,
    cause: String,
) -> Option<Finding> {
    let rtp = &media.arrival(media.receiving_leg()?)?.rtp;
    let (first, last) = (rtp.first?, rtp.last?);
    let receiver = name(media.sender().other());
    let finding = Finding::new(
        Code::RtpStalled,
        Severity::Error,
        view.medium(media.index),
        format!(
            "media stopped after {:.1} s {with_it}",
            (last.at - first.at).as_secs_f64()
        ),
    );
    Some(
        finding
            .cause(cause)
            .proof(last, format!("last RTP packet next to the {receiver}")),
    )
}

#[cfg(test)]
mod recorded_tests;
#[cfg(test)]
mod tests;
