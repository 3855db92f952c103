//! Which known ALG behaves like the one in the path. It says "behaves like", never "is": others may have learnt from it.
//!
//! The Linux and OpenWrt helper `nf_nat_rtsp` (read in its source, seen in captures) changes SETUP requests only, and in
//! them only `client_port` and `destination`; it never puts the answer right again, moves a pair of ports that is taken
//! by two (a single port by one), and eats the CR where `destination` is the last field.

use std::fmt;

use crate::model::{FieldDiff, Session};

/// What is known of the ALG's ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// The known ALG.
    pub like: &'static str,
    /// Its traits that this session shows.
    pub seen: Vec<&'static str>,
    /// Its traits that this session should show and does not.
    pub missing: Vec<&'static str>,
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "behaves like {}: {}", self.like, self.seen.join(", "))?;
        if self.missing.is_empty() {
            Ok(())
        } else {
            write!(f, "; unlike it: {}", self.missing.join(", "))
        }
    }
}

/// So many traits of an ALG must show before it is named.
const ENOUGH: usize = 2;
/// Ports by which a helper may have to move until it finds a free pair.
const FARTHEST_MOVE: u16 = 32;

/// Compares what was changed in a session with the ways of the ALGs that are known; `None` where none fits.
pub fn fingerprint(session: &Session) -> Option<Fingerprint> {
    let nat = session.nat.as_ref()?;
    if nat.proxied || nat.rewrites.is_empty() {
        return None;
    }
    let found = linux_helper(session, &nat.rewrites)?;
    (found.seen.len() >= ENOUGH).then_some(found)
}

fn linux_helper(session: &Session, rewrites: &[FieldDiff]) -> Option<Fingerprint> {
    let its_field = |field: &str| {
        [
            "Transport.client_port",
            "Transport.destination",
            "line-ending",
        ]
        .contains(&field)
    };
    let its_own =
        |diff: &FieldDiff| !diff.in_response && diff.method == "SETUP" && its_field(&diff.field);
    if !rewrites.iter().all(its_own) || session.client.is_ipv6() {
        return None;
    }
    let mut found = Fingerprint {
        like: "the Linux and OpenWrt helper nf_nat_rtsp",
        seen: vec!["it changes SETUP requests only"],
        missing: Vec::new(),
    };
    let mut trait_shows = |shows: bool, yes, no| {
        if shows {
            found.seen.push(yes);
        } else {
            found.missing.push(no);
        }
    };
    let field = |name: &str| rewrites.iter().find(|diff| diff.field == name);
    if let Some(ports) = field("Transport.client_port") {
        trait_shows(
            moves_to_the_next(ports),
            "ports move to the next free ones",
            "ports move far",
        );
        if let Some(kept) = keeps_the_answer(session) {
            trait_shows(
                kept,
                "the answer keeps the changed ports",
                "the answer is put right",
            );
        }
    }
    if field("Transport.destination").is_some() {
        found.seen.push("destination is replaced");
    }
    if field("line-ending").is_some() {
        found.seen.push("the CR after destination is eaten");
    }
    Some(found)
}

/// Whether a pair of ports moved up by a few pairs, or a single port by a few.
fn moves_to_the_next(ports: &FieldDiff) -> bool {
    let first = |text: Option<&str>| text?.split('-').next()?.trim().parse::<u16>().ok();
    let is_pair = ports.pre.as_deref().is_some_and(|text| text.contains('-'));
    let (Some(pre), Some(post)) = (first(ports.pre.as_deref()), first(ports.post.as_deref()))
    else {
        return false;
    };
    let step = if is_pair { 2 } else { 1 };
    post.checked_sub(pre)
        .is_some_and(|by| by > 0 && by <= FARTHEST_MOVE && by.is_multiple_of(step))
}

/// Whether the client reads in the answer ports that it did not ask for; `None` without an answer.
fn keeps_the_answer(session: &Session) -> Option<bool> {
    let nat = session.nat.as_ref()?;
    let mut media = session.media.iter();
    media.find_map(|media| {
        let inside = media.per_leg.get(nat.pre.min(nat.post))?;
        Some(inside.client_rtp_port? != inside.answered_rtp_port?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::{Scene, UDP_TALK};

    fn of(lan: &str, wan: &str) -> Option<String> {
        let snapshot = Scene::heard(lan, wan).rtp(9, 9).checked();
        fingerprint(&snapshot.sessions[0]).map(|found| found.to_string())
    }

    fn changed(talk: &str, to: &str) -> String {
        talk.replace("client_port=5000-5001", to)
    }

    #[test]
    fn the_linux_helper_is_known_by_its_next_ports_and_its_answers() {
        let wan = changed(UDP_TALK, "client_port=5002-5003");
        let lan = UDP_TALK.replace(
            "client_port=5000-5001;server_port",
            "client_port=5002-5003;server_port",
        );
        assert_eq!(
            of(&lan, &wan).unwrap(),
            "behaves like the Linux and OpenWrt helper nf_nat_rtsp: it changes SETUP requests only, ports move to the next free \
             ones, the answer keeps the changed ports"
        );
    }

    #[test]
    fn an_alg_that_puts_answers_right_is_another() {
        assert_eq!(
            of(UDP_TALK, &changed(UDP_TALK, "client_port=5002-5003")),
            None
        );
    }

    #[test]
    fn ports_that_move_far_are_told_as_unlike_it() {
        let wan = changed(UDP_TALK, "client_port=20000-20001");
        let lan = UDP_TALK.replace(
            "client_port=5000-5001;server_port",
            "client_port=20000-20001;server_port",
        );
        assert!(
            of(&lan, &wan)
                .unwrap()
                .ends_with("; unlike it: ports move far")
        );
    }
}
