//! How far each medium came: what its sender says it sent, what passed each tap, and where it breaks off.

use rtspscope_engine::model::{Arrival, MediaDirection, MediaStream, Session};
use rtspscope_engine::{Snapshot, model};

use super::{Place, places};
use crate::output::privacy::Privacy;

/// Stations along the way of media, and a row for RTP and RTCP of each medium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Matrix {
    /// The places from the server to the client.
    pub(crate) stations: Vec<Station>,
    pub(crate) rows: Vec<MatrixRow>,
}

/// A place that media pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Station {
    pub(crate) title: String,
}

/// One medium's RTP or RTCP along the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MatrixRow {
    /// Index into the session's media.
    pub(crate) media: usize,
    pub(crate) name: String,
    pub(crate) is_rtcp: bool,
    /// It goes the other way: from the client to the server.
    pub(crate) from_client: bool,
    /// What its packets are called: `RTP`, `RTCP`, or `media` that are carried without RTP.
    pub(crate) kind: &'static str,
    /// What one calls several of them.
    pub(crate) unit: &'static str,
    /// What the sender says it sent (its last sender report), as far as a tap heard it.
    pub(crate) sent: Option<u64>,
    /// In the order of the stations.
    pub(crate) cells: Vec<Cell>,
    /// Station at which nothing arrives although it was sent: 0 where it reaches no tap at all.
    pub(crate) break_at: Option<usize>,
}

/// How many packets the sender sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// As its last sender report says.
    Said(u64),
    /// As many passed the first tap that saw any, after its last sender report or without one.
    AtLeast(u64),
}

impl MatrixRow {
    /// The station that a medium which breaks off had passed before.
    pub(crate) fn passed_before_break(&self) -> Option<usize> {
        let at = self.break_at?;
        if self.from_client {
            Some(at + 1).filter(|before| *before < self.cells.len())
        } else {
            at.checked_sub(1)
        }
    }

    /// What was sent; `None` where nothing tells.
    pub(crate) fn sent_in_all(&self) -> Option<Sent> {
        let count = |cell: &Cell| match cell {
            Cell::Came { packets, .. } => Some(*packets),
            Cell::Nothing | Cell::Unknown => None,
        };
        let came = if self.from_client {
            self.cells.iter().rev().find_map(count)
        } else {
            self.cells.iter().find_map(count)
        };
        match (self.sent, came) {
            (Some(said), came) if came.is_none_or(|came| said >= came) => Some(Sent::Said(said)),
            (_, came) => came.map(Sent::AtLeast),
        }
    }
}

/// What passed one station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Came { packets: u64, lost: Option<u64> },
    Nothing,
    Unknown,
}

/// The matrix of a session.
pub(crate) fn of(snapshot: &Snapshot, session: &Session, privacy: Privacy) -> Matrix {
    let mut places = places(session);
    places.reverse();
    let rows = session.media.iter().enumerate().flat_map(|(index, media)| {
        let name = media_name(session, index, privacy);
        [false, true].map(|is_rtcp| row(&places, media, index, &name, is_rtcp))
    });
    Matrix {
        rows: rows.collect(),
        stations: places
            .iter()
            .map(|place| Station {
                title: place.title(snapshot, session),
            })
            .collect(),
    }
}

fn row(
    places: &[Place],
    media: &MediaStream,
    index: usize,
    name: &str,
    is_rtcp: bool,
) -> MatrixRow {
    let arrival = |place: &Place| {
        let mut arrivals = media.arrivals.iter();
        arrivals.find(|arrival| Place::of(arrival) == *place)
    };
    let cells: Vec<Cell> = places
        .iter()
        .map(|place| arrival(place).map_or(Cell::Unknown, |arrival| cell(arrival, is_rtcp)))
        .collect();
    let said = media
        .arrivals
        .iter()
        .filter_map(|arrival| arrival.rtcp.sent_packets);
    let from_client = media.direction == MediaDirection::FromClient;
    let is_expected = media.set_up && !is_rtcp && !from_client;
    let break_at = if from_client {
        let way: Vec<Cell> = cells.iter().rev().copied().collect();
        break_at(&way, is_expected).map(|at| cells.len() - 1 - at)
    } else {
        break_at(&cells, is_expected)
    };
    MatrixRow {
        media: index,
        name: name.to_owned(),
        is_rtcp,
        from_client,
        kind: if is_rtcp { "RTCP" } else { media.matter() },
        unit: if is_rtcp { "datagrams" } else { media.unit() },
        sent: if is_rtcp {
            None
        } else {
            said.max().map(u64::from)
        },
        break_at,
        cells,
    }
}

fn cell(arrival: &Arrival, is_rtcp: bool) -> Cell {
    let (packets, lost) = if is_rtcp {
        (arrival.rtcp.packets, None)
    } else {
        (arrival.rtp.packets, arrival.rtp.lost)
    };
    if packets > 0 {
        Cell::Came { packets, lost }
    } else {
        Cell::Nothing
    }
}

/// On the way from the sender the first station without packets behind one that had some; the first of all where none had
/// any and some should.
fn break_at(cells: &[Cell], is_expected: bool) -> Option<usize> {
    let came = |cell: &Cell| matches!(cell, Cell::Came { .. });
    match cells.iter().rposition(came) {
        Some(last) => {
            let next = cells
                .iter()
                .skip(last + 1)
                .position(|cell| *cell == Cell::Nothing);
            next.map(|next| last + 1 + next)
        }
        None => cells
            .iter()
            .position(|cell| *cell == Cell::Nothing)
            .filter(|_| is_expected),
    }
}

/// What a medium is called: its kind and encoding, marked where a later SETUP took its place, with a number where the session
/// has two that are called alike.
pub(crate) fn media_name(session: &Session, index: usize, privacy: Privacy) -> String {
    let Some(media) = session.media.get(index) else {
        return "medium".to_owned();
    };
    let name = plain_name(media, privacy);
    let same = |other: &model::MediaStream| plain_name(other, privacy) == name;
    if session.media.iter().filter(|media| same(media)).count() > 1 {
        format!("{name} {}", index + 1)
    } else {
        name
    }
}

fn plain_name(media: &MediaStream, privacy: Privacy) -> String {
    let kind = privacy.text(media.kind.as_deref().unwrap_or("medium"));
    let kind = if media.superseded {
        format!("earlier {kind}")
    } else {
        kind
    };
    match &media.encoding {
        Some(encoding) => format!("{kind} {}", privacy.text(encoding)),
        None => kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: Cell = Cell::Came {
        packets: 3,
        lost: None,
    };

    #[test]
    fn a_medium_that_another_took_the_place_of_is_called_earlier() {
        let mut session = crate::output::sample::snapshot().sessions.remove(0);
        let later = session.media[0].clone();
        session.media[0].superseded = true;
        session.media.push(later);
        let name = |index| media_name(&session, index, Privacy::Redact);
        assert_eq!([0, 1].map(name), ["earlier video H264", "video H264"]);
    }

    #[test]
    fn media_break_where_the_first_tap_behind_some_has_none() {
        assert_eq!(break_at(&[SOME, Cell::Nothing], true), Some(1));
        assert_eq!(break_at(&[SOME, SOME], true), None);
        assert_eq!(break_at(&[Cell::Nothing, SOME], true), None);
    }

    #[test]
    fn what_was_never_sent_breaks_at_the_first_tap_if_it_was_agreed_on() {
        assert_eq!(break_at(&[Cell::Nothing, Cell::Nothing], true), Some(0));
        assert_eq!(break_at(&[Cell::Nothing, Cell::Nothing], false), None);
    }

    #[test]
    fn what_passed_counts_more_than_an_older_report() {
        let sent = |said: Option<u64>, cells: &[Cell]| {
            let row = MatrixRow {
                media: 0,
                name: String::new(),
                is_rtcp: false,
                from_client: false,
                kind: "RTP",
                unit: "RTP packets",
                sent: said,
                cells: cells.to_vec(),
                break_at: None,
            };
            row.sent_in_all()
        };
        assert_eq!(sent(Some(5), &[SOME]), Some(Sent::Said(5)));
        assert_eq!(
            sent(Some(2), &[Cell::Nothing, SOME]),
            Some(Sent::AtLeast(3))
        );
        assert_eq!(sent(None, &[Cell::Nothing]), None);
    }

    #[test]
    fn a_tap_that_cannot_tell_breaks_nothing() {
        assert_eq!(break_at(&[SOME, Cell::Unknown], true), None);
    }

    #[test]
    fn the_sample_breaks_at_the_lan() {
        let snapshot = crate::output::sample::snapshot();
        let matrix = of(&snapshot, &snapshot.sessions[0], Privacy::Redact);
        let titles: Vec<&str> = matrix
            .stations
            .iter()
            .map(|station| station.title.as_str())
            .collect();
        assert_eq!(titles, ["WAN", "LAN"]);
        let rtp = &matrix.rows[0];
        assert_eq!((rtp.name.as_str(), rtp.break_at), ("video H264", Some(1)));
        assert_eq!(
            rtp.cells[0],
            Cell::Came {
                packets: 257,
                lost: Some(2)
            }
        );
        assert_eq!(rtp.cells[1], Cell::Nothing);
    }
}
