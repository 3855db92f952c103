//! What the taps nearer to the end that sends media saw of what ended next to the other: that it went on, or that it ended there as well.
//!
//! A tap tells of no more than it could see. One whose recording ended with the media, or before, knows nothing of what came
//! after, so both last packets are held against each other, and silence counts only while a tap watched.

use rtspscope_wire::Span;

use crate::facts::MediaFacts;
use crate::locator::Locator;
use crate::model::Leg;
use crate::rules::View;

/// Media that ends at both taps within this time ended there together.
const TOGETHER: Span = Span::from_secs(1);

/// By so much, and by so many packets, media that went on at another tap proves it alone.
const PROVED: Span = Span::from_secs(3);
/// See [`PROVED`].
const MANY: u64 = 10;

/// The end of a medium at a tap nearer to the end that sends it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outside {
    /// Position of its leg in [`Session::legs`](crate::model::Session::legs).
    pub(super) leg: usize,
    /// That of the next one towards the receiver.
    pub(super) toward: usize,
    /// The last packet there.
    pub(super) last: Locator,
    /// How much longer media came there while the receiver wanted it and its tap watched.
    pub(super) later: Span,
    /// Whether many packets more of the same source came there, with nothing lost by the capture.
    many: bool,
    /// Whether that proves by itself that media went on, without a long silence inside.
    pub(super) proved: bool,
}

impl Outside {
    /// Whether it ended there as well, as far as anybody can tell.
    pub(super) fn ended_together(&self) -> bool {
        self.later < TOGETHER
    }

    /// Whether media came there for so long after the receiver's last packet, and so much of it, that it did not end there.
    pub(super) fn went_on(&self, silence: Span) -> bool {
        self.proved || self.later >= silence || (self.many && self.later >= PROVED)
    }
}

/// The tap nearest to the receiver at which media went on, else the one nearest to the sender that shows that it ended there too;
/// `None` where no tap shows either.
pub(super) fn outside(view: &View<'_>, media: MediaFacts<'_>) -> Option<Outside> {
    let legs = media.legs_from_receiver();
    let receiving = *legs.first()?;
    let pairs = legs.iter().zip(legs.iter().skip(1));
    let seen: Vec<Outside> = pairs
        .filter_map(|(toward, leg)| at_leg(view, media, receiving, [*toward, *leg]))
        .collect();
    let mut went_on = seen.iter().filter(|outside| !outside.ended_together());
    went_on.next().or(seen.last()).copied()
}

/// The end of media at one leg. Times are those of the receiver's tap, so that the clocks of the taps do not matter.
fn at_leg(
    view: &View<'_>,
    media: MediaFacts<'_>,
    receiving: usize,
    [toward, index]: [usize; 2],
) -> Option<Outside> {
    let capture = view.facts.capture;
    let leg = |index: usize| view.session.legs.get(index);
    let (receiver, sender) = (leg(receiving)?, leg(index)?);
    let (inside, outside) = (&media.arrival(receiving)?.rtp, &media.arrival(index)?.rtp);
    let (last_inside, last_outside) = (inside.last?, outside.last?);
    let step = media.clock_step([sender, receiver])?;
    let seen = (last_outside.at + step).min(capture.watched_until(receiver));
    let until = media
        .ending(receiving)
        .map_or(seen, |wanted| seen.min(wanted));
    let later = until - last_inside.at;
    let watched = capture.watched_until(sender) + step - last_inside.at;
    let usual = outside.usual_gap().map_or(0, |gap| gap.0);
    if later < TOGETHER && watched < TOGETHER.max(Span(usual)) {
        return None;
    }
    let is_same = inside.ssrc.is_none_or(|ssrc| outside.ssrc == Some(ssrc));
    let many = media.is_udp()
        && is_same
        && !capture.may_lack_segments()
        && outside.packets.saturating_sub(inside.packets) >= MANY;
    Some(Outside {
        leg: index,
        toward,
        last: last_outside,
        later,
        many,
        proved: many && is_proof(media, receiver, last_inside, later, outside.usual_gap()),
    })
}

/// Whether media went on for so long while the receiver's tap surely watched that, by the usual distance of its packets, many of
/// those that it lacks came then. Another source may be another session's, whose client has the same port behind the same
/// address.
fn is_proof(
    media: MediaFacts<'_>,
    receiver: &Leg,
    last_inside: Locator,
    later: Span,
    usual_gap: Option<Span>,
) -> bool {
    let proved = later.min(media.surely_watched_until(receiver) - last_inside.at);
    let usual = usual_gap.map(|gap| gap.0.max(1));
    proved >= PROVED && usual.is_some_and(|usual| proved.0 / usual >= MANY.cast_signed())
}
