//! How a helper comes to a session's RTSP connection, by the router's setup; and what else the setup says of a session.

use std::fmt;
use std::net::SocketAddr;

use rtspscope_wire::TapId;

use super::SessionFacts;
use crate::locator::Locator;
use crate::model::{Session, Snapshot};
use crate::router_setup::{HelperRule, LoadedHelper, RouterSetup, Way};

/// What the router's setup says of a helper for a session's RTSP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assignment<'a> {
    /// A helper is assigned to the session's port.
    ToPort(u16, Assigned<'a>),
    /// A rule assigns an RTSP helper, and its text does not tell to which ports.
    Untold(&'a HelperRule),
    /// An RTSP helper is assigned, to other ports than this one only.
    ToOthers(u16, Assigned<'a>),
    /// An RTSP helper is loaded, and nothing assigns it.
    ToNone(&'a LoadedHelper),
    /// No RTSP helper is loaded.
    NotLoaded,
}

/// What assigns a helper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assigned<'a> {
    /// A rule of the firewall.
    ByRule(&'a HelperRule),
    /// The helper itself, where helpers take their own ports.
    ByItself(&'a LoadedHelper),
}

impl Snapshot {
    /// What the router's setup says of a helper for this session; `None` where it was not read, or does not tell.
    pub fn assignment(&self, session: &Session) -> Option<Assignment<'_>> {
        assignment(self.setup.as_deref()?, session)
    }

    /// The same in a sentence, with what is known of its age.
    pub fn assignment_told(&self, session: &Session) -> Option<String> {
        told(self.setup.as_deref()?, session)
    }
}

fn told(setup: &RouterSetup, session: &Session) -> Option<String> {
    let ended = session.ended_at;
    let since = match setup.rules_changed_at {
        Some(changed) if changed <= session.started_at => ", as it was before the rules changed",
        Some(changed) if ended.is_none_or(|ended| changed <= ended) => {
            ", as it was when the session began"
        }
        Some(_) | None => "",
    };
    Some(format!("{}{since}", assignment(setup, session)?))
}

/// A rule sees the port as the connection comes to the router, or as it goes on where it stands behind a port forward.
fn assignment<'a>(setup: &'a RouterSetup, session: &Session) -> Option<Assignment<'a>> {
    let [asked, served] = ends(session)?;
    let ports = [asked.port(), served.port()];
    let rules = || {
        let rules = setup.rules.iter().flatten();
        rules.filter(move |rule| rule.may_take_tcp_to(served.ip()))
    };
    let named = |rule: &&HelperRule| ports.iter().any(|port| rule.names_port(*port));
    let to_port = rules().find(|rule| rule.is_rtsp() && named(rule));
    if let Some(rule) = to_port.or_else(|| rules().find(named)) {
        let port = ports.into_iter().find(|port| rule.names_port(*port))?;
        return Some(Assignment::ToPort(port, Assigned::ByRule(rule)));
    }
    // A helper that takes ports by itself looks at the answers, behind any port forward.
    let by_itself = setup.by_itself == Some(true);
    let taking = || setup.helpers.iter().flatten().filter(|_| by_itself);
    let takes = |helper: &&LoadedHelper| helper.takes_port(served.port()) == Some(true);
    if let Some(helper) = taking().find(takes) {
        return Some(Assignment::ToPort(
            served.port(),
            Assigned::ByItself(helper),
        ));
    }
    let mut own = rules().filter(|rule| rule.is_rtsp());
    if let Some(rule) = own.clone().find(|rule| rule.ports.is_none()) {
        return Some(Assignment::Untold(rule));
    }
    if setup.left_out > 0 || taking().any(|helper| helper.takes_port(served.port()).is_none()) {
        return None;
    }
    let to_others = own.next().map(Assigned::ByRule);
    if let Some(assigned) = to_others.or_else(|| taking().next().map(Assigned::ByItself)) {
        return Some(Assignment::ToOthers(asked.port(), assigned));
    }
    match setup.helpers.as_ref()?.first() {
        Some(helper) => setup.rules.as_ref().map(|_| Assignment::ToNone(helper)),
        None => Some(Assignment::NotLoaded),
    }
}

/// The server as the client asks for it, and as it is.
fn ends(session: &Session) -> Option<[SocketAddr; 2]> {
    let (first, last) = (session.legs.first()?, session.legs.last()?);
    Some([first.server, last.server])
}

impl<'a> SessionFacts<'a> {
    /// What the router's setup says of a helper.
    pub(crate) fn assignment(self) -> Option<Assignment<'a>> {
        assignment(self.capture.setup?, self.session)
    }

    /// The same in a sentence, and where it was read.
    pub(crate) fn assignment_told(self) -> Option<(String, Locator)> {
        let setup = self.capture.setup?;
        Some((told(setup, self.session)?, setup.place()))
    }

    /// By the router's setup, who forwards flows of the session where its taps do not see them; `None` too where the
    /// router's own table tells of its entries, which know better.
    pub(crate) fn may_be_forwarded_unseen(self) -> Option<(String, Locator)> {
        let setup = self.capture.setup?;
        if self
            .netfilter()
            .is_some_and(|told| told.connection.is_some())
        {
            return None;
        }
        let place = setup.place();
        let mut tables = setup.offload.flowtables.iter().flatten();
        let software = tables.find(|table| {
            table.way == Way::Software
                && self
                    .taps()
                    .any(|tap| !table.devices.iter().any(|device| device == tap))
        });
        if setup.offload.way() == Some(Way::Hardware) {
            let told = "the router's setup: hardware forwards established flows: the taps may see only their first packets";
            return Some((told.to_owned(), place));
        }
        let table = software?;
        let told = format!(
            "the router's setup: the flowtable {} forwards established flows between {}: a tap on a bridge, VLAN or PPPoE interface \
             upon them sees only their first packets",
            table.name,
            table.devices.join(", ")
        );
        Some((told, place))
    }

    /// Names of the taps that saw the session.
    fn taps(self) -> impl Iterator<Item = &'a str> {
        let taps = self.capture.taps.iter();
        let saw = move |id: TapId| self.session.legs.iter().any(|leg| leg.tap == id);
        taps.filter(move |tap| saw(tap.id))
            .map(|tap| tap.name.as_str())
    }

    /// The router's own UDP time-outs in seconds, one way and both ways, and where they were read.
    pub(crate) fn udp_timeouts(self) -> Option<([u32; 2], Locator)> {
        let setup = self.capture.setup?;
        let time_outs = setup.udp_timeout_secs.zip(setup.udp_stream_timeout_secs);
        time_outs.map(|(once, stream)| ([once, stream], setup.place()))
    }
}

impl Assignment<'_> {
    /// What the router's own helper does not do for the session, so that it has no ALG: it is not there, or not for it.
    pub fn is_lacking(&self) -> bool {
        matches!(self, Self::ToOthers(..) | Self::ToNone(_) | Self::NotLoaded)
    }
}

impl fmt::Display for Assignment<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ToPort(port, assigned) => {
                write!(out, "{} to port {port}{}", assigned, Behind(*assigned))
            }
            Self::Untold(rule) => write!(
                out,
                "{}, to which ports its text does not tell{}",
                Assigned::ByRule(rule),
                Behind(Assigned::ByRule(rule))
            ),
            Self::ToOthers(port, assigned) => write!(
                out,
                "{} to port {} only, and not to {port}{}",
                assigned,
                assigned.ports(),
                Behind(*assigned)
            ),
            Self::ToNone(helper) => write!(
                out,
                "{} is loaded, and no rule assigns it: it does nothing",
                helper.module
            ),
            Self::NotLoaded => out.write_str("no RTSP helper is loaded"),
        }
    }
}

impl Assigned<'_> {
    /// The helper by its kind or, where that is not known, by the name of its object; a module by its own.
    pub fn helper(&self) -> &str {
        match self {
            Self::ByRule(rule) => {
                let known = rule.helper.as_deref().or(rule.object.as_deref());
                known.unwrap_or("of an unknown kind")
            }
            Self::ByItself(helper) => &helper.module,
        }
    }

    fn ports(&self) -> String {
        let ports = match self {
            Self::ByRule(rule) => &rule.ports,
            Self::ByItself(helper) => &helper.ports,
        };
        let ports: Vec<String> = ports.iter().flatten().map(ToString::to_string).collect();
        ports.join(", ")
    }
}

impl fmt::Display for Assigned<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByRule(rule) => write!(
                out,
                "a rule of {} assigns helper {}",
                rule.source,
                self.helper()
            ),
            Self::ByItself(helper) => write!(out, "{} assigns itself", helper.module),
        }
    }
}

/// What stands behind a sentence: the rule itself, or the switch.
struct Behind<'a>(Assigned<'a>);

impl fmt::Display for Behind<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Assigned::ByRule(rule) => write!(out, " ({}: {})", rule.chain, rule.text),
            Assigned::ByItself(_) => out.write_str(" (nf_conntrack_helper is 1)"),
        }
    }
}

#[cfg(test)]
mod tests;
