//! Compound RTCP packets (RFC 3550 §6, RFC 3611, RFC 4585), read tolerantly: a wrong length or a cut capture ends the reading
//! and nothing else, and reduced-size packets (RFC 5506) that begin with any type are read as well.

mod blocks;
mod extended;
mod feedback;
mod packets;
#[cfg(test)]
mod tests;

pub use blocks::{ReportBlock, ReportBlocks, Sources};
pub use extended::{ExtendedBlock, ExtendedBlocks, StatisticsSummary, SubBlock, SubBlocks};
pub use feedback::{Feedback, FeedbackMessage, Nacks};
pub use packets::{
    App, Bye, Chunks, ExtendedReport, Header, Packet, Packets, ReceiverReport, SdesChunk,
    SenderReport, packets,
};
