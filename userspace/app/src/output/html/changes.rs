//! What the router changed: field by field, and the messages side by side.

mod compare;

use rtspscope_engine::Locator;
use rtspscope_engine::model::{self, FieldDiff, Message};

use super::limits::{DIFFERENCES, MESSAGE_BYTES, MESSAGES, left_out};
use super::markup::Markup;
use super::{Drawing, scrolling, table_head};
use crate::output::json::{Report, Rewrite, Session};
use crate::output::place;
use crate::output::sentences::differences::{breaks, frames, length, message, value};
use crate::output::sentences::findings::sentence;
use compare::{Line, Piece, lines, pieces};

pub(super) fn write(
    part: &mut Markup,
    drawing: &Drawing<'_>,
    model: &model::Session,
    session: &Session,
) {
    let Some(pair) = &model.nat else { return };
    part.leaf("h3", &[], "What the router changed");
    let rewrites = &session.nat.rewrites;
    if rewrites.is_empty() {
        part.leaf(
            "p",
            &[],
            "Nothing: every message reads the same on both sides.",
        );
    } else {
        scrolling(part, "Fields that differ", |region| {
            region.within("table", &[], |table| fields(table, drawing.report, session));
        });
        left_out(part, rewrites.len(), DIFFERENCES, "differences are");
    }
    if let Some(length) = length(&session.nat) {
        part.leaf("p", &[], &sentence(&length));
    }
    let places = changed_messages(&pair.rewrites);
    for (pre, post) in places.iter().take(MESSAGES) {
        let found = (at(model, pair.pre, *pre), at(model, pair.post, *post));
        if let (Some(pre), Some(post)) = found {
            side_by_side(part, drawing, pre, post);
        }
    }
    left_out(part, places.len(), MESSAGES, "messages are");
}

fn fields(table: &mut Markup, report: &Report, session: &Session) {
    let heads = [
        "Message",
        "Field",
        "Client's side",
        "Far side",
        "Breaks it",
        "Frames",
    ];
    table_head(table, &heads.map(|head| (head, false)));
    table.within("tbody", &[], |body| {
        for rewrite in session.nat.rewrites.iter().take(DIFFERENCES) {
            body.within("tr", &[], |row| {
                row.leaf("td", &[], &message(rewrite));
                row.within("th", &[("scope", "row")], |cell| {
                    cell.leaf("code", &[], &rewrite.field);
                });
                values(row, rewrite);
                row.leaf("td", &[], if breaks(rewrite) { "yes" } else { "no" });
                row.leaf("td", &[], &frames(report, rewrite, &session.nat));
            });
        }
    });
}

fn values(row: &mut Markup, rewrite: &Rewrite) {
    let (pre, post) = (
        value(rewrite.pre.as_deref()),
        value(rewrite.post.as_deref()),
    );
    let (removed, added) = pieces(pre, post);
    for (pieces, tag) in [(removed, "del"), (added, "ins")] {
        row.within("td", &[], |cell| {
            cell.within("code", &[], |code| write_pieces(code, &pieces, tag));
        });
    }
}

fn write_pieces(markup: &mut Markup, pieces: &[Piece], tag: &str) {
    for piece in pieces {
        if piece.is_changed {
            markup.leaf(tag, &[], &piece.text);
        } else {
            markup.text(&piece.text);
        }
    }
}

/// Where the changed messages are, each once.
fn changed_messages(rewrites: &[FieldDiff]) -> Vec<(Locator, Locator)> {
    let mut places: Vec<(Locator, Locator)> = Vec::new();
    for rewrite in rewrites {
        let place = (rewrite.pre_at, rewrite.post_at);
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

/// The message of a leg at a place.
fn at(session: &model::Session, leg: usize, place: Locator) -> Option<&Message> {
    let exchanges = &session.legs.get(leg)?.exchanges;
    let messages = exchanges
        .iter()
        .flat_map(|exchange| [&exchange.request, &exchange.response])
        .filter_map(Option::as_deref);
    let mut messages = messages.filter(|message| message.at == place);
    messages.next()
}

/// Both texts of a message, a line beside its like.
fn side_by_side(part: &mut Markup, drawing: &Drawing<'_>, pre: &Message, post: &Message) {
    let text = |message: &Message| {
        let mut bytes = 0;
        let mut lines = drawing.privacy.lines(&message.raw);
        lines.retain(|line| {
            bytes += line.len();
            bytes <= MESSAGE_BYTES
        });
        lines
    };
    let (pre_text, post_text) = (text(pre), text(post));
    let name = |message: &Message| {
        let taps = &drawing.report.capture.taps;
        let tap = taps.get(usize::from(message.at.tap.0));
        let first = tap.and_then(|tap| tap.files.first()).map(String::as_str);
        let tap = tap.map_or("tap", |tap| tap.name.as_str());
        let short = crate::output::sentences::short_tap(drawing.report, tap);
        let found = place::find(drawing.snapshot, message.at);
        place::told(&short, first, &found)
    };
    let label = format!("{} and {}, side by side", name(pre), name(post));
    scrolling(part, &label, |region| {
        region.within("table", &[("class", "diff")], |table| {
            table_head(table, &[(&name(pre), false), (&name(post), false)]);
            table.within("tbody", &[], |body| {
                for line in lines(&pre_text, &post_text) {
                    write_line(body, &line);
                }
            });
        });
    });
    let longest = pre.raw.len().max(post.raw.len());
    if longest > MESSAGE_BYTES {
        let text = format!("The first {MESSAGE_BYTES} of {longest} bytes.");
        part.leaf("p", &[("class", "note")], &text);
    }
}

fn write_line(body: &mut Markup, line: &Line) {
    let style = if line.is_changed { "changed" } else { "same" };
    body.within("tr", &[("class", style)], |row| {
        for (pieces, tag) in [(&line.pre, "del"), (&line.post, "ins")] {
            row.within("td", &[], |cell| write_pieces(cell, pieces, tag));
        }
    });
}
