//! The columns of the list of sessions: what each shows, how wide it is, and how it sorts.

use std::cmp::Ordering;

use super::scene::SessionRow;
use crate::story::rates::bits;

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Start,
    Client,
    Camera,
    Via,
    State,
    LanRate,
    WanRate,
    Spark,
    LanPackets,
    WanPackets,
    Worst,
    Alg,
    Url,
}

impl Column {
    /// All in the order in which they stand.
    pub(super) const ALL: [Self; 13] = [
        Self::Start,
        Self::Client,
        Self::Camera,
        Self::Via,
        Self::State,
        Self::LanRate,
        Self::WanRate,
        Self::Spark,
        Self::LanPackets,
        Self::WanPackets,
        Self::Worst,
        Self::Alg,
        Self::Url,
    ];

    /// In the order in which they are given up where the screen is narrow, the last first.
    const BY_WEIGHT: [Self; 13] = [
        Self::Worst,
        Self::Client,
        Self::Camera,
        Self::LanPackets,
        Self::WanPackets,
        Self::State,
        Self::Via,
        Self::Alg,
        Self::Spark,
        Self::LanRate,
        Self::WanRate,
        Self::Start,
        Self::Url,
    ];

    /// What stands above it.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Client => "client",
            Self::Camera => "camera",
            Self::Via => "via",
            Self::State => "state",
            Self::LanRate => "LAN rate",
            Self::WanRate => "WAN rate",
            Self::Spark => "rate",
            Self::LanPackets => "RTP LAN",
            Self::WanPackets => "RTP WAN",
            Self::Worst => "worst finding",
            Self::Alg => "ALG",
            Self::Url => "URL",
        }
    }

    /// What it holds, in a sentence.
    pub(super) const fn says(self) -> &'static str {
        match self {
            Self::Start => "time of the first packet",
            Self::Client => "address of the player",
            Self::Camera => "address of the server",
            Self::Via => "what carries the media",
            Self::State => "how far the session came",
            Self::LanRate => "rate of the media at the LAN",
            Self::WanRate => "rate of the media at the WAN",
            Self::Spark => "rate next to the client over time",
            Self::LanPackets => "RTP packets at the LAN",
            Self::WanPackets => "RTP packets at the WAN",
            Self::Worst => "the worst that was found",
            Self::Alg => "what an ALG did, and what that did",
            Self::Url => "what is asked for",
        }
    }

    /// Columns of the screen that it takes; [`Self::Worst`] and [`Self::Url`] take what is left.
    pub(super) fn width(self, rows: &[&SessionRow]) -> usize {
        let longest = |text: fn(&SessionRow) -> &str, least: usize, most: usize| {
            let longest = rows.iter().map(|row| super::text::width(text(row))).max();
            longest.unwrap_or(0).clamp(least, most)
        };
        match self {
            Self::Start | Self::Spark | Self::LanRate | Self::WanRate => 8,
            Self::Client => longest(|row| &row.client, 6, 39),
            Self::Camera => longest(|row| &row.camera, 6, 39),
            Self::Via => longest(|row| row.via, 3, 11),
            Self::State => longest(|row| row.state, 5, 11),
            Self::LanPackets | Self::WanPackets => 7,
            Self::Worst => longest(|row| row.worst_code, 13, 26),
            Self::Alg => longest(|row| &row.alg, 3, 17),
            Self::Url => longest(|row| &row.url, 3, 60),
        }
    }

    /// Whether its values stand at the right.
    pub(super) const fn is_number(self) -> bool {
        matches!(
            self,
            Self::LanRate | Self::WanRate | Self::LanPackets | Self::WanPackets
        )
    }

    /// What it shows of a session; the sparkline is drawn elsewhere.
    pub(super) fn value(self, row: &SessionRow) -> String {
        let known = |value: Option<u64>, shown: fn(u64) -> String| {
            value.map_or_else(|| "–".to_owned(), shown)
        };
        match self {
            Self::Start => time_of_day(row),
            Self::Client => row.client.clone(),
            Self::Camera => row.camera.clone(),
            Self::Via => row.via.to_owned(),
            Self::State => row.state.to_owned(),
            Self::LanRate => known(row.rates[0], bits),
            Self::WanRate => known(row.rates[1], bits),
            Self::LanPackets => known(row.packets[0], super::text::count),
            Self::WanPackets => known(row.packets[1], super::text::count),
            Self::Worst => row.worst_code.to_owned(),
            Self::Alg => row.alg.clone(),
            Self::Url => row.url.clone(),
            Self::Spark => String::new(),
        }
    }
}

fn time_of_day(row: &SessionRow) -> String {
    let time = crate::output::time::rfc3339(row.start);
    time.get(11..19).unwrap_or_default().to_owned()
}

/// Those of `chosen` that fit into `columns`, each with its width, in their order.
pub(super) fn fitting(
    chosen: &[Column],
    columns: usize,
    rows: &[&SessionRow],
) -> Vec<(Column, usize)> {
    let mut left = columns;
    let mut taken: Vec<(Column, usize)> = Vec::new();
    for column in Column::BY_WEIGHT
        .iter()
        .filter(|column| chosen.contains(column))
    {
        let width = column.width(rows);
        let gap = usize::from(!taken.is_empty());
        let fits = if taken.is_empty() {
            width.min(left)
        } else {
            width
        };
        if fits + gap <= left && fits > 0 {
            taken.push((*column, fits));
            left -= fits + gap;
        }
    }
    // What is left goes to the URL, else to the finding.
    let widest = [Column::Url, Column::Worst]
        .into_iter()
        .find_map(|wanted| taken.iter().position(|(column, _)| *column == wanted));
    if let Some((_, width)) = widest.and_then(|at| taken.get_mut(at)) {
        *width += left;
    }
    taken.sort_by_key(|(column, _)| Column::ALL.iter().position(|known| known == column));
    taken
}

/// The order of two sessions by a column; equal ones stay in order of their begin.
pub(super) fn compare(column: Column, a: &SessionRow, b: &SessionRow) -> Ordering {
    let order = match column {
        Column::Start => a.start.cmp(&b.start),
        Column::Client => a.client.cmp(&b.client),
        Column::Camera => a.camera.cmp(&b.camera),
        Column::Via => a.via.cmp(b.via),
        Column::State => a.state.cmp(b.state),
        Column::LanRate | Column::Spark => b.rates[0].cmp(&a.rates[0]),
        Column::WanRate => b.rates[1].cmp(&a.rates[1]),
        Column::LanPackets => b.packets[0].cmp(&a.packets[0]),
        Column::WanPackets => b.packets[1].cmp(&a.packets[1]),
        Column::Worst => b.worst.cmp(&a.worst).then(a.worst_code.cmp(b.worst_code)),
        Column::Alg => a.alg.cmp(&b.alg),
        Column::Url => a.url.cmp(&b.url),
    };
    order.then(a.start.cmp(&b.start)).then(a.id.cmp(&b.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> SessionRow {
        SessionRow {
            client: "192.168.1.100".to_owned(),
            camera: "203.0.113.10".to_owned(),
            via: "udp",
            state: "ended",
            worst_code: "rtp-never-arrived",
            alg: "none/missing".to_owned(),
            url: "rtsp://203.0.113.10/test".to_owned(),
            ..SessionRow::default()
        }
    }

    fn titles(columns: usize) -> Vec<&'static str> {
        let row = row();
        let fitting = fitting(&Column::ALL, columns, &[&row]);
        let used: usize = fitting.iter().map(|(_, width)| width + 1).sum();
        assert!(used <= columns + 1, "{columns}");
        fitting
            .into_iter()
            .map(|(column, _)| column.title())
            .collect()
    }

    #[test]
    fn a_narrow_list_keeps_what_matters_most() {
        assert_eq!(titles(38), ["client", "state", "worst finding"]);
        assert_eq!(
            titles(78),
            [
                "client",
                "camera",
                "via",
                "state",
                "RTP LAN",
                "RTP WAN",
                "worst finding"
            ]
        );
        assert_eq!(titles(160).len(), 13);
    }

    #[test]
    fn the_worst_session_comes_first_when_sorted_by_findings() {
        let bad = SessionRow {
            worst: Some(rtspscope_engine::Severity::Error),
            ..row()
        };
        let fine = SessionRow {
            worst: None,
            ..row()
        };
        assert_eq!(compare(Column::Worst, &bad, &fine), Ordering::Less);
    }
}
