//! Differences of the Transport field, parameter by parameter.

use rtspscope_wire::Spanned;
use rtspscope_wire::rtsp::transport::{Param, TransportSpec, parse};

use super::Changes;

/// Parameters that name a port: one that is no number is no longer of use.
const PORTS: [&str; 3] = ["client_port", "server_port", "port"];

/// Compares two values of a Transport field.
pub(super) fn compare(a: &Spanned<'_>, b: &Spanned<'_>, changes: &mut Changes) {
    let (specs_a, specs_b) = (parse(a.clone()).value, parse(b.clone()).value);
    let known = changes.list.len();
    if specs_a.len() == specs_b.len() {
        for (x, y) in specs_a.iter().zip(&specs_b) {
            compare_specs(x, y, changes);
        }
    }
    if changes.list.len() == known {
        changes.changed("Transport", Some(a.bytes), Some(b.bytes));
    }
}

fn compare_specs(a: &TransportSpec<'_>, b: &TransportSpec<'_>, changes: &mut Changes) {
    if a.protocol_text.bytes != b.protocol_text.bytes {
        changes.changed(
            "Transport.protocol",
            Some(a.protocol_text.bytes),
            Some(b.protocol_text.bytes),
        );
    }
    let mut names: Vec<String> = Vec::new();
    for param in a.params.iter().chain(&b.params) {
        let name = param.name.text().to_ascii_lowercase();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    for name in &names {
        compare_param(name, a.param(name), b.param(name), changes);
    }
}

fn compare_param(name: &str, a: Option<&Param<'_>>, b: Option<&Param<'_>>, changes: &mut Changes) {
    let (x, y) = (a.map(value), b.map(value));
    if x == y {
        return;
    }
    let field = format!("Transport.{name}");
    match (x, y) {
        (Some(x), Some(y)) => {
            let [sent, received] = changes.by_travel([x, y]);
            if PORTS.contains(&name) && is_ports(sent) && !is_ports(received) {
                changes.corrupted(&field, a.map(text), b.map(text));
            } else {
                changes.changed(&field, Some(x), Some(y));
            }
        }
        // To take the client's address out of a request is a rewrite; to take its port out leaves nobody to send to.
        (x, y) => {
            let proxy_may_drop = changes.in_place && !PORTS.contains(&name);
            if proxy_may_drop {
                changes.changed(&field, x, y);
            } else {
                changes.one_sided(&field, x, y, PORTS.contains(&name));
            }
        }
    }
}

fn value<'a>(param: &Param<'a>) -> &'a [u8] {
    param.value.as_ref().map_or(&[], |value| value.bytes)
}

fn text(param: &Param<'_>) -> String {
    String::from_utf8_lossy(value(param)).into_owned()
}

fn is_ports(value: &[u8]) -> bool {
    let trimmed = value.trim_ascii();
    trimmed.first().is_some_and(u8::is_ascii_digit)
        && trimmed
            .iter()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'/'))
}
