//! The report as one HTML file, for whoever has to be convinced: it needs no network, no script and no other file.
//!
//! Sentences come from [`super::sentences`], pictures from [`crate::story`]; here are only elements and lines. The
//! policy in the file's head forbids all but its own style sheet, whatever a stranger's text might try. What is drawn is
//! capped ([`limits`]), and what falls to a cap is said.

mod capture;
mod changes;
mod chart;
mod findings;
mod ladder;
mod legend;
mod limits;
mod markup;
mod overview;
mod palette;
mod path;
mod session;
mod svg;

use rtspscope_engine::Snapshot;

use super::json::{self, Report};
use super::privacy::Privacy;
use super::sentences::Standing;
use super::sentences::capture::without_sessions;
use super::sentences::findings::{of, sentence};
use super::sentences::session::{ends, transport, verdict};
use markup::Markup;

/// What the file may do: show itself. It can load nothing, run nothing and send nothing.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The whole document.
pub(crate) fn report(snapshot: &Snapshot, privacy: Privacy) -> String {
    let report = json::report(snapshot, privacy);
    let drawing = Drawing {
        snapshot,
        report: &report,
        privacy,
    };
    let mut markup = Markup::default();
    markup.own("<!DOCTYPE html>\n");
    markup.within("html", &[("lang", "en")], |html| {
        html.within("head", &[], |head| drawing.head(head));
        html.within("body", &[], |body| {
            body.within("div", &[("class", "page")], |page| drawing.page(page));
        });
    });
    markup.own("\n");
    markup.into_string()
}

/// What a report is drawn from: the model for pictures, the JSON report for texts.
struct Drawing<'a> {
    snapshot: &'a Snapshot,
    report: &'a Report,
    privacy: Privacy,
}

impl Drawing<'_> {
    fn head(&self, head: &mut Markup) {
        head.start("meta", &[("charset", "utf-8")]);
        head.start(
            "meta",
            &[
                ("http-equiv", "Content-Security-Policy"),
                ("content", POLICY),
            ],
        );
        let scale = "width=device-width, initial-scale=1";
        head.start("meta", &[("name", "viewport"), ("content", scale)]);
        head.start(
            "meta",
            &[("name", "color-scheme"), ("content", "light dark")],
        );
        let title = format!("{} · rtspscope report", self.headline().1);
        head.leaf("title", &[], &title);
        head.within("style", &[], |style| {
            style.style(&palette::rules());
            style.own(include_str!("html/style.css"));
        });
    }

    fn page(&self, page: &mut Markup) {
        page.leaf(
            "a",
            &[("class", "skip"), ("href", "#main")],
            "To the report",
        );
        page.within("header", &[("class", "top")], |top| self.top(top));
        page.within("main", &[("id", "main")], |main| {
            if self.report.sessions.len() > 1 {
                overview::write(main, self.report);
            }
            for index in overview::drawn(self.report) {
                session::write(main, self, index);
            }
            capture::write(main, self.report);
            legend::write(main);
        });
        page.within("footer", &[], |footer| {
            let tool = &self.report.tool;
            let text = format!(
                "Made by {} {} from recorded packets. Frame numbers are those that Wireshark shows for the same file.",
                tool.name, tool.version
            );
            footer.leaf("p", &[], &text);
        });
    }

    fn top(&self, top: &mut Markup) {
        let (standing, headline) = self.headline();
        top.leaf("p", &[("class", "brand")], "RTSP through a router: report");
        top.within("h1", &[("class", class(standing))], |heading| {
            mark(heading, standing);
            heading.text(&headline);
        });
        if let [session] = self.report.sessions.as_slice() {
            let day = session.started_at.get(..10).unwrap_or_default();
            let text = format!("{}, {}, {day} (UTC)", ends(session), transport(session));
            top.leaf("p", &[("class", "sub")], &text);
        }
        top.within("nav", &[("aria-label", "Contents")], |nav| {
            nav.within("ul", &[], |list| {
                let mut entry = |target: &str, text: &str| {
                    list.within("li", &[], |item| item.leaf("a", &[("href", target)], text));
                };
                if self.report.sessions.len() > 1 {
                    entry("#overview", "All sessions");
                } else if let [session] = self.report.sessions.as_slice() {
                    let target = |part: &str| format!("#s{}{part}", session.id);
                    entry(&target("-why"), "Why");
                    entry(&target("-do"), "What to do");
                    entry(&target("-way"), "Way of the media");
                    entry(&target("-ladder"), "Ladder");
                }
                entry("#capture", "What was captured");
                entry("#legend", "How to read it");
            });
        });
    }

    /// The verdict in one sentence, and how bad it is.
    fn headline(&self) -> (Standing, String) {
        match self.report.sessions.as_slice() {
            [] => (Standing::Doubtful, without_sessions(self.report)),
            [session] => {
                if let Some(verdict) = verdict(self.report, session) {
                    return (verdict.standing, verdict.text);
                }
                let worst = of(self.report, session).into_iter().next();
                let text = worst.map_or_else(String::new, |worst| sentence(&worst.summary));
                (Standing::Bad, text)
            }
            _ => overview::headline(self.report),
        }
    }
}

/// The style of how something stands.
const fn class(standing: Standing) -> &'static str {
    match standing {
        Standing::Good => "good",
        Standing::Doubtful => "doubtful",
        Standing::Bad => "bad",
        Standing::Remark => "remark",
    }
}

/// What the sign of a standing is called, for those who hear the report.
const fn spoken(standing: Standing) -> &'static str {
    match standing {
        Standing::Good => "In order:",
        Standing::Doubtful => "In doubt:",
        Standing::Bad => "Broken:",
        Standing::Remark => "To know:",
    }
}

/// The sign before a text.
fn mark(markup: &mut Markup, standing: Standing) {
    let attributes = [
        ("class", format!("mark {}", class(standing))),
        ("role", "img".to_owned()),
        ("aria-label", spoken(standing).to_owned()),
    ];
    let attributes = attributes
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    markup.leaf("span", &attributes, standing.mark());
}

/// A table that scrolls by itself where the page is narrow.
fn scrolling(markup: &mut Markup, label: &str, inside: impl FnOnce(&mut Markup)) {
    let attributes = [
        ("class", "scroll"),
        ("role", "region"),
        ("aria-label", label),
        ("tabindex", "0"),
    ];
    markup.within("div", &attributes, inside);
}

/// The first row of a table.
fn table_head(table: &mut Markup, heads: &[(&str, bool)]) {
    table.within("thead", &[], |head| {
        head.within("tr", &[], |row| {
            for (text, is_number) in heads {
                let class = if *is_number { "number" } else { "word" };
                row.leaf("th", &[("scope", "col"), ("class", class)], text);
            }
        });
    });
}

#[cfg(test)]
mod tests;
