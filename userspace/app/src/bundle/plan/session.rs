//! What matters of a session's connections: each message at each tap, what differs between the taps, begin and end.

use rtspscope_engine::model::{self, Exchange, FieldDiff, Leg, Netfilter, Session};
use rtspscope_engine::{Locator, Snapshot};
use rtspscope_wire::TapId;

use super::{Lasted, Message, Plan, plain};
use crate::output::names;
use crate::output::place::{Found, find};
use crate::output::privacy::{Privacy, own};

pub(super) fn add(
    plan: &mut Plan,
    snapshot: &Snapshot,
    session: &Session,
    suffix: &str,
    privacy: Privacy,
) {
    for leg in &session.legs {
        connection(plan, session, leg);
        for exchange in leg.exchanges.iter() {
            messages(plan, exchange, suffix, privacy);
        }
    }
    if let Some(told) = &session.netfilter {
        netfilter(plan, told, suffix);
    }
    let Some(pair) = &session.nat else { return };
    for diff in &pair.rewrites {
        let told = difference(diff, snapshot, privacy);
        for at in [diff.pre_at, diff.post_at] {
            plan.frame(Some(at), plain(told.clone()));
        }
    }
}

/// What the router's own connection tracking told of the session: packets of netlink, numbered among the frames.
fn netfilter(plan: &mut Plan, told: &Netfilter, suffix: &str) {
    for entry in told.connection.iter().chain(&told.mappings) {
        let (from, to) = (entry.original.from, entry.original.to);
        let text = format!("netfilter's entry {from} to {to}{suffix}");
        for at in [Some(entry.first), Some(entry.status_at), entry.ended] {
            plan.frame(at, plain(text.clone()));
        }
    }
    for expected in &told.expectations {
        let text = format!("a helper expects media at {}{suffix}", expected.expected.to);
        for at in [Some(expected.first), expected.ended] {
            plan.frame(at, plain(text.clone()));
        }
    }
}

fn connection(plan: &mut Plan, session: &Session, leg: &Leg) {
    let frames = leg.first.frame.zip(leg.last.frame);
    let lasted = frames.map_or(
        Lasted {
            first: 0,
            last: u64::MAX,
        },
        |(first, last)| Lasted { first, last },
    );
    let flow = (leg.tap, leg.client, leg.server);
    plan.connections.entry(flow).or_default().push(lasted);
    if session.has_more_beside(leg) {
        plan.many.insert((leg.tap, leg.client.ip(), leg.server));
    }
}

fn messages(plan: &mut Plan, exchange: &Exchange, suffix: &str, privacy: Privacy) {
    let method = match exchange.method.as_str() {
        "" => "a request that was not seen".to_owned(),
        method => privacy.text(method),
    };
    let cseq = exchange
        .cseq
        .map_or_else(String::new, |cseq| format!(", CSeq {cseq}"));
    if let Some(request) = &exchange.request {
        message(plan, request, format!("{method} request{cseq}{suffix}"));
    }
    if let Some(response) = &exchange.response {
        let status = response.status.map_or_else(
            || "response".to_owned(),
            |status| format!("{status} response"),
        );
        message(
            plan,
            response,
            format!("{status} to {method}{cseq}{suffix}"),
        );
    }
}

fn message(plan: &mut Plan, message: &model::Message, text: String) {
    let Some(first) = message.at.frame else {
        return;
    };
    let last = message.last_frame.unwrap_or(first).max(first);
    let place = (message.at.tap, first);
    plan.messages
        .entry(place)
        .or_default()
        .push(Message { last, text });
}

/// A field that differs, with both values and where each is.
fn difference(diff: &FieldDiff, snapshot: &Snapshot, privacy: Privacy) -> String {
    let value = |value: &Option<String>| {
        value.as_ref().map_or_else(
            || "absent".to_owned(),
            |value| privacy.field(&diff.field, value),
        )
    };
    let class = names::class(diff.class);
    format!(
        "{} differs ({class}): {} at {}, {} at {}",
        own(&diff.field),
        value(&diff.pre),
        place(diff.pre_at, snapshot),
        value(&diff.post),
        place(diff.post_at, snapshot),
    )
}

fn place(at: Locator, snapshot: &Snapshot) -> String {
    let tap = tap_name(at.tap, snapshot);
    match find(snapshot, at) {
        Found { frame: None, .. } => tap,
        Found {
            file: None,
            frame: Some(frame),
        } => format!("{tap} frame {frame}"),
        Found {
            file: Some(file),
            frame: Some(frame),
        } => format!("{tap} {file} frame {frame}"),
    }
}

fn tap_name(id: TapId, snapshot: &Snapshot) -> String {
    let tap = snapshot.taps.get(usize::from(id.0));
    tap.map_or_else(|| names::no_tap(id), |tap| own(&tap.name))
}
