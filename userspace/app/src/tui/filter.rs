//! Which sessions are shown: terms of a filter, all of which must hold.

use super::scene::SessionRow;

/// The terms, for help and documentation.
pub(super) const TERMS: &[(&str, &str)] = &[
    (
        "text",
        "letters that occur in this order in URL, addresses, names or findings",
    ),
    ("code:rtp", "a finding whose code has this in it"),
    (
        "ip:192.168.1.",
        "an address of client or camera, at any tap, that begins so",
    ),
    (
        "state:failed",
        "a state that begins so: negotiating, playing, ended, failed",
    ),
    (
        "via:tcp",
        "a transport that begins so: udp, tcp, multicast, http-tunnel, tls",
    ),
    (
        "alg:rewrite",
        "what an ALG did or what that did, beginning so",
    ),
    ("!term", "the term does not hold"),
];

/// Whether all terms of the filter hold for a session.
pub(super) fn matches(filter: &str, row: &SessionRow) -> bool {
    filter
        .split_whitespace()
        .all(|term| match term.strip_prefix('!') {
            Some("") => true,
            Some(term) => !holds(&term.to_lowercase(), row),
            None => holds(&term.to_lowercase(), row),
        })
}

fn holds(term: &str, row: &SessionRow) -> bool {
    match term.split_once(':') {
        Some(("code", value)) => row.codes.iter().any(|code| code.contains(value)),
        Some(("ip", value)) => row.addresses.iter().any(|address| {
            address.starts_with(value) || address.trim_start_matches('[').starts_with(value)
        }),
        Some(("state", value)) => row.state.starts_with(value),
        Some(("via", value)) => row.via.starts_with(value),
        Some(("alg", value)) => row.alg.split('/').any(|part| part.starts_with(value)),
        Some(_) | None => occurs(term, &row.haystack),
    }
}

/// Whether the letters occur in this order, close enough together to be meant.
fn occurs(letters: &str, text: &str) -> bool {
    if text.contains(letters) {
        return true;
    }
    // Letters that lie further apart than this are found in anything long.
    let reach = 4 * letters.chars().count();
    let Some(first) = letters.chars().next() else {
        return true;
    };
    text.char_indices()
        .filter(|(_, character)| *character == first)
        .any(|(start, _)| {
            let mut wanted = letters.chars().peekable();
            for character in text.get(start..).unwrap_or_default().chars().take(reach) {
                if wanted.peek() == Some(&character) {
                    wanted.next();
                }
            }
            wanted.peek().is_none()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> SessionRow {
        SessionRow {
            haystack: "rtsp://203.0.113.10/garden 192.168.1.100 vlc rtp-never-arrived".to_owned(),
            codes: vec!["rtp-never-arrived", "nat-no-pinhole"],
            addresses: vec![
                "192.168.1.100:4711".to_owned(),
                "[2001:db8::1]:554".to_owned(),
            ],
            state: "ended",
            via: "udp",
            alg: "none/missing".to_owned(),
            ..SessionRow::default()
        }
    }

    #[test]
    fn letters_match_in_order_and_near_each_other() {
        assert!(matches("garden", &row()));
        assert!(matches("grdn", &row()));
        assert!(matches("VLC", &row()));
        assert!(!matches("nedrag", &row()));
        assert!(!matches("rxd", &row()));
    }

    #[test]
    fn terms_ask_for_one_thing_each_and_all_must_hold() {
        for filter in [
            "code:pinhole",
            "ip:192.168.",
            "ip:2001:db8",
            "state:end",
            "via:udp",
            "alg:miss",
            "",
        ] {
            assert!(matches(filter, &row()), "{filter}");
        }
        for filter in [
            "code:tls",
            "ip:10.",
            "state:play",
            "via:tcp",
            "alg:rewrite",
            "garden ip:10.",
        ] {
            assert!(!matches(filter, &row()), "{filter}");
        }
    }

    #[test]
    fn a_term_can_be_turned_round() {
        assert!(matches("!via:tcp", &row()));
        assert!(!matches("!garden", &row()));
        assert!(matches("!", &row()));
    }
}
