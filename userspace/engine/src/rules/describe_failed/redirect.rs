//! A server that sends the player elsewhere (RFC 2326 §11.3), where nothing comes of it.

use std::net::{IpAddr, SocketAddr};

use rtspscope_wire::url::{self, UrlSlice};
use rtspscope_wire::{Span, Spanned};

use super::View;
use crate::model::{Exchange, Leg};
use crate::reading;

/// A player that follows comes sooner.
const PATIENCE: Span = Span::from_secs(2);

/// What a redirection leads to, where that is no description. What was asked again on the same connection tells more.
pub(super) fn in_vain(view: &View<'_>, leg: &Leg, exchange: &Exchange) -> Option<String> {
    let status = redirection(exchange)?;
    let answer = exchange.response.as_deref()?;
    let target = with_location(exchange, |url| {
        (url.host.text().into_owned(), url.port_or_default())
    })?;
    let is_followed = view
        .others()
        .flat_map(|session| &session.legs)
        .any(|other| {
            (other.tap, other.client.ip()) == (leg.tap, leg.client.ip())
                && other.first.at >= answer.at.at
                && may_be(other.server, &target)
        });
    if is_followed {
        return None;
    }
    if goes_in_circles(leg, exchange) {
        return Some(format!(
            "the server sends the player to the URL that it asked for ({status})"
        ));
    }
    let mut described = leg.exchanges.iter().filter(|later| later.is("DESCRIBE"));
    let is_asked_again = described.any(|later| {
        let request = later.request.as_ref();
        request.is_some_and(|request| request.at.at >= answer.at.at)
    });
    if is_asked_again {
        return Some(format!("the server sends the player elsewhere ({status})"));
    }
    let watched = view.facts.capture.watched_until(leg) - answer.at.at;
    let (host, port) = target;
    (watched >= PATIENCE).then(|| {
        format!("the server sends the player to {host}:{port} ({status}), and no RTSP connection to there follows")
    })
}

/// Whether the answer names the very URL that was asked for.
pub(super) fn goes_in_circles(leg: &Leg, exchange: &Exchange) -> bool {
    let is_same = |named: &UrlSlice<'_>, asked: &UrlSlice<'_>| {
        is_same_host(leg, named, asked)
            && named.port_or_default() == asked.port_or_default()
            && named.path.bytes == asked.path.bytes
    };
    compared(exchange, is_same) == Some(true)
}

/// Whether the answer names another host than was asked.
pub(super) fn names_another_host(leg: &Leg, exchange: &Exchange) -> bool {
    compared(exchange, |named, asked| is_same_host(leg, named, asked)) == Some(false)
}

fn is_same_host(leg: &Leg, named: &UrlSlice<'_>, asked: &UrlSlice<'_>) -> bool {
    named.host.bytes.eq_ignore_ascii_case(asked.host.bytes)
        || named.host.text().parse() == Ok(leg.server.ip())
}

/// What a redirection names against what was asked for.
fn compared(
    exchange: &Exchange,
    compare: impl Fn(&UrlSlice<'_>, &UrlSlice<'_>) -> bool,
) -> Option<bool> {
    redirection(exchange)?;
    let fields = reading::fields(exchange.request.as_deref()?);
    let asked = url::split(fields.uri()?.clone())?;
    with_location(exchange, |named| compare(&named, &asked))
}

fn redirection(exchange: &Exchange) -> Option<u16> {
    let status = exchange.status();
    status.filter(|status| (300..=399).contains(status))
}

fn with_location<T>(exchange: &Exchange, read: impl FnOnce(UrlSlice<'_>) -> T) -> Option<T> {
    let fields = reading::fields(exchange.response.as_deref()?);
    let location: Spanned<'_> = fields.header("Location")?.value.clone();
    url::split(location).map(read)
}

/// Whether a server may be the one that a URL names: a name may stand for any address.
fn may_be(server: SocketAddr, (host, port): &(String, u16)) -> bool {
    let ip: Option<IpAddr> = host.parse().ok();
    server.port() == *port && ip.is_none_or(|ip| ip == server.ip())
}
