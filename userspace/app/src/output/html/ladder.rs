//! The ladder of a session as a drawing, and the same as a table for those who hear it or want to copy from it.

mod table;

use rtspscope_engine::Severity;
use rtspscope_engine::model::{Session, Side};
use rtspscope_wire::Span;

use super::limits::{FILE, LABEL, LADDER_ROWS, clipped, end_of, left_out};
use super::markup::Markup;
use super::svg::{Point, dot, drawing, line, rectangle, text, tip};
use super::{Drawing, scrolling};
use crate::output::place;
use crate::output::privacy::own;
use crate::output::sentences::Standing;
use crate::story::ladder::{self, Ladder, Row, Seen, Segment, What};

/// Where the client's lane is; times stand left of it.
const LEFT: f64 = 104.0;
/// Width of the drawing, unless its lanes come too near each other.
const WIDTH: f64 = 1044.0;
/// From one lane to the next at least.
const NEAREST: f64 = 150.0;
/// Right of the server's lane, for the marks of findings.
const RIGHT: f64 = 76.0;
/// Head of the lanes.
const HEAD: f64 = 58.0;
/// Height of a row with an arrow, and of one without.
const TALL: f64 = 50.0;
const LOW: f64 = 30.0;
/// From an arrow to the text above and below it.
const ABOVE: f64 = 8.0;
const BELOW: f64 = 15.0;

pub(super) fn write(part: &mut Markup, report: &Drawing<'_>, session: &Session, id: &str) {
    let mut ladder = ladder::of(report.snapshot, session, report.privacy);
    let heading_id = format!("{id}-ladder");
    part.leaf("h3", &[("id", &heading_id)], "Ladder");
    let all = ladder.rows.len();
    ladder.rows.truncate(LADDER_ROWS);
    let picture = Picture {
        ladder: &ladder,
        report,
        session,
    };
    part.within("figure", &[], |figure| {
        let caption = "Messages and media between client and server, as each tap saw them";
        figure.leaf("figcaption", &[], caption);
        scrolling(figure, "Ladder", |region| {
            let size = (picture.width(), picture.height());
            let told = picture.told();
            let drawing_id = format!("{id}-ladder-drawing");
            drawing(region, &drawing_id, size, ("Ladder", &told), |svg| {
                picture.draw(svg);
            });
        });
    });
    left_out(part, all, LADDER_ROWS, "rows are");
    table::write(part, &ladder, report.snapshot);
}

struct Picture<'a> {
    ladder: &'a Ladder,
    report: &'a Drawing<'a>,
    session: &'a Session,
}

impl Picture<'_> {
    fn width(&self) -> f64 {
        self.lane(self.ladder.lanes.len() - 1) + RIGHT
    }

    fn height(&self) -> f64 {
        HEAD + self.ladder.rows.iter().map(row_height).sum::<f64>() + 12.0
    }

    /// Where a lane is.
    fn lane(&self, index: usize) -> f64 {
        let gaps = self.ladder.lanes.len().saturating_sub(1).max(1);
        let gap = ((WIDTH - LEFT - RIGHT) / gaps as f64).max(NEAREST);
        LEFT + gap * index as f64
    }

    /// Characters that fit between two lanes, beside the frame's number.
    fn room(&self) -> usize {
        let gap = self.lane(1) - self.lane(0);
        if gap > 250.0 { 32 } else { 12 }
    }

    fn told(&self) -> String {
        let lanes: Vec<&str> = self
            .ladder
            .lanes
            .iter()
            .map(|lane| lane.title.as_str())
            .collect();
        let lost = self
            .ladder
            .rows
            .iter()
            .filter(|row| row.lost_at().is_some())
            .count();
        format!(
            "Lanes: {}. {} rows, {lost} of them lost on the way. The table below says the same.",
            lanes.join(", "),
            self.ladder.rows.len()
        )
    }

    fn draw(&self, svg: &mut Markup) {
        for (index, lane) in self.ladder.lanes.iter().enumerate() {
            let x = self.lane(index);
            text(svg, "head middle", (x, 18.0), &lane.title);
            text(
                svg,
                "faint small middle",
                (x, 34.0),
                &clipped(&lane.name, 34),
            );
            line(svg, "life", (x, 44.0), (x, self.height()));
        }
        let mut top = HEAD;
        for row in &self.ladder.rows {
            let height = row_height(row);
            match &row.from {
                Some(from) => self.packet(svg, row, *from, top + height - BELOW - 4.0),
                None => self.event(svg, row, top),
            }
            top += height;
        }
    }

    /// Something that went along the lanes.
    fn packet(&self, svg: &mut Markup, row: &Row, from: Side, y: f64) {
        text(
            svg,
            "faint small end",
            (LEFT - 14.0, y + 4.0),
            &since(row.since_start),
        );
        self.label(svg, row, from, y - ABOVE);
        for (index, segment) in row.segments().into_iter().enumerate() {
            self.segment(svg, row, from, (index, segment), y);
        }
        for (index, seen) in row.seen.iter().enumerate() {
            let x = self.lane(index + 1);
            if let Seen::Passed { at, packets } = seen {
                dot(svg, "dot", (x, y));
                let mut found = place::find(self.report.snapshot, *at);
                found.file = found.file.map(|file| end_of(&file, FILE));
                let frame = place::number(&found);
                let count = packets.map(|packets| match packets {
                    1 => "1 packet".to_owned(),
                    _ => format!("{packets} packets"),
                });
                let told: Vec<String> = [frame, count].into_iter().flatten().collect();
                text(svg, "faint small", (x + 7.0, y + BELOW), &told.join(", "));
            }
        }
        self.changes(svg, row, y + BELOW);
        self.findings(svg, row, y + 4.0);
    }

    /// What it says, beside the end that sent it.
    fn label(&self, svg: &mut Markup, row: &Row, from: Side, y: f64) {
        let says = clipped(&row.label, LABEL);
        match from {
            Side::Client => text(svg, "", (LEFT + 12.0, y), &says),
            Side::Server => {
                let x = self.lane(self.ladder.lanes.len() - 1) - 12.0;
                text(svg, "end", (x, y), &says);
            }
        }
    }

    /// The part of an arrow between two lanes.
    fn segment(
        &self,
        svg: &mut Markup,
        row: &Row,
        from: Side,
        (index, segment): (usize, Segment),
        y: f64,
    ) {
        let (left, right) = (self.lane(index), self.lane(index + 1));
        let to_the_right = from == Side::Client;
        let (start, end) = if to_the_right {
            (left, right)
        } else {
            (right, left)
        };
        let is_media = matches!(row.what, What::Media { .. } | What::Reports { .. });
        match segment {
            Segment::Empty => {}
            Segment::Passed => {
                let reached = if to_the_right {
                    index
                } else {
                    index.wrapping_sub(1)
                };
                let proven = matches!(row.seen.get(reached), Some(Seen::Passed { .. }));
                let is_changed = is_changed(row) && index > 0 && index < row.seen.len();
                let style = match (proven, is_changed) {
                    (false, _) => " guess",
                    (true, true) => " changed",
                    (true, false) => "",
                };
                if is_media && proven {
                    let size = (right - left - 16.0, 8.0);
                    rectangle(svg, "media", (left + 8.0, y - 4.0), size);
                } else {
                    line(svg, &format!("arrow{style}"), (start, y), (end, y));
                }
                let back = if to_the_right { -4.0 } else { 4.0 };
                tip(svg, &format!("tip{style}"), (end + back, y), to_the_right);
            }
            Segment::Lost => {
                let middle = f64::midpoint(left, right);
                if is_media {
                    let near = start.min(middle) + 5.0;
                    rectangle(
                        svg,
                        "media dead",
                        (near, y - 4.0),
                        ((middle - start).abs() - 10.0, 8.0),
                    );
                }
                line(svg, "arrow lost", (start, y), (middle, y));
                text(svg, "bad head middle", (middle, y + 5.0), "✗");
                text(
                    svg,
                    "bad small middle",
                    (middle, y + BELOW + 2.0),
                    "lost here",
                );
            }
        }
    }

    /// Which fields left the router otherwise than they came in.
    fn changes(&self, svg: &mut Markup, row: &Row, y: f64) {
        let What::Message(said) = &row.what else {
            return;
        };
        let rewrites = self
            .session
            .nat
            .as_ref()
            .map_or(&[][..], |nat| &nat.rewrites);
        let mut fields: Vec<&str> = Vec::new();
        for rewrite in said
            .changes
            .iter()
            .filter_map(|change| rewrites.get(*change))
        {
            if !fields.contains(&rewrite.field.as_str()) {
                fields.push(&rewrite.field);
            }
        }
        let Some(first) = fields.first() else { return };
        let more = match fields.len() {
            1 => String::new(),
            several => format!(" +{}", several - 1),
        };
        let style = if said.is_broken {
            "bad small middle"
        } else {
            "doubtful small middle"
        };
        let x = f64::midpoint(self.lane(1), self.lane(self.ladder.lanes.len() - 2)) + 14.0;
        let field = clipped(&own(first), self.room());
        text(svg, style, (x, y), &format!("≠ {field}{more}"));
    }

    /// Numbers of the findings that the row proves.
    fn findings(&self, svg: &mut Markup, row: &Row, y: f64) {
        let x = self.lane(self.ladder.lanes.len() - 1) + 12.0;
        let mut at: Point = (x, y);
        let numbers = numbers(self.report, self.session);
        for index in &row.findings {
            let Some(finding) = self.report.snapshot.findings.get(*index) else {
                continue;
            };
            let Some(number) = numbers.iter().position(|known| known == index) else {
                continue;
            };
            let standing = standing(finding.severity);
            let text_of = format!("{}{}", standing.mark(), number + 1);
            text(
                svg,
                &format!("{} head small", super::class(standing)),
                at,
                &text_of,
            );
            at.0 += 24.0;
        }
    }

    /// What is no packet: a silence, a pause, the end.
    fn event(&self, svg: &mut Markup, row: &Row, top: f64) {
        let last = self.lane(self.ladder.lanes.len() - 1);
        let y = top + 6.0;
        rectangle(svg, "gap", (LEFT, y), (last - LEFT, LOW - 8.0));
        let (style, says) = match &row.what {
            What::Pause(_) => (
                "faint small middle",
                format!("{} without a message", row.label),
            ),
            What::Silence { .. } | What::Unanswered { .. } => {
                ("bad small middle", row.label.clone())
            }
            What::Open { .. }
            | What::Message(_)
            | What::Punch { .. }
            | What::Media { .. }
            | What::Reports { .. }
            | What::Close { .. } => ("small middle", row.label.clone()),
        };
        text(
            svg,
            style,
            (f64::midpoint(LEFT, last), y + 15.0),
            &clipped(&says, 90),
        );
    }
}

fn row_height(row: &Row) -> f64 {
    if row.from.is_some() { TALL } else { LOW }
}

fn is_changed(row: &Row) -> bool {
    matches!(&row.what, What::Message(said) if !said.changes.is_empty())
}

/// Time since the session's begin.
fn since(time: Span) -> String {
    format!("{:+.3} s", time.as_secs_f64())
}

fn standing(severity: Severity) -> Standing {
    match severity {
        Severity::Error => Standing::Bad,
        Severity::Warning => Standing::Doubtful,
        Severity::Info => Standing::Remark,
    }
}

/// The session's findings in the order in which the report numbers them: the worst first.
fn numbers(report: &Drawing<'_>, session: &Session) -> Vec<usize> {
    let findings = &report.snapshot.findings;
    let mut own: Vec<usize> = (0..findings.len())
        .filter(|index| findings[*index].subject.session == Some(session.id))
        .collect();
    own.sort_by_key(|index| std::cmp::Reverse(findings[*index].severity));
    own
}
