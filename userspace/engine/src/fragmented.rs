//! Of which flows datagrams come in fragments, and how many of them become whole.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use rtspscope_wire::TapId;

use crate::locator::Locator;
use crate::model::Fragmented;

type Ends = (TapId, SocketAddr, SocketAddr);

/// Counts for each directed UDP flow at each tap.
#[derive(Clone, Debug)]
pub(crate) struct FragmentedFlows {
    flows: BTreeMap<Ends, Flow>,
    max: usize,
}

/// The counts of a flow.
#[derive(Clone, Copy, Debug, Default)]
struct Flow {
    counts: Fragmented,
    /// Identification of the last datagram that began.
    begun: Option<u32>,
}

impl FragmentedFlows {
    pub(crate) const fn new(max: usize) -> Self {
        Self {
            flows: BTreeMap::new(),
            max,
        }
    }

    /// The first fragment of a datagram with this identification came. Where it comes once more, as where a capture holds each
    /// packet twice, no other datagram begins.
    pub(crate) fn begin(&mut self, at: Locator, from: SocketAddr, to: SocketAddr, id: u32) {
        let ends = (at.tap, from, to);
        if self.flows.len() < self.max || self.flows.contains_key(&ends) {
            let flow = self.flows.entry(ends).or_default();
            if flow.begun.replace(id) != Some(id) {
                flow.counts.begun += 1;
                flow.counts.first.get_or_insert(at);
            }
        }
    }

    /// A datagram that had begun is whole.
    pub(crate) fn complete(&mut self, tap: TapId, from: SocketAddr, to: SocketAddr) {
        if let Some(flow) = self.flows.get_mut(&(tap, from, to)) {
            flow.counts.whole += 1;
        }
    }

    /// A tap that shows first fragments only showed that of a datagram.
    pub(crate) fn leave_alone(&mut self, tap: TapId, from: SocketAddr, to: SocketAddr) {
        if let Some(flow) = self.flows.get_mut(&(tap, from, to)) {
            flow.counts.alone += 1;
        }
    }

    /// Forgets flows of which neither end passes `is_named`.
    pub(crate) fn forget(&mut self, is_named: impl Fn(SocketAddr) -> bool) {
        self.flows
            .retain(|(_, from, to), _| is_named(*from) || is_named(*to));
    }

    /// The sum over the flows of a tap whose sender and receiver pass `is_it`.
    pub(crate) fn sum(
        &self,
        tap: TapId,
        is_it: impl Fn(SocketAddr, SocketAddr) -> bool,
    ) -> Fragmented {
        let flows = self.flows.iter();
        let own = flows.filter(|((at, from, to), _)| *at == tap && is_it(*from, *to));
        let own = own.map(|(_, flow)| &flow.counts);
        own.fold(Fragmented::default(), |sum, flow| Fragmented {
            begun: sum.begun + flow.begun,
            whole: sum.whole + flow.whole,
            alone: sum.alone + flow.alone,
            first: sum
                .first
                .into_iter()
                .chain(flow.first)
                .min_by_key(|first| first.at),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::{LAN, WAN, addr, at};

    #[test]
    fn flows_are_counted_apart_and_summed_by_their_ends() {
        let mut flows = FragmentedFlows::new(2);
        let camera = addr("203.0.113.10:6970");
        let (one, other, third) = (
            addr("10.0.0.1:5000"),
            addr("10.0.0.1:5002"),
            addr("10.0.0.1:9"),
        );
        let begun = [(2.0, one), (1.0, other), (3.0, one), (4.0, third)];
        for (id, (secs, to)) in (1..).zip(begun) {
            flows.begin(at(WAN, secs, 1), camera, to, id);
        }
        flows.complete(WAN, camera, one);
        flows.complete(WAN, camera, third);
        flows.leave_alone(WAN, camera, other);
        let all = flows.sum(WAN, |from, _| from == camera);
        assert_eq!(
            (all.begun, all.whole, all.alone, all.first),
            (3, 1, 1, Some(at(WAN, 1.0, 1)))
        );
        assert_eq!(flows.sum(LAN, |_, _| true), Fragmented::default());
    }

    #[test]
    fn a_first_fragment_that_is_there_twice_begins_one_datagram() {
        let mut flows = FragmentedFlows::new(2);
        let (from, to) = (addr("203.0.113.10:6970"), addr("10.0.0.1:5000"));
        for id in [7, 7, 8, 8, 9] {
            flows.begin(at(LAN, 1.0, 1), from, to, id);
        }
        assert_eq!(flows.sum(LAN, |_, _| true).begun, 3);
    }
}
