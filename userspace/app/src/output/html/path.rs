//! How far each medium came: its way from the server to the client, and in a table what each tap counted.

use super::limits::{MEDIA, left_out};
use super::markup::Markup;
use super::{Drawing, class, scrolling, table_head};
use crate::output::json::{Arrival, Session};
use crate::output::sentences::Standing;
use crate::output::sentences::media::{Row, counted, rows};
use crate::output::sentences::session::host;
use crate::story::matrix::{self, Cell, Matrix, MatrixRow};
use crate::story::rates::bits;
use rtspscope_engine::model;

pub(super) fn write(
    part: &mut Markup,
    drawing: &Drawing<'_>,
    model: &model::Session,
    session: &Session,
    id: &str,
) {
    let heading_id = format!("{id}-way");
    part.leaf("h3", &[("id", &heading_id)], "Way of the media");
    if session.media.is_empty() {
        let text = "No media were announced or asked for in this capture.";
        part.leaf("p", &[], text);
        return;
    }
    let matrix = matrix::of(drawing.snapshot, model, drawing.privacy);
    for row in matrix.rows.iter().filter(|row| !row.is_rtcp).take(MEDIA) {
        way(part, &matrix, row, session);
    }
    left_out(part, session.media.len(), MEDIA, "media are");
    scrolling(part, "Packets of each medium at each tap", |region| {
        region.within("table", &[], |table| {
            table.leaf(
                "caption",
                &[],
                "What each tap counted, the client's side first",
            );
            counts(table, drawing, session);
        });
    });
}

/// The stations of one medium from the end that sends it to the other.
fn way(part: &mut Markup, matrix: &Matrix, row: &MatrixRow, session: &Session) {
    let server = ("Server", host(&session.server.address));
    let client = ("Client", host(&session.client.address));
    let mut stops: Vec<(usize, &Cell)> = row.cells.iter().enumerate().collect();
    let (from, to) = if row.from_client {
        stops.reverse();
        (client, server)
    } else {
        (server, client)
    };
    let ends = format!(
        "{}, from the {} to the {}:",
        row.name,
        from.0.to_lowercase(),
        to.0.to_lowercase()
    );
    part.leaf("p", &[("class", "note")], &ends);
    part.within("ol", &[("class", "path")], |list| {
        // Its last report is older than its last packet: the number tells something only where no tap saw any.
        let seen = row
            .cells
            .iter()
            .any(|cell| matches!(cell, Cell::Came { .. }));
        let sent = row
            .sent
            .filter(|sent| !seen && *sent > 0)
            .map_or_else(|| from.1.to_owned(), |sent| format!("says it sent {sent}"));
        list.within("li", &[], |item| station(item, from.0, &sent, false));
        let mut before: Option<u64> = None;
        for (index, cell) in &stops {
            let Some(stop) = matrix.stations.get(*index) else {
                continue;
            };
            let (told, lost) = passed(row, cell);
            let broken = row.break_at == Some(*index);
            let more = lost
                .zip(before)
                .map_or(0, |(lost, before)| lost.saturating_sub(before));
            list.within("li", &[], |item| {
                match (broken, more) {
                    (true, _) => hop(item, Standing::Bad, "✗ broken here →"),
                    (false, 0) => hop(item, Standing::Good, "→"),
                    (false, more) => hop(item, Standing::Doubtful, &format!("! {more} lost →")),
                }
                station(item, &stop.title, &told, **cell == Cell::Nothing);
            });
            before = lost.or(before);
        }
        list.within("li", &[], |item| {
            let is_reached = stops.last().is_none_or(|(_, cell)| **cell != Cell::Nothing);
            hop(item, Standing::Good, if is_reached { "→" } else { "·" });
            station(item, to.0, to.1, false);
        });
    });
}

/// What passed a station, and how much of it is known to be lost.
fn passed(row: &MatrixRow, cell: &Cell) -> (String, Option<u64>) {
    let unit = row.unit;
    match cell {
        Cell::Came {
            packets,
            lost: Some(lost),
        } if *lost > 0 => (format!("{packets} {unit}, {lost} lost"), Some(*lost)),
        Cell::Came { packets, lost } => (format!("{packets} {unit}"), *lost),
        Cell::Nothing => (format!("0 {unit}"), None),
        Cell::Unknown => ("cannot tell".to_owned(), None),
    }
}

fn station(item: &mut Markup, name: &str, told: &str, is_dead: bool) {
    let class = if is_dead { "station dead" } else { "station" };
    item.within("div", &[("class", class)], |station| {
        station.leaf("b", &[], name);
        station.leaf("span", &[], told);
    });
}

fn hop(item: &mut Markup, standing: Standing, text: &str) {
    let style = format!("hop {}", class(standing));
    item.leaf("div", &[("class", &style)], text);
}

fn counts(table: &mut Markup, drawing: &Drawing<'_>, session: &Session) {
    let heads = [
        ("Medium", false),
        ("Tap", false),
        (counted(session), true),
        ("Lost", true),
        ("Twice", true),
        ("Late", true),
        ("Jitter", true),
        ("Longest gap", true),
        ("Rate", true),
        ("RTCP", true),
        ("From → to", false),
    ];
    table_head(table, &heads);
    let arrivals = session.media.iter().flat_map(|media| &media.arrivals);
    table.within("tbody", &[], |body| {
        for (row, arrival) in rows(drawing.report, session).iter().zip(arrivals) {
            count(body, row, arrival);
            if let Some(broken) = &row.broken {
                let is_bad = broken.standing == Standing::Bad;
                let style = if is_bad { "break" } else { "less" };
                body.within("tr", &[("class", style)], |line| {
                    let text = format!("{} {}", broken.standing.mark(), broken.text);
                    line.leaf("td", &[("colspan", &heads.len().to_string())], &text);
                });
            }
        }
    });
}

fn count(body: &mut Markup, row: &Row, arrival: &Arrival) {
    let rtp = &arrival.rtp;
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    body.within("tr", &[], |line| {
        line.leaf("td", &[], &row.kind);
        line.leaf("th", &[("scope", "row")], &row.tap);
        let style = if row.is_missing {
            "number none"
        } else {
            "number"
        };
        line.leaf("td", &[("class", style)], &row.packets.to_string());
        for cell in [
            row.lost.clone(),
            row.duplicates.clone(),
            or_dash(
                rtp.reordered
                    .filter(|_| rtp.packets > 0)
                    .map(|late| late.to_string()),
            ),
            row.jitter.clone(),
            or_dash(rtp.max_gap_ms.map(|gap| format!("{gap:.0} ms"))),
            or_dash(rtp.bitrate_bps.map(bits)),
            row.rtcp.to_string(),
        ] {
            line.leaf("td", &[("class", "number")], &cell);
        }
        let ends = rtp.from.as_ref().zip(rtp.to.as_ref());
        line.leaf(
            "td",
            &[],
            &or_dash(ends.map(|(from, to)| format!("{from} → {to}"))),
        );
    });
}
