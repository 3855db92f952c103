//! Rows of media: what the client sent from its media ports, RTP and RTCP from the sender, and where it stood still.

use rtspscope_engine::Locator;
use rtspscope_engine::model::{
    Arrival, ClientDatagrams, MediaDirection, MediaStream, Side, Silence,
};
use rtspscope_wire::TapId;

use super::{Making, Row, Seen, What};
use crate::story::Place;
use crate::story::matrix::media_name;
use crate::story::rates;

pub(super) fn rows(making: &Making<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    for (index, media) in making.session.media.iter().enumerate() {
        let drawing = Drawing {
            making,
            media,
            index,
            name: media_name(making.session, index, making.privacy),
        };
        if media.direction == MediaDirection::FromServer {
            rows.extend(drawing.punches(false));
        }
        rows.extend(drawing.punches(true));
        rows.extend(drawing.rtp());
        rows.extend(drawing.reports());
        rows.extend(drawing.silences());
    }
    rows
}

/// The rows of one medium.
struct Drawing<'a> {
    making: &'a Making<'a>,
    media: &'a MediaStream,
    index: usize,
    name: String,
}

impl Drawing<'_> {
    fn arrival(&self, place: Place) -> Option<&Arrival> {
        let mut arrivals = self.media.arrivals.iter();
        arrivals.find(|arrival| Place::of(arrival) == place)
    }

    /// What each lane saw, by a count and a place within its arrival.
    fn seen(&self, of: impl Fn(&Arrival) -> (u64, Option<Locator>)) -> Vec<Seen> {
        let at_place = |place: &Place| match self.arrival(*place).map(&of) {
            Some((packets, Some(at))) if packets > 0 => Seen::Passed {
                at,
                packets: Some(packets),
            },
            // A tap that could not have seen it has no arrival.
            Some(_) => Seen::Not,
            None => Seen::Unknown,
        };
        self.making.places.iter().map(at_place).collect()
    }

    fn rtp(&self) -> Option<Row> {
        let seen = self.seen(|arrival| (arrival.rtp.packets, arrival.rtp.first));
        let at = self.making.first(&seen)?;
        let arrivals = self.media.arrivals.iter();
        let rate = arrivals.filter_map(|arrival| arrival.rtp.bitrate_bps).max();
        let rate = rate.map_or_else(String::new, |bps| format!(" {}", rates::bits(bps)));
        let label = format!("{} {}{rate}", self.media.matter(), self.name);
        let what = What::Media { media: self.index };
        Some(self.making.row(at, Some(self.sender()), what, label, seen))
    }

    fn reports(&self) -> Option<Row> {
        let seen = self.seen(|arrival| (arrival.rtcp.packets, arrival.rtcp.first));
        let at = self.making.first(&seen)?;
        let what = What::Reports { media: self.index };
        let label = format!("RTCP {}", self.name);
        Some(self.making.row(at, Some(self.sender()), what, label, seen))
    }

    fn sender(&self) -> Side {
        match self.media.direction {
            MediaDirection::FromServer => Side::Server,
            MediaDirection::FromClient => Side::Client,
        }
    }

    /// What the client sent from its RTP port, or from its RTCP port.
    fn punches(&self, rtcp_port: bool) -> Option<Row> {
        let of_arrival = |arrival: &Arrival| {
            let sent = || {
                let sent = arrival.from_client.iter();
                sent.filter(|sent| sent.rtcp_port == rtcp_port)
            };
            let first = sent().map(|sent: &ClientDatagrams| sent.first);
            (
                sent().map(|sent| sent.packets).sum(),
                first.min_by_key(|first| first.at),
            )
        };
        let seen = self.seen(of_arrival);
        let at = self.making.first(&seen)?;
        let port = if rtcp_port { "RTCP" } else { "RTP" };
        let label = format!("from the {port} port, {}", self.name);
        let what = What::Punch { media: self.index };
        Some(self.making.row(at, Some(Side::Client), what, label, seen))
    }

    /// Where the media stood still, at the tap nearest to the client that has them.
    fn silences(&self) -> Vec<Row> {
        let near = self.making.places.iter();
        let near = near
            .filter_map(|place| self.arrival(*place))
            .find(|arrival| arrival.rtp.packets > 0);
        let silences = near.and_then(|arrival| Some((arrival.tap, arrival.timeline.as_ref()?)));
        let Some((tap, timeline)) = silences else {
            return Vec::new();
        };
        let silences = timeline.silences.iter();
        silences.map(|silence| self.silence(tap, silence)).collect()
    }

    fn silence(&self, tap: TapId, silence: &Silence) -> Row {
        let lasted = silence.until - silence.from;
        let place = Locator {
            tap,
            frame: None,
            at: silence.from,
            stream_offset: None,
        };
        let what = What::Silence {
            media: self.index,
            lasted,
        };
        let label = format!(
            "no {} {} for {:.1} s",
            self.media.matter(),
            self.name,
            lasted.as_secs_f64()
        );
        let making = self.making;
        making.row(place, None, what, label, making.unseen())
    }
}
