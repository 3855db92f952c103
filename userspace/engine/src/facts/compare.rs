//! Two sessions side by side: whether each has its picture, and in what they differ that a router or an ALG may mind.

use super::{MediaFacts, SessionFacts};
use crate::model::{AlgEffect, Exchange, Leg, Message, TransportKind};
use crate::reading;

/// Whether a viewer sees anything, as far as both sides of the router show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Media arrives next to the client.
    Works,
    /// Media or a message was lost in the router.
    Fails,
    /// Neither is proved.
    Unknown,
}

/// One thing in which two sessions differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// What the working session has, and what the other.
    pub(crate) text: String,
    /// Whether it explains that one works and the other does not.
    pub(crate) matters: bool,
}

impl SessionFacts<'_> {
    /// Whether the session has its picture.
    pub(crate) fn fate(self) -> Fate {
        let in_force = || {
            let media = self.media();
            media.filter(|media| media.media.set_up && !media.media.superseded)
        };
        let arrives = || {
            let arrivals = in_force().filter_map(|media| media.arrival(0));
            arrivals.into_iter().any(|arrival| arrival.rtp.packets > 0)
        };
        // What was lost of an earlier attempt says nothing of the picture that came of the later one.
        let recovered = || {
            self.media().any(MediaFacts::is_recovered)
                && in_force().all(|media| media.lost_between().is_none())
        };
        match self.session.alg.effect {
            AlgEffect::Missing | AlgEffect::Damaged if recovered() => Fate::Works,
            AlgEffect::Missing | AlgEffect::Damaged => Fate::Fails,
            AlgEffect::Harmless | AlgEffect::Helped if arrives() => Fate::Works,
            AlgEffect::Harmless | AlgEffect::Helped | AlgEffect::Unknown => Fate::Unknown,
        }
    }

    /// In what `failing` differs from this session, which works; what matters first.
    pub(crate) fn differences(self, failing: SessionFacts<'_>) -> Vec<Difference> {
        let mut found = Vec::new();
        let mut add = |matters, name: &str, works: String, fails: String| {
            if works != fails {
                let text = format!("{name}: {works} works, {fails} does not");
                found.push(Difference { text, matters });
            }
        };
        let over = |facts: SessionFacts<'_>| told(facts.session.transport).to_owned();
        add(true, "transport", over(self), over(failing));
        let both_udp = [self.session, failing.session]
            .iter()
            .all(|session| session.transport == TransportKind::Udp);
        if both_udp {
            let opens = |facts: SessionFacts<'_>| {
                let sends = facts
                    .media()
                    .any(|media| media.opened(false).next().is_some());
                if sends {
                    "a player that sends from its media port"
                } else {
                    "one that waits in silence"
                }
                .to_owned()
            };
            add(true, "opening", opens(self), opens(failing));
        }
        let odd = |facts: SessionFacts<'_>| {
            let odd = facts.setup_oddities();
            if odd.is_empty() {
                "an ordinary SETUP".to_owned()
            } else {
                odd.join(" and ")
            }
        };
        add(true, "request", odd(self), odd(failing));
        let form = |facts: SessionFacts<'_>| facts.transport_form().unwrap_or_default();
        add(false, "Transport field", form(self), form(failing));
        let agent = |facts: SessionFacts<'_>| {
            facts
                .session
                .user_agent
                .clone()
                .unwrap_or_else(|| "an unnamed player".to_owned())
        };
        add(false, "player", agent(self), agent(failing));
        let server = |facts: SessionFacts<'_>| {
            facts
                .session
                .server_name
                .clone()
                .unwrap_or_else(|| "an unnamed server".to_owned())
        };
        add(false, "server", server(self), server(failing));
        found.sort_by_key(|difference| !difference.matters);
        found
    }

    /// What is unusual about the first SETUP that asks for UDP ports, so that an ALG may not see it or not act on it.
    pub(crate) fn setup_oddities(self) -> Vec<String> {
        let Some(leg) = self.session.legs.first() else {
            return Vec::new();
        };
        let setups = leg.exchanges.iter().filter(|exchange| exchange.is("SETUP"));
        let requests = setups.filter_map(|exchange| exchange.request.as_deref());
        let Some(request) = requests.into_iter().find(|request| asks_for_ports(request)) else {
            return Vec::new();
        };
        oddities(leg, request)
    }

    /// The Transport field of the first SETUP with every number as N.
    fn transport_form(self) -> Option<String> {
        let leg = self.session.legs.first()?;
        let setup = leg.exchanges.iter().find(|exchange| exchange.is("SETUP"))?;
        let request = reading::fields(setup.request.as_deref()?);
        let value = request.header("Transport")?.value.text().into_owned();
        let mut form = String::new();
        for letter in value.chars() {
            match letter {
                '0'..='9' if form.ends_with('N') => {}
                '0'..='9' => form.push('N'),
                other => form.push(other),
            }
        }
        Some(form)
    }
}

impl MediaFacts<'_> {
    /// The same about the SETUP of this medium.
    pub(crate) fn setup_oddities(self) -> Vec<String> {
        let leg = self.facts.session.legs.first();
        let index = self.media.setup.first().copied().flatten();
        let request = leg.zip(index).and_then(|(leg, index)| {
            let request = leg.exchanges.get(index)?.request.as_deref()?;
            Some((leg, request))
        });
        request.map_or_else(Vec::new, |(leg, request)| oddities(leg, request))
    }
}

/// The port that every ALG watches.
const RTSP_PORT: u16 = 554;

fn told(transport: TransportKind) -> &'static str {
    match transport {
        TransportKind::Udp => "UDP",
        TransportKind::Tcp => "TCP",
        TransportKind::Multicast => "multicast",
        TransportKind::HttpTunnel => "an HTTP tunnel",
        TransportKind::Tls => "TLS",
        TransportKind::Unknown => "no agreed transport",
    }
}

fn asks_for_ports(request: &Message) -> bool {
    let fields = reading::fields(request);
    reading::transports(&fields)
        .iter()
        .any(|spec| spec.client_port.is_some())
}

/// What is unusual about a SETUP at a leg.
fn oddities(leg: &Leg, request: &Message) -> Vec<String> {
    let mut odd = Vec::new();
    let mut note = |is_odd: bool, what: &str| odd.extend(is_odd.then(|| what.to_owned()));
    note(is_split(request), "a SETUP in two segments");
    note(
        shares_segment(leg, request),
        "a SETUP behind another request in one segment",
    );
    note(
        !has(request, b"\nTransport:"),
        "another spelling of Transport",
    );
    note(
        !has(request, b";client_port="),
        "another spelling of ;client_port=",
    );
    note(leg.server.is_ipv6(), "IPv6");
    if leg.server.port() != RTSP_PORT {
        odd.push(format!("port {}", leg.server.port()));
    }
    odd
}

fn is_split(request: &Message) -> bool {
    request.last_frame.is_some() && request.at.frame != request.last_frame
}

fn shares_segment(leg: &Leg, request: &Message) -> bool {
    let earlier = |exchange: &Exchange| {
        exchange.request.as_ref().is_some_and(|other| {
            other.at.frame.is_some()
                && other.at.frame == request.at.frame
                && other.at.stream_offset < request.at.stream_offset
        })
    };
    leg.exchanges.iter().any(earlier)
}

fn has(request: &Message, text: &[u8]) -> bool {
    request.raw.windows(text.len()).any(|window| window == text)
}
