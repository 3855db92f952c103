//! `explain`: a finding in general, not as it was in one capture.

use rtspscope_engine::Code;
use rtspscope_engine::advice::{self, Router};

use super::text::wrap;

/// Columns of a line.
const WIDTH: usize = 80;

/// What the code means, what proves it, what is not it and what to do; without a code, all codes with a line each.
///
/// With a router, what to do names its own menus and commands.
pub(crate) fn text(code: Option<&str>, router: Option<&Router>) -> String {
    match code.and_then(|name| Code::ALL.iter().find(|code| code.name() == name)) {
        Some(code) => of_code(*code, router),
        None => list(),
    }
}

fn list() -> String {
    let longest = Code::ALL
        .iter()
        .map(|code| code.name().len())
        .max()
        .unwrap_or(0);
    let indent = " ".repeat(longest + 2);
    Code::ALL
        .iter()
        .map(|code| {
            wrap(
                &format!("{:<longest$}  ", code.name()),
                &indent,
                code.says(),
                WIDTH,
            )
        })
        .collect()
}

fn of_code(code: Code, router: Option<&Router>) -> String {
    let explanation = code.explanation();
    let mut out = wrap(&format!("{}: ", code.name()), "  ", code.says(), WIDTH);
    for (heading, paragraph) in [
        ("What it means", explanation.meaning),
        ("What proves it", explanation.proof),
        ("What looks like it and is not", explanation.not_this),
    ] {
        out.extend(["\n", heading, "\n"]);
        out.push_str(&wrap("  ", "  ", paragraph, WIDTH));
    }
    out.push_str("\nWhat to do\n");
    for (index, remedy) in explanation.remedies.iter().enumerate() {
        out.push_str(&wrap(
            &format!("  {:<3}", format!("{}.", index + 1)),
            "     ",
            &router.map_or_else(
                || (*remedy).to_owned(),
                |router| advice::for_router(remedy, router),
            ),
            WIDTH,
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained_in_eighty_columns() {
        for code in Code::ALL {
            let text = text(Some(code.name()), None);
            assert!(text.starts_with(code.name()));
            assert!(text.contains("What to do\n  1. "), "{text}");
            assert!(
                text.lines().all(|line| line.chars().count() <= WIDTH),
                "{text}"
            );
        }
    }

    #[test]
    fn a_named_router_has_its_own_command_in_the_advice() {
        let router = advice::router("MikroTik");
        let text = text(Some("alg-dropped-message"), router).replace("\n     ", " ");
        assert!(
            text.contains("/ip firewall service-port disable rtsp"),
            "{text}"
        );
    }

    #[test]
    fn without_a_code_all_are_listed() {
        let list = text(None, None);
        assert!(Code::ALL.iter().all(|code| list.contains(code.name())));
    }
}
