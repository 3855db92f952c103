//! Why media stopped, in words, and what to do about it.

use rtspscope_wire::Timestamp;

use super::by_clock::Heard;
use super::outside::Outside;
use super::{GIVEN_UP, Stall, name};
use crate::facts::{Goodbye, MediaFacts, is_later};
use crate::model::{ShutWindow, Side};
use crate::rules::{View, advice};

pub(super) const KEEP_OPEN: &str = "Where media went on outside the router: let the player send something on its media ports (receiver reports), or raise the router's UDP timeout";
pub(super) const KEEP_ALIVE: &str = "Where the server stopped: let the player send a keepalive (OPTIONS or GET_PARAMETER with the session) within the timeout, and receiver reports";

pub(super) const ASK_ANEW: &str = "Where the server says goodbye: look into its log for the reason (a source that is gone, a limit of time), and look for a newer version \
    of the player: it should ask anew instead of waiting";

pub(super) const LOOK_WHETHER_IT_IS_THERE: &str = "Where nothing of the camera comes any more: look whether it is still there (power, cable, Wi-Fi), and whether the router \
    still reaches it (ping)";

pub(super) const LOOK_AT_SOURCE: &str = "Where the client that records stopped sending: look into its log and at its source (a camera or a file that ended, an encoder that \
    is too slow)";

pub(super) const LOOK_AT_SERVER: &str = "Where the server to which the client records takes or acknowledges nothing any more: look at its network, its load, its disk and its log";

/// The reason by the server's own word.
pub(super) fn farewell(goodbye: &Goodbye) -> String {
    let recording = if goodbye.is_live {
        ""
    } else {
        "; where it plays a recording, that may have been its end"
    };
    format!(
        "the server said goodbye (RTCP BYE), and the client asked on instead of beginning anew{recording}"
    )
}

/// Media that went on at a tap nearer to the end that sends it, and what of the router's own table speaks against its mapping's end.
pub(super) fn stopped_within(view: &View<'_>, media: MediaFacts<'_>, outside: &Outside) -> String {
    let secs = outside.later.as_secs_f64();
    let legs = &view.session.legs;
    let sender = name(media.sender());
    let reason = match (legs.get(outside.toward), legs.get(outside.leg)) {
        (Some(inner), Some(outer)) if legs.len() > 2 => format!(
            "at {} media went on for {secs:.1} s more, and not at {}: what is between them stopped letting it through",
            view.place(outer),
            view.place(inner)
        ),
        _ => format!(
            "on the {sender}'s side of the router media went on for {secs:.1} s more: the router stopped letting it through"
        ),
    };
    let reason = match view.facts.moved() {
        Some(moved) => format!("{reason}; {}", moved.told()),
        None => reason,
    };
    match media.lasting_mapping() {
        Some(mapping) => format!(
            "{reason}, though netfilter's own table kept the mapping {} to {}: a firewall rule, or an interface that went down",
            mapping.original.from, mapping.original.to
        ),
        None => reason,
    }
}

/// What is known of media that did not end in the router: whether its sender stopped, or something on the way from it.
pub(super) fn stopped_before(view: &View<'_>, media: MediaFacts<'_>, stall: &Stall) -> String {
    let sender = name(media.sender());
    if let Some(shut) = taken_no_more(media, stall.last.at) {
        return format!(
            "the server takes no more: its TCP window was zero for {:.1} s",
            shut.longest.as_secs_f64()
        );
    }
    let mut arrivals = media.media.arrivals.iter().rev();
    let sending = arrivals.find(|arrival| {
        let sending = arrival.rtcp.sending;
        sending.is_some_and(|growth| is_later(arrival, growth))
    });
    if let Some(arrival) = sending {
        let place = view.place_of(arrival);
        return format!(
            "the {sender} went on sending, as its sender reports count: its packets are lost before {place} or go past it unseen"
        );
    }
    if stall.is_unexplained() {
        return unexplained(view, media, stall);
    }
    let later = stall.outside.map(|outside| outside.later.as_secs_f64());
    let outer_nat = view.facts.outer_nat();
    match (outer_nat.filter(|_| media.sender() == Side::Server), later) {
        (Some(address), Some(_)) if stall.ended_at_sender() => format!(
            "its packets ended on both sides of the router, whose own address {address} is not public: whether the server stopped or the \
             NAT before it let nothing more through cannot be told"
        ),
        (None, Some(_)) if stall.ended_at_sender() => {
            format!("the {sender} stopped sending: its packets ended on both sides of the router")
        }
        (_, Some(later)) => format!(
            "on the {sender}'s side of the router a few came for {later:.1} s more: whether the {sender} or the router stopped cannot be told"
        ),
        (_, None) if view.facts.sides().is_some() => format!(
            "whether the {sender} or the router stopped cannot be told: the {sender}'s side was not seen after that"
        ),
        (_, None) => {
            format!("whether the {sender} or the router stopped cannot be told from one side")
        }
    }
}

/// What is known where nothing of the sender passed since.
fn unexplained(view: &View<'_>, media: MediaFacts<'_>, stall: &Stall) -> String {
    let (sender, receiver, nearest) = match media.sender() {
        Side::Server => ("server", "player", view.session.legs.last()),
        Side::Client => ("client", "server", view.session.legs.first()),
    };
    let place = nearest.map_or_else(|| "the tap".to_owned(), |leg| view.place(leg));
    let (seen, ends) = if stall.heard == Heard::Receiver {
        (
            format!("the {receiver} sends on, and nothing of the {sender} passed any tap since"),
            String::new(),
        )
    } else {
        (
            "nothing of the session passed any tap since".to_owned(),
            format!(", or the {receiver} with it,"),
        )
    };
    format!(
        "{seen}: whether the {sender}{ends} stopped, or the way between it and {place} lets nothing through, only what passes next can tell"
    )
}

/// What to do: a connection has no media ports, a server that stopped is no router's doing, and a camera that is gone hears no
/// keepalive.
pub(super) fn remedies(media: MediaFacts<'_>, stall: &Stall, is_gone: bool) -> Vec<&'static str> {
    if media.sender() == Side::Client {
        return remedies_where_the_client_sends(media, stall);
    }
    if stall.goodbye.is_some() && stall.ended_in_the_router().is_none() {
        return vec![ASK_ANEW];
    }
    let mut arrivals = media.media.arrivals.iter();
    let went_on = arrivals.any(|arrival| {
        let sending = arrival.rtcp.sending;
        sending.is_some_and(|growth| is_later(arrival, growth))
    });
    let server_stopped = stall.ended_at_sender() && media.facts.outer_nat().is_none() && !went_on;
    let is_filtered = stall.went_on().is_some() && media.lasting_mapping().is_some();
    if !is_gone && !went_on && stall.is_unexplained() {
        return vec![LOOK_WHETHER_IT_IS_THERE, advice::LOOK_AT_THE_MOMENT];
    }
    match (is_gone, media.in_band(), server_stopped) {
        (true, ..) => vec![advice::LOOK_AT_CAMERA],
        (false, true, _) => vec![KEEP_ALIVE],
        (false, false, true) => vec![KEEP_ALIVE, advice::USE_TCP],
        (false, false, false) if is_filtered => vec![advice::LOOK_AT_THE_MOMENT, advice::USE_TCP],
        (false, false, false) => vec![advice::USE_TCP, KEEP_OPEN, KEEP_ALIVE],
    }
}

/// The same of media that the client sends, which no mapping of the router has to let in.
fn remedies_where_the_client_sends(media: MediaFacts<'_>, stall: &Stall) -> Vec<&'static str> {
    if taken_no_more(media, stall.last.at).is_some() {
        return vec![LOOK_AT_SERVER];
    }
    let by_router = [advice::LOOK_AT_THE_MOMENT, advice::USE_TCP];
    match (stall.went_on().is_some(), stall.ended_at_sender()) {
        (true, _) => by_router.to_vec(),
        (false, true) => vec![LOOK_AT_SOURCE],
        (false, false) => [LOOK_AT_SOURCE].into_iter().chain(by_router).collect(),
    }
}

/// The window that a server had shut when what a client records in the connection ended.
pub(super) fn taken_no_more(media: MediaFacts<'_>, last: Timestamp) -> Option<ShutWindow> {
    let legs = media.facts.session.legs.iter();
    let mut shut = legs.filter_map(|leg| leg.server_shut);
    let is_sent = media.in_band() && media.sender() == Side::Client;
    let lasts = |shut: &ShutWindow| shut.longest >= GIVEN_UP && shut.until >= last;
    shut.find(lasts).filter(|_| is_sent)
}
