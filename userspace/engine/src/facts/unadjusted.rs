//! Sequence numbers that a router did not adjust after it had changed the length of a request.
//!
//! A helper that works in place must add what it added to the text to every sequence number behind it, and take it from
//! every acknowledgement. Where it does not, the two ends count differently from there on: of a text that grew the server
//! acknowledges more than the client ever sent, and of one that shrank the server waits for bytes that never come. Either
//! way one leg lacks just as many bytes as the change had, right behind the changed request.

use super::SessionFacts;
use crate::locator::Locator;
use crate::model::{Exchange, Leg, Side};
use crate::nat::align::align;

/// A change of length after which nothing fits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unadjusted<'a> {
    /// The changed request at the pre-NAT leg.
    pub(crate) exchange: &'a Exchange,
    /// Bytes by which it grew.
    pub(crate) grown: i64,
    /// The leg that lacks bytes.
    pub(crate) leg: &'a Leg,
    /// Where they are missing.
    pub(crate) at: Locator,
}

impl<'a> SessionFacts<'a> {
    /// The request after whose change the numbers no longer fit.
    pub(crate) fn unadjusted(self) -> Option<Unadjusted<'a>> {
        let nat = self.session.nat.as_ref().filter(|nat| !nat.proxied)?;
        if nat.rewrites.is_empty() || self.capture.may_lack_segments() {
            return None;
        }
        let legs = &self.session.legs;
        let (pre, post) = (legs.get(nat.pre)?, legs.get(nat.post)?);
        let pairs = align(pre, post).into_iter();
        let changed = pairs.filter_map(|pair| {
            let (before, after) = (pre.exchanges.get(pair.a?)?, post.exchanges.get(pair.b?)?);
            let grown = len(after)? - len(before)?;
            (grown != 0).then_some((before, grown))
        });
        let mut changed = changed.filter(|(before, _)| before.by == Side::Client);
        changed.find_map(|(exchange, grown)| {
            let leg = if grown > 0 { pre } else { post };
            let at = gap_of(leg, grown.unsigned_abs(), exchange)?;
            Some(Unadjusted {
                exchange,
                grown,
                leg,
                at,
            })
        })
    }
}

fn len(exchange: &Exchange) -> Option<i64> {
    i64::try_from(exchange.request.as_ref()?.raw.len()).ok()
}

/// The gap of a leg, where it has just so many bytes and nothing was answered behind it.
fn gap_of(leg: &Leg, bytes: u64, changed: &Exchange) -> Option<Locator> {
    let gap = leg.first_gap.filter(|_| leg.missing_bytes == bytes)?;
    let own = leg.exchanges.iter().find(|exchange| {
        (exchange.by, exchange.cseq, &exchange.method)
            == (changed.by, changed.cseq, &changed.method)
    })?;
    (gap.at >= own.request.as_ref()?.at.at).then_some(gap)
}
