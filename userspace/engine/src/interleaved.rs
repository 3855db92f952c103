//! Media inside the RTSP connection: counters for each direction and channel (RFC 2326 §10.12).

use rtsp_ebpf_common::flow::{FlowStats, Payload};

use crate::counting::{GoesOn, MediaCount};
use crate::input::{ChannelAt, ChannelCounters, ChannelReport, PictureTotals};
use crate::locator::Locator;
use crate::record::Room;

/// One channel in one direction.
#[derive(Clone, Debug)]
struct Channel {
    /// Which end of the connection sends.
    sender: usize,
    number: u8,
    /// Uses of the channel that ended, oldest first.
    past: Vec<MediaCount>,
    count: Box<MediaCount>,
    /// Counts before the kernel took over, while it has.
    before: Option<Box<FlowStats>>,
    /// All was counted elsewhere.
    is_total: bool,
}

impl Channel {
    /// Whether a further use can be kept apart.
    fn has_room(&self, room: Room<'_>) -> bool {
        room.channels && self.past.len() + 1 < room.limits.epochs
    }

    fn end_use(&mut self) {
        self.past.push(std::mem::take(&mut *self.count));
    }

    fn uses(&self) -> impl Iterator<Item = &MediaCount> {
        self.past.iter().chain(std::iter::once(&*self.count))
    }
}

/// A channel that was not counted because of a cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

/// The channels of one connection; at most 256 for each direction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Channels {
    channels: Vec<Channel>,
}

impl Channels {
    /// Channels that are counted, each use for itself.
    pub(crate) fn len(&self) -> usize {
        let uses = self.channels.iter().map(|channel| channel.past.len() + 1);
        uses.sum()
    }

    /// What comes from now on is another use of the channels; beyond the caps the uses run together.
    pub(crate) fn begin_anew(&mut self, numbers: [u8; 2], room: Room<'_>) {
        let named = |channel: &&mut Channel| {
            numbers.contains(&channel.number)
                && channel.before.is_none()
                && !channel.is_total
                && channel.count.stats.packets > 0
                && channel.has_room(room)
        };
        self.channels
            .iter_mut()
            .filter(named)
            .for_each(Channel::end_use);
    }

    /// Counts an interleaved frame of `len` bytes, of which `head` is known. Returns the SSRC when this frame is the
    /// one that proves the channel to carry RTP.
    pub(crate) fn count(
        &mut self,
        sender: usize,
        number: u8,
        head: &[u8],
        len: u16,
        at: Locator,
        room: Room<'_>,
    ) -> Result<Option<u32>, NoRoom> {
        let payload = Payload::read(head, u32::from(len));
        let index = self.place(sender, number, room)?;
        let channel = self.channels.get_mut(index).ok_or(NoRoom)?;
        if channel.is_total {
            return Ok(None);
        }
        let count = &mut channel.count;
        let was_media = count.is_media();
        count.update(&payload, head, at);
        if count.is_followed() || (room.timelines && count.is_media()) {
            count.follow();
        }
        let began = !was_media && count.is_media();
        let main = count.stats.main_source().filter(|_| began);
        Ok(main.map(|main| main.ssrc))
    }

    /// The place of a channel, which is made where there is none.
    fn place(&mut self, sender: usize, number: u8, room: Room<'_>) -> Result<usize, NoRoom> {
        let mut channels = self.channels.iter();
        let is_it = |channel: &Channel| channel.sender == sender && channel.number == number;
        if let Some(found) = channels.position(is_it) {
            return Ok(found);
        }
        let index = self.channels.len();
        if !room.channels || index >= room.limits.channels {
            return Err(NoRoom);
        }
        self.channels.push(Channel {
            sender,
            number,
            past: Vec::new(),
            count: Box::default(),
            before: None,
            is_total: false,
        });
        Ok(index)
    }

    /// Takes in what was counted of a use of a channel in all, in the place of what was counted here; nothing is counted after
    /// that. The uses of a channel come in order of time.
    pub(crate) fn set_totals(&mut self, sender: usize, totals: &ChannelCounters, room: Room<'_>) {
        let place = self.place(sender, totals.channel, room);
        if let Some(channel) = place.ok().and_then(|place| self.channels.get_mut(place)) {
            if !channel.is_total {
                channel.past.clear();
            } else if totals.stats.first_ns > channel.count.stats.last_ns && channel.has_room(room)
            {
                channel.end_use();
            }
            channel.count.go_on_with(&totals.stats, totals);
            channel.before = None;
            channel.is_total = true;
        }
    }

    /// The sender, number and counts of each use of a channel that carried RTP or RTCP.
    pub(crate) fn totals(&self) -> impl Iterator<Item = (usize, u8, &FlowStats)> {
        let counted = self.channels.iter().flat_map(|channel| {
            let uses = channel.uses();
            uses.map(|count| (channel.sender, channel.number, &count.stats))
        });
        counted.filter(|(.., stats)| stats.rtp_packets() > 0 || stats.rtcp.packets > 0)
    }

    /// The sender, number and counts of each use of a channel with media.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (usize, u8, &MediaCount)> {
        self.channels.iter().flat_map(|channel| {
            let uses = channel.uses();
            uses.map(|count| (channel.sender, channel.number, count))
        })
    }

    /// Takes in what was told of the pictures of a channel.
    pub(crate) fn set_pictures(&mut self, sender: usize, totals: &PictureTotals) {
        let mut own = self.of(sender);
        let found = own.find(|channel| Some(channel.number) == totals.channel);
        if let Some(channel) = found {
            channel.count.set_pictures(totals);
        }
    }

    /// Takes note of where what an end sends goes on after another PLAY.
    pub(crate) fn go_on(&mut self, sender: usize, how: &GoesOn) {
        let counted_here = |channel: &&mut Channel| channel.before.is_none() && !channel.is_total;
        for channel in self.of(sender).filter(counted_here) {
            channel.count.go_on(how);
        }
    }

    /// The kernel begins to count what an end sends.
    pub(crate) fn take_over(&mut self, sender: usize) {
        for channel in self.of(sender) {
            channel.before = Some(Box::new(channel.count.stats));
        }
    }

    /// Takes in what the kernel has counted since it began to.
    pub(crate) fn set_kernel_counts(&mut self, sender: usize, counters: &ChannelCounters) {
        let found = self
            .of(sender)
            .find(|channel| channel.number == counters.channel);
        if let Some(channel) = found
            && let Some(before) = channel.before.as_deref()
        {
            let mut stats = *before;
            stats.append(&counters.stats, counters.clock_rate);
            channel.count.go_on_with(&stats, counters);
        }
    }

    /// Counts a report that the kernel has handed over, also with what stands before its counts: where a channel carries RTP
    /// too (RFC 5761), those replace what was counted since.
    pub(crate) fn count_report(
        &mut self,
        sender: usize,
        report: &ChannelReport,
        at: Locator,
        room: Room<'_>,
    ) -> Result<(), NoRoom> {
        let len = u16::try_from(report.bytes.len()).unwrap_or(u16::MAX);
        self.count(sender, report.channel, &report.bytes, len, at, room)?;
        let found = self
            .of(sender)
            .find(|channel| channel.number == report.channel);
        if let Some(before) = found.and_then(|channel| channel.before.as_deref_mut()) {
            let payload = Payload::read(&report.bytes, len.into());
            before.record(&payload, at.at.as_nanos(), 0);
        }
        Ok(())
    }

    /// The kernel counts no more.
    pub(crate) fn give_back(&mut self, sender: usize) {
        for channel in self.of(sender) {
            channel.before = None;
        }
    }

    /// Where the channels stand on which an end sent RTP.
    pub(crate) fn places(&self, sender: usize) -> Vec<ChannelAt> {
        let own = self
            .channels
            .iter()
            .filter(|channel| channel.sender == sender && channel.count.is_media());
        let places = own.filter_map(|channel| {
            let last = channel.count.last_source()?;
            Some(ChannelAt {
                channel: channel.number,
                ssrc: last.ssrc,
                payload_type: last.payload_type,
                number: last.extended_highest() as u16,
                key_pictures: channel.count.key_pictures(last.ssrc),
            })
        });
        places.collect()
    }

    fn of(&mut self, sender: usize) -> impl Iterator<Item = &mut Channel> {
        let channels = self.channels.iter_mut();
        channels.filter(move |channel| channel.sender == sender)
    }

    /// What an end sent on a channel, each use for itself, in order of time.
    pub(crate) fn uses(&self, sender: usize, number: u8) -> impl Iterator<Item = &MediaCount> {
        let mut channels = self.channels.iter();
        let found =
            channels.find(move |channel| channel.sender == sender && channel.number == number);
        found.into_iter().flat_map(Channel::uses)
    }

    /// Channels on which an end sent RTP, in order.
    pub(crate) fn with_media(&self, sender: usize) -> Vec<u8> {
        let own = self
            .channels
            .iter()
            .filter(|channel| channel.sender == sender);
        let carries = own.filter(|channel| channel.uses().any(MediaCount::is_media));
        let mut numbers: Vec<u8> = carries.map(|channel| channel.number).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Which end sent more RTP, where either did.
    pub(crate) fn main_sender(&self) -> Option<usize> {
        let sent = |end| -> u64 {
            let channels = self.channels.iter().filter(|channel| channel.sender == end);
            let uses = channels.flat_map(Channel::uses);
            uses.map(|count| count.stats.rtp_packets()).sum()
        };
        let (low, high) = (sent(0), sent(1));
        (low != high).then_some(usize::from(high > low))
    }
}
