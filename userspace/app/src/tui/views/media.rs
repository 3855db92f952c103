//! The media of a session: how far each came, its rate and loss over time, what was agreed and what was seen.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use rtspscope_engine::model::{Arrival, MediaDirection, MediaStream, ParameterSets, Session};

use super::super::scene::Scene;
use super::super::state::{Drawn, State};
use super::super::{text, theme};
use super::sessions::spark;
use super::{labelled, nothing, rule, scrolled, without_session};
use crate::story::Place;
use crate::story::matrix::{self, Cell, Matrix, MatrixRow, Sent};
use crate::story::rates::{self, Of, Rates};

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, scene: &Scene) -> Drawn {
    let Some(session) = scene.session(state) else {
        return without_session(frame, area, state, scene);
    };
    if session.media.is_empty() {
        return nothing(
            frame,
            area,
            "No medium was described or set up in this session.",
        );
    }
    let columns = usize::from(area.width);
    let mut lines = vec![rule("arrival, from the camera to the player", columns)];
    lines.extend(matrix(scene, session, columns));
    for (index, media) in session.media.iter().enumerate() {
        lines.extend(medium(scene, session, index, media, columns));
    }
    scrolled(frame, area, lines, state.scroll)
}

/// How far the media of a session came.
pub(super) fn matrix(scene: &Scene, session: &Session, columns: usize) -> Vec<Line<'static>> {
    arrival(
        &matrix::of(&scene.snapshot, session, scene.privacy),
        columns,
    )
}

/// The matrix: a column for what was sent and for each tap, from the server to the client.
fn arrival(matrix: &Matrix, columns: usize) -> Vec<Line<'static>> {
    let names = matrix
        .rows
        .iter()
        .map(|row| text::width(&named(row)) + 6)
        .max()
        .unwrap_or(10)
        .min(columns / 3);
    let cells = matrix.stations.len() + 1;
    let each = (columns.saturating_sub(names + 2) / cells).min(18);
    let mut head = vec![
        Span::raw(" ".repeat(names + 1)),
        Span::styled(text::right("sent", each), theme::faint()),
    ];
    head.extend(
        matrix
            .stations
            .iter()
            .map(|station| Span::styled(text::right(&station.title, each), theme::strong())),
    );
    let mut lines = vec![Line::from(head)];
    lines.extend(matrix.rows.iter().map(|row| matrix_row(row, names, each)));
    let breaks = matrix.rows.iter().filter_map(|row| {
        let station = matrix.stations.get(row.break_at?)?;
        let kind = row.kind;
        let before = row
            .passed_before_break()
            .and_then(|at| matrix.stations.get(at));
        Some(match before {
            Some(before) => format!(
                "{kind} {} breaks off between {} and {}",
                row.name, before.title, station.title
            ),
            None => format!("{kind} {} reaches no tap", row.name),
        })
    });
    for says in breaks {
        lines.extend(labelled(" ✗", 3, &says, columns, theme::bad()));
    }
    lines
}

/// The medium's name, marked where the client sends it.
fn named(row: &MatrixRow) -> String {
    if row.from_client {
        format!("{} ↑", row.name)
    } else {
        row.name.clone()
    }
}

fn matrix_row(row: &MatrixRow, names: usize, each: usize) -> Line<'static> {
    let kind = row.kind;
    let mut spans = vec![Span::raw(format!(
        " {}",
        text::left(&format!("{kind:<4} {}", named(row)), names)
    ))];
    let sent = match row.sent_in_all() {
        Some(Sent::Said(packets)) => text::count(packets),
        Some(Sent::AtLeast(packets)) => format!("≥{}", text::count(packets)),
        None => "?".to_owned(),
    };
    spans.push(Span::styled(text::right(&sent, each), theme::faint()));
    for (index, cell) in row.cells.iter().enumerate() {
        let (said, style) = match cell {
            Cell::Came {
                packets,
                lost: Some(lost),
            } if *lost > 0 => (
                format!("{} (-{})", text::count(*packets), text::count(*lost)),
                theme::doubtful(),
            ),
            Cell::Came { packets, .. } => (text::count(*packets), theme::good()),
            Cell::Nothing if row.break_at == Some(index) => ("✗ 0".to_owned(), theme::bad()),
            Cell::Nothing => ("0".to_owned(), theme::faint()),
            Cell::Unknown => ("–".to_owned(), theme::faint()),
        };
        spans.push(Span::styled(text::right(&said, each), style));
    }
    Line::from(spans)
}

fn medium(
    scene: &Scene,
    session: &Session,
    index: usize,
    media: &MediaStream,
    columns: usize,
) -> Vec<Line<'static>> {
    let plain = Style::new();
    let name = matrix::media_name(session, index, scene.privacy);
    let rate = media
        .clock_rate
        .map_or_else(String::new, |rate| format!("/{rate}"));
    let mut lines = vec![Line::default(), rule(&format!("{name}{rate}"), columns)];
    lines.extend(charts(scene, session, media, columns));
    let label = if shows_both_sides(session) { 12 } else { 9 };
    lines.extend(labelled(" agreed", label, &agreed(media), columns, plain));
    for arrival in &media.arrivals {
        let title = Place::of(arrival).title(&scene.snapshot, session);
        lines.extend(labelled(
            &format!(" {}", text::cut(&title, label - 2)),
            label,
            &seen(media, arrival),
            columns,
            plain,
        ));
        for (head, said) in [
            ("", pictures(arrival)),
            ("", reports(arrival)),
            ("", silences(session, arrival)),
        ] {
            if let Some(said) = said {
                lines.extend(labelled(head, label, &said, columns, theme::faint()));
            }
        }
    }
    lines
}

/// Whether a tap has two legs of the session, so that its title is longer.
fn shows_both_sides(session: &Session) -> bool {
    (0..session.legs.len()).any(|leg| session.side_at_one_tap(leg).is_some())
}

/// Rate and loss over time at each tap, on one axis.
fn charts(
    scene: &Scene,
    session: &Session,
    media: &MediaStream,
    columns: usize,
) -> Vec<Line<'static>> {
    let Some(rates) = rates::of(media, Of::Whole) else {
        return Vec::new();
    };
    let head = if shows_both_sides(session) { 10 } else { 6 };
    let width = columns.saturating_sub(16 + head).clamp(8, 96);
    let most = rates
        .taps
        .iter()
        .flat_map(|taps| &taps.bits_per_second)
        .fold(0.0, |most: f64, bits| most.max(*bits));
    let mut lines = Vec::new();
    // In the order of the way of media, as in the matrix.
    for taps in rates.taps.iter().rev() {
        let title = taps.place.title(&scene.snapshot, session);
        lines.push(chart(
            &text::left(&title, head),
            "rate",
            &scaled(&taps.bits_per_second, most, width),
            &rates::bits(rates::whole(most)),
            theme::good(),
        ));
        let lost: u64 = taps.lost.iter().map(|lost| u64::from(*lost)).sum();
        if lost > 0 {
            let series: Vec<f64> = taps.lost.iter().map(|lost| f64::from(*lost)).collect();
            let top = series.iter().fold(0.0, |most: f64, lost| most.max(*lost));
            lines.push(chart(
                &text::left(&title, head),
                "lost",
                &scaled(&series, top, width),
                &text::count(lost),
                theme::bad(),
            ));
        }
    }
    lines.push(axis(&rates, width));
    lines
}

fn chart(title: &str, what: &str, bars: &str, top: &str, style: Style) -> Line<'static> {
    Line::from(vec![
        Span::styled(format!(" {title} {what} "), theme::faint()),
        Span::styled(bars.to_owned(), style),
        Span::styled(format!(" {top}"), theme::faint()),
    ])
}

/// Bars of all taps to one scale.
fn scaled(series: &[f64], most: f64, columns: usize) -> String {
    let len = series.len().max(1);
    let used = columns.min(len);
    // The scale is held by a column of the highest value, which is cut off again.
    let mut values: Vec<u64> = (0..used)
        .map(|column| {
            let part = series
                .get(column * len / used..((column + 1) * len / used).max(column * len / used + 1));
            let part = part.unwrap_or_default();
            rates::whole(part.iter().sum::<f64>() / part.len().max(1) as f64)
        })
        .collect();
    values.push(rates::whole(most));
    let bars = spark(&values, used + 1);
    let bars: String = bars.chars().take(used).collect();
    text::left(&bars, columns)
}

fn axis(rates: &Rates, columns: usize) -> Line<'static> {
    let seconds = rates.bin.as_secs_f64() * rates.len as f64;
    let used = columns.min(rates.len);
    let end = format!("{seconds:.1} s");
    let gap = used.saturating_sub(text::width(&end) + 1);
    Line::styled(
        format!("{}0{}{end}", " ".repeat(13), " ".repeat(gap)),
        theme::faint(),
    )
}

fn agreed(media: &MediaStream) -> String {
    let negotiated = &media.negotiated;
    let from_client = media.direction == MediaDirection::FromClient;
    let pair = |a: Option<u16>, b: Option<u16>| {
        a.map(|a| b.map_or_else(|| a.to_string(), |b| format!("{a}-{b}")))
    };
    let mut parts: Vec<String> = from_client
        .then(|| "sent by the client (↑)".to_owned())
        .into_iter()
        .collect();
    if let Some((rtp, rtcp)) = negotiated.channels {
        parts.push(format!("channels {rtp} and {rtcp} of the connection"));
    }
    if let Some(ports) = pair(negotiated.client_rtp_port, negotiated.client_rtcp_port) {
        parts.push(format!("client port {ports}"));
    }
    if let Some(ports) = pair(negotiated.server_rtp_port, negotiated.server_rtcp_port) {
        parts.push(format!("server port {ports}"));
    }
    if let Some((group, rtp, _)) = negotiated.multicast {
        parts.push(format!("group {group}:{rtp}"));
    }
    if parts.is_empty() {
        return if media.is_inferred() {
            "nothing that a message shows: its packets tell of it".to_owned()
        } else if media.set_up {
            "without ports".to_owned()
        } else {
            "nothing: no SETUP was accepted".to_owned()
        };
    }
    parts.join(", ")
}

/// What came, from where to where.
fn seen(media: &MediaStream, arrival: &Arrival) -> String {
    let rtp = &arrival.rtp;
    if rtp.packets == 0 {
        let refused = arrival.refused.len();
        let sent: u64 = arrival.from_client.iter().map(|sent| sent.packets).sum();
        let sent = (sent > 0).then(|| format!("{sent} datagrams from the client's media ports"));
        let refused = (refused > 0).then(|| format!("{refused} refused by ICMP"));
        let said = [format!("no {}", media.matter())]
            .into_iter()
            .chain(sent)
            .chain(refused);
        return said.collect::<Vec<_>>().join("; ");
    }
    let mut parts = Vec::new();
    if let (Some(from), Some(to)) = (rtp.from, rtp.to) {
        parts.push(format!("{from} → {to}"));
    }
    parts.extend(rtp.bitrate_bps.map(rates::bits));
    parts.extend(rtp.lost.map(|lost| format!("{lost} lost")));
    parts.extend(
        rtp.duplicates
            .filter(|count| *count > 0)
            .map(|count| format!("{count} twice")),
    );
    parts.extend(
        rtp.reordered
            .filter(|count| *count > 0)
            .map(|count| format!("{count} late")),
    );
    parts.extend(
        rtp.jitter
            .map(|jitter| format!("jitter {:.1} ms", jitter.as_millis_f64())),
    );
    parts.extend(
        rtp.max_gap
            .map(|gap| format!("longest gap {:.0} ms", gap.as_millis_f64())),
    );
    parts.join(", ")
}

fn pictures(arrival: &Arrival) -> Option<String> {
    let video = arrival.rtp.video?;
    let mut parts = vec![format!("{} keyframes", video.keyframes)];
    parts.extend(
        video
            .keyframe_interval
            .map(|every| format!("one each {:.1} s", every.as_secs_f64())),
    );
    parts.extend(video.frame_rate.map(|rate| format!("{rate:.1} pictures/s")));
    parts.extend(video.parameter_sets.map(|sets| match sets {
        ParameterSets::Missing => "no parameter sets: cannot be decoded".to_owned(),
        ParameterSets::Sdp => "parameter sets in the SDP".to_owned(),
        ParameterSets::InBand => "parameter sets in the stream".to_owned(),
        ParameterSets::Both => "parameter sets in SDP and stream".to_owned(),
    }));
    Some(parts.join(", "))
}

/// What the client reports, against what was counted here.
fn reports(arrival: &Arrival) -> Option<String> {
    let far = arrival.rtcp.far_end;
    let lost = far.lost?;
    let ours = arrival
        .rtp
        .lost
        .map_or_else(|| "unknown".to_owned(), |lost| lost.to_string());
    let mut parts = vec![format!("the player reports {lost} lost (here {ours})")];
    parts.extend(
        far.jitter
            .map(|jitter| format!("jitter {:.1} ms", jitter.as_millis_f64())),
    );
    parts.extend(
        far.round_trip
            .map(|way| format!("{:.1} ms from here and back", way.as_millis_f64())),
    );
    Some(parts.join(", "))
}

fn silences(session: &Session, arrival: &Arrival) -> Option<String> {
    let timeline = arrival.timeline.as_ref()?;
    let first = timeline
        .silences
        .iter()
        .max_by_key(|silence| silence.until - silence.from)?;
    let count = timeline.silences.len() as u64 + timeline.more_silences;
    Some(format!(
        "{count} gap(s) of a second or more, the longest {:.1} s from {:.1} s on",
        (first.until - first.from).as_secs_f64(),
        (first.from - session.started_at).as_secs_f64()
    ))
}
