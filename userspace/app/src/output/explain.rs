//! `explain`: a finding in general, not as it was in one capture.

use rtspscope_engine::Code;
use rtspscope_engine::advice::{self, ALG_OR_PASSTHROUGH, Named, PAGES, Page};

use super::text::wrap;

/// Columns of a line.
const WIDTH: usize = 80;

/// What the code means, what proves it, what is not it and what to do, or a page of advice; without a code, all codes
/// with a line each.
///
/// With a router, what to do names its own menus and commands.
pub(crate) fn text(code: Option<&str>, router: Option<&Named>) -> String {
    let finding = code.and_then(|name| Code::ALL.iter().find(|code| code.name() == name));
    let page = code.and_then(|name| PAGES.iter().find(|page| page.name == name));
    match (finding, page) {
        (Some(code), _) => of_code(*code, router),
        (None, Some(page)) => of_page(page),
        (None, None) => list(),
    }
}

fn of_page(page: &Page) -> String {
    let mut out = String::new();
    for section in page.sections() {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&wrap("", "  ", &section.heading, WIDTH));
        for paragraph in &section.paragraphs {
            out.push_str(&wrap("  ", "    ", paragraph, WIDTH));
        }
    }
    out
}

fn list() -> String {
    let longest = Code::ALL
        .iter()
        .map(|code| code.name().len())
        .max()
        .unwrap_or(0);
    let indent = " ".repeat(longest + 2);
    let codes = Code::ALL.iter().map(|code| (code.name(), code.says()));
    let pages = PAGES.iter().map(|page| (page.name, page.says));
    let line = |(name, says)| wrap(&format!("{name:<longest$}  "), &indent, says, WIDTH);
    let mut out: String = codes.map(line).collect();
    out.push_str("\nNot findings, but explained too:\n");
    out.extend(pages.map(line));
    out
}

fn of_code(code: Code, router: Option<&Named>) -> String {
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
                |named| advice::for_router(remedy, named.router),
            ),
            WIDTH,
        ));
    }
    let further = further(explanation.remedies, router);
    if !further.is_empty() {
        out.push('\n');
    }
    out.extend(further.iter().map(|line| wrap("", "  ", line, WIDTH)));
    out
}

/// Where more is to be read, and for which router the advice is.
fn further(remedies: &[&str], router: Option<&Named>) -> Vec<String> {
    let any = |concerns: fn(&str) -> bool| remedies.iter().any(|remedy| concerns(remedy));
    let mut lines = Vec::new();
    if any(advice::concerns_alg) {
        lines.push(format!("ALG or passthrough: {ALG_OR_PASSTHROUGH}"));
    }
    if any(advice::concerns_player) {
        lines.push("Other players: rtspscope explain players".to_owned());
    }
    if any(advice::concerns_router) {
        lines.push(match router {
            Some(Named {
                machine: Some(machine),
                ..
            }) => format!("Router: this machine ({machine}); --router NAME names another"),
            Some(named) => format!("Router: {}, as named", named.router.title),
            None => "Your router's own menus and commands: --router NAME; rtspscope explain routers lists them".to_owned(),
        });
    }
    lines
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
        let named = Named {
            router: advice::router("MikroTik").unwrap(),
            machine: None,
        };
        let text = text(Some("alg-dropped-message"), Some(&named)).replace("\n     ", " ");
        assert!(
            text.contains("/ip firewall service-port set rtsp disabled=yes"),
            "{text}"
        );
        assert!(
            text.ends_with("Router: MikroTik RouterOS, as named\n"),
            "{text}"
        );
    }

    #[test]
    fn without_a_code_all_are_listed() {
        let list = text(None, None);
        assert!(Code::ALL.iter().all(|code| list.contains(code.name())));
        assert!(
            PAGES
                .iter()
                .all(|page| list.contains(&format!("\n{} ", page.name)))
        );
    }

    #[test]
    fn a_page_is_read_in_eighty_columns() {
        for page in PAGES {
            let text = text(Some(page.name), None);
            assert!(
                text.lines().all(|line| line.chars().count() <= WIDTH),
                "{text}"
            );
        }
        assert!(text(Some("routers"), None).contains("\nOpenWrt\n  --router openwrt\n"));
    }

    #[test]
    fn alg_and_passthrough_are_told_apart_where_advice_speaks_of_them() {
        let told = text(Some("nat-no-pinhole"), None);
        assert!(
            told.contains("ALG or passthrough: An ALG (also called helper"),
            "{told}"
        );
        assert!(
            told.contains("--router NAME; rtspscope explain routers"),
            "{told}"
        );
        assert!(!text(Some("server-busy"), None).contains("passthrough"));
    }
}
