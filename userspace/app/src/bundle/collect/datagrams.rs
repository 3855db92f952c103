//! Datagrams of media flows: the first ones of each use of a port pair.

use std::collections::HashMap;

use rtspscope_wire::FrameRef;
use rtspscope_wire::decode::Datagram;

use super::super::Reason;
use super::super::plan::{Flow, Plan};

/// How many datagrams each flow had since its ports were last taken into use.
#[derive(Debug, Default)]
pub(super) struct Datagrams {
    seen: HashMap<Flow, u32>,
}

impl Datagrams {
    /// Says why a datagram is to be kept.
    pub(super) fn judge(
        &mut self,
        plan: &Plan,
        frame: &FrameRef<'_>,
        datagram: &Datagram<'_>,
        reasons: &mut Vec<Reason>,
    ) {
        let flow = (frame.tap, datagram.source, datagram.destination);
        let Some(media) = plan.media(flow) else {
            return;
        };
        let seen = self.seen.entry(flow).or_default();
        if media.begins.contains(&frame.number) {
            *seen = 0;
        }
        *seen = seen.saturating_add(1);
        if *seen <= media.wanted && reasons.iter().all(|reason| reason.proves.is_some()) {
            reasons.push(Reason {
                text: media.text.clone(),
                proves: None,
            });
        }
    }
}
