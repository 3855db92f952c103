//! Draws the rows of a ladder as lines of text: where the lanes stand, arrows between them, and words on the arrows.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use rtspscope_engine::Severity;
use rtspscope_engine::model::Side;

use super::is_passed;
use crate::story::ladder::{Lane, Row, Seen, Segment, What};
use crate::tui::{text, theme};

/// Places of the lanes on a line.
pub(super) struct Canvas {
    columns: usize,
    /// Columns of the sign and the time at the left.
    gutter: usize,
    lanes: Vec<usize>,
}

/// One line under way: a character and its style for each column; a wide character leaves the next column empty.
struct Cells(Vec<(Option<char>, Style)>);

impl Cells {
    fn put(&mut self, column: usize, said: &str, style: Style) {
        let mut column = column;
        for character in said.chars() {
            let taken = text::width(character.encode_utf8(&mut [0; 4]));
            if column + taken > self.0.len() || taken == 0 {
                continue;
            }
            for (offset, cell) in self.0.iter_mut().skip(column).take(taken).enumerate() {
                *cell = ((offset == 0).then_some(character), style);
            }
            column += taken;
        }
    }

    fn line(self) -> Line<'static> {
        let mut spans: Vec<(String, Style)> = Vec::new();
        for (character, style) in self.0 {
            let Some(character) = character else { continue };
            match spans.last_mut() {
                Some((run, of)) if *of == style => run.push(character),
                Some(_) | None => spans.push((character.to_string(), style)),
            }
        }
        Line::from(
            spans
                .into_iter()
                .map(|(run, style)| Span::styled(run, style))
                .collect::<Vec<_>>(),
        )
    }
}

impl Canvas {
    pub(super) fn new(columns: usize, lanes: usize) -> Self {
        let gutter = if columns < 60 { 8 } else { 11 };
        let span = columns.saturating_sub(gutter + 2);
        let gaps = lanes.saturating_sub(1).max(1);
        Self {
            columns,
            gutter,
            lanes: (0..lanes).map(|lane| gutter + lane * span / gaps).collect(),
        }
    }

    fn blank(&self) -> Cells {
        Cells(vec![(Some(' '), Style::new()); self.columns])
    }

    /// What stands above the lanes: titles, and in a second line names.
    pub(super) fn heads(&self, lanes: &[Lane], height: usize) -> Vec<Line<'static>> {
        let mut titles = self.blank();
        let mut names = self.blank();
        for (index, lane) in lanes.iter().enumerate() {
            let room = self.room(index);
            self.put_head(
                &mut titles,
                index,
                &text::cut(&lane.title, room),
                theme::strong(),
            );
            self.put_head(
                &mut names,
                index,
                &text::middle(&lane.name, room),
                theme::faint(),
            );
        }
        [titles, names]
            .into_iter()
            .take(height)
            .map(Cells::line)
            .collect()
    }

    /// Columns that a lane's head may take.
    fn room(&self, lane: usize) -> usize {
        let gap = self
            .lanes
            .get(1)
            .zip(self.lanes.first())
            .map_or(20, |(next, first)| next - first);
        let is_end = lane == 0 || lane + 1 == self.lanes.len();
        // The ends' heads reach inwards only.
        if is_end {
            (gap * 2 / 3).max(4)
        } else {
            (gap * 2 / 3).max(3)
        }
    }

    fn put_head(&self, cells: &mut Cells, lane: usize, said: &str, style: Style) {
        let Some(at) = self.lanes.get(lane) else {
            return;
        };
        let width = text::width(said);
        let start = if lane == 0 {
            at.saturating_sub(3)
        } else if lane + 1 == self.lanes.len() {
            (at + 2).saturating_sub(width)
        } else {
            at.saturating_sub(width / 2)
        };
        cells.put(start.min(self.columns.saturating_sub(width)), said, style);
    }

    /// A row, with the worst finding that it proves and the fields that the router changed.
    pub(super) fn row(
        &self,
        row: &Row,
        severity: Option<Severity>,
        changes: &[String],
    ) -> Line<'static> {
        let mut cells = self.blank();
        if let Some(severity) = severity {
            let (mark, style) = theme::mark(Some(severity));
            cells.put(0, mark, style);
        }
        let time = row.since_start.as_secs_f64();
        let time = if self.gutter < 11 {
            format!("{time:>6.2}")
        } else {
            format!("{time:>8.3}")
        };
        cells.put(1, &text::left(&time, self.gutter - 2), theme::faint());
        for lane in &self.lanes {
            cells.put(*lane, "│", theme::faint());
        }
        match row.from {
            Some(from) => self.arrow(&mut cells, row, from, changes),
            None => self.remark(&mut cells, row),
        }
        cells.line()
    }

    /// Words that lie across the lanes.
    fn remark(&self, cells: &mut Cells, row: &Row) {
        let (said, style) = match &row.what {
            What::Pause(_) => (format!("· · · {} · · ·", row.label), theme::faint()),
            What::Silence { .. } => (format!("! {} !", row.label), theme::doubtful()),
            What::Unanswered { .. }
            | What::Open { .. }
            | What::Message(_)
            | What::Punch { .. }
            | What::Media { .. }
            | What::Reports { .. }
            | What::Close { .. } => (format!("✗ {} ✗", row.label), theme::bad()),
        };
        let room = self.columns.saturating_sub(self.gutter + 4);
        let said = text::cut(&said, room);
        let start = self.gutter + 2 + (room.saturating_sub(text::width(&said))) / 2;
        cells.put(start, &said, style);
    }

    fn arrow(&self, cells: &mut Cells, row: &Row, from: Side, changes: &[String]) {
        let segments = row.segments();
        let style = match from {
            Side::Client => theme::from_client(),
            Side::Server => theme::from_server(),
        };
        let is_datagrams = matches!(
            row.what,
            What::Media { .. } | What::Reports { .. } | What::Punch { .. }
        );
        let line = if is_datagrams { "━" } else { "─" };
        for (index, segment) in segments.iter().enumerate() {
            let Some((start, end)) = self.lanes.get(index).zip(self.lanes.get(index + 1)) else {
                continue;
            };
            let (start, end) = (start + 1, *end);
            if end <= start {
                continue;
            }
            match segment {
                Segment::Empty => {}
                Segment::Passed => {
                    cells.put(start, &line.repeat(end - start), style);
                    match from {
                        Side::Client => cells.put(end - 1, "→", style),
                        Side::Server => cells.put(start, "←", style),
                    }
                }
                Segment::Lost => {
                    let half = (end - start) / 2;
                    let (from_at, len, cross) = match from {
                        Side::Client => (start, half, start + half),
                        Side::Server => (start + half, end - start - half, start + half),
                    };
                    cells.put(from_at, &"╌".repeat(len), style);
                    cells.put(cross, "✗", theme::bad());
                }
            }
            if let Some((said, style)) = Self::words(row, from, &segments, index, changes) {
                let gap = end - start;
                let room = gap.saturating_sub(if gap < 14 { 2 } else { 4 });
                let said = text::cut(&said, room);
                if room >= 2 && !said.is_empty() {
                    let at = start + (end - start - text::width(&said)) / 2;
                    cells.put(at, &said, style);
                }
            }
        }
    }

    /// The words on one segment: what it is where it sets out, what became of it on the way.
    fn words(
        row: &Row,
        from: Side,
        segments: &[Segment],
        index: usize,
        changes: &[String],
    ) -> Option<(String, Style)> {
        let sets_out = match from {
            Side::Client => segments
                .iter()
                .position(|segment| *segment != Segment::Empty),
            Side::Server => segments
                .iter()
                .rposition(|segment| *segment != Segment::Empty),
        };
        if segments.get(index) == Some(&Segment::Lost) {
            return Some(("✗ lost".to_owned(), theme::bad()));
        }
        if !segments.get(index).copied().is_some_and(is_passed) {
            return None;
        }
        let between_taps = index > 0 && index < row.seen.len();
        if between_taps && !changes.is_empty() {
            let style = if row.said().is_some_and(|said| said.is_broken) {
                theme::bad()
            } else {
                theme::changed()
            };
            return Some((format!("≠{}", changes.join(" ")), style));
        }
        let receiver = match from {
            Side::Client => index,
            Side::Server => index.wrapping_sub(1),
        };
        let count = match row.seen.get(receiver) {
            Some(Seen::Passed { packets, .. }) => packets.map_or_else(String::new, text::count),
            Some(Seen::Not | Seen::Unknown) | None => String::new(),
        };
        if sets_out == Some(index) {
            let label = short(row);
            let said = if count.is_empty() {
                label
            } else {
                format!("{count} {label}")
            };
            return Some((said, theme::strong()));
        }
        (!count.is_empty()).then(|| (count, theme::strong()))
    }
}

/// A label for an arrow: without the URL, which says the same in each row.
fn short(row: &Row) -> String {
    match &row.what {
        What::Message(said) if !said.is_response => match said.cseq {
            Some(cseq) => format!("{} {cseq}", said.method),
            None => said.method.clone(),
        },
        What::Message(said) => match said.status {
            Some(status) => format!("{status} {}", said.method),
            None => row.label.clone(),
        },
        What::Open { encrypted: true } => "TLS".to_owned(),
        What::Open { encrypted: false } => "connect".to_owned(),
        What::Close { reset: true } => "RST".to_owned(),
        What::Close { reset: false } => "close".to_owned(),
        What::Punch { .. }
        | What::Media { .. }
        | What::Reports { .. }
        | What::Silence { .. }
        | What::Unanswered { .. }
        | What::Pause(_) => row.label.clone(),
    }
}
