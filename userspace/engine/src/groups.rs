//! Who said at which tap that it listens to which multicast group.

use std::collections::BTreeMap;
use std::net::IpAddr;

use rtspscope_wire::TapId;
use rtspscope_wire::decode::{Membership, MembershipKind};

use crate::locator::Locator;
use crate::model::GroupJoin;

/// The first words of each host about each group, at all taps.
#[derive(Clone, Debug)]
pub(crate) struct Groups {
    said: BTreeMap<(TapId, IpAddr, IpAddr), Said>,
    max: usize,
}

#[derive(Clone, Copy, Debug)]
struct Said {
    /// Anything about the group.
    first: Locator,
    /// That the host listens to it.
    joined: Option<Locator>,
}

impl Groups {
    pub(crate) const fn new(max: usize) -> Self {
        Self {
            said: BTreeMap::new(),
            max,
        }
    }

    /// Keeps what a host says; a router's query tells nothing about a host.
    pub(crate) fn note(&mut self, message: &Membership<'_>, at: Locator) {
        if message.says == MembershipKind::Query {
            return;
        }
        for change in message.changes() {
            let key = (at.tap, change.group, message.from);
            if self.said.len() >= self.max && !self.said.contains_key(&key) {
                return;
            }
            let said = self.said.entry(key).or_insert(Said {
                first: at,
                joined: None,
            });
            if change.listens {
                said.joined.get_or_insert(at);
            }
        }
    }

    /// Hosts that listen to a group, in order of their first word.
    pub(crate) fn joins(&self, tap: TapId, group: IpAddr) -> Vec<GroupJoin> {
        let of_group = self
            .said
            .iter()
            .filter(|((its_tap, its_group, _), _)| (*its_tap, *its_group) == (tap, group));
        let mut joins: Vec<GroupJoin> = of_group
            .filter_map(|((_, _, host), said)| {
                Some(GroupJoin {
                    host: *host,
                    at: said.joined?,
                })
            })
            .collect();
        joins.sort_by_key(|join| join.at.at);
        joins
    }

    /// The first word of any host of a tap about any group, the given host's before others'.
    pub(crate) fn heard(&self, tap: TapId, host: IpAddr) -> Option<(IpAddr, Locator)> {
        let at_tap = self
            .said
            .iter()
            .filter(|((its_tap, _, _), _)| *its_tap == tap);
        at_tap
            .map(|((_, _, speaker), said)| (*speaker, said.first))
            .min_by_key(|(speaker, first)| (*speaker != host, first.at))
    }
}

#[cfg(test)]
mod tests {
    use rtspscope_wire::decode::MembershipKind;

    use super::*;
    use crate::testkit::{LAN, WAN, at};

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn says(groups: &mut Groups, secs: f64, host: &str, says: MembershipKind<'_>) {
        let message = Membership {
            from: ip(host),
            says,
        };
        groups.note(&message, at(LAN, secs, 1));
    }

    #[test]
    fn the_first_report_of_a_host_counts() {
        let mut groups = Groups::new(10);
        let group = ip("239.0.0.1");
        says(&mut groups, 3.0, "10.0.0.2", MembershipKind::Listens(group));
        says(&mut groups, 1.0, "10.0.0.3", MembershipKind::Listens(group));
        says(&mut groups, 9.0, "10.0.0.3", MembershipKind::Listens(group));
        let hosts = |tap| -> Vec<(String, f64)> {
            let joins = groups.joins(tap, group);
            let told = |join: &GroupJoin| (join.host.to_string(), join.at.at.0 as f64 / 1e9);
            joins.iter().map(told).collect()
        };
        let expected = [("10.0.0.3".to_owned(), 1.0), ("10.0.0.2".to_owned(), 3.0)];
        assert_eq!(hosts(LAN), expected);
        assert_eq!(hosts(WAN), []);
    }

    #[test]
    fn a_host_that_leaves_is_heard_and_a_router_that_asks_is_not() {
        let mut groups = Groups::new(10);
        let (group, host) = (ip("239.0.0.1"), ip("10.0.0.2"));
        says(&mut groups, 1.0, "10.0.0.1", MembershipKind::Query);
        assert_eq!(groups.heard(LAN, host), None);
        says(&mut groups, 2.0, "10.0.0.2", MembershipKind::Leaves(group));
        assert_eq!(groups.heard(LAN, host), Some((host, at(LAN, 2.0, 1))));
        assert_eq!(groups.joins(LAN, group), []);
    }

    #[test]
    fn a_full_table_keeps_what_it_has() {
        let mut groups = Groups::new(1);
        let (first, second) = (ip("239.0.0.1"), ip("239.0.0.2"));
        says(&mut groups, 1.0, "10.0.0.2", MembershipKind::Leaves(first));
        says(
            &mut groups,
            2.0,
            "10.0.0.2",
            MembershipKind::Listens(second),
        );
        says(&mut groups, 3.0, "10.0.0.2", MembershipKind::Listens(first));
        assert_eq!(groups.joins(LAN, second), []);
        assert_eq!(groups.joins(LAN, first).len(), 1);
    }
}
