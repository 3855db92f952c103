//! The rows of a ladder as a table.

use super::since;
use crate::output::html::markup::Markup;
use crate::output::html::{scrolling, table_head};
use crate::output::place;
use crate::story::ladder::{Ladder, Row, Seen};
use rtspscope_engine::Snapshot;
use rtspscope_engine::model::Side;

pub(super) fn write(part: &mut Markup, ladder: &Ladder, snapshot: &Snapshot) {
    part.within("details", &[], |details| {
        details.leaf("summary", &[], "The ladder as a table");
        scrolling(details, "The ladder as a table", |region| {
            region.within("table", &[], |table| {
                let taps = ladder.lanes.iter().filter(|lane| lane.place.is_some());
                let titles: Vec<String> = taps.map(|lane| lane.title.clone()).collect();
                let mut heads = vec![("Time", true), ("From", false), ("What", false)];
                heads.extend(titles.iter().map(|title| (title.as_str(), true)));
                table_head(table, &heads);
                table.within("tbody", &[], |body| {
                    for row in &ladder.rows {
                        write_row(body, row, snapshot);
                    }
                });
            });
        });
    });
}

fn write_row(body: &mut Markup, row: &Row, snapshot: &Snapshot) {
    body.within("tr", &[], |line| {
        line.leaf("td", &[("class", "number")], &since(row.since_start));
        let from = match row.from {
            Some(Side::Client) => "client",
            Some(Side::Server) => "server",
            None => "–",
        };
        line.leaf("td", &[], from);
        line.leaf("td", &[], &row.label);
        for seen in &row.seen {
            let told = match seen {
                Seen::Passed { at, .. } => {
                    let frame = place::number(&place::find(snapshot, *at));
                    frame.unwrap_or_else(|| "seen".to_owned())
                }
                Seen::Not if row.from.is_some() => "not seen".to_owned(),
                Seen::Not | Seen::Unknown => "–".to_owned(),
            };
            line.leaf("td", &[("class", "number")], &told);
        }
    });
}
