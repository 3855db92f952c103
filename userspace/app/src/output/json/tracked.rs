//! What netfilter's connection tracking says, in the contract's shape.

use rtspscope_engine::model::{self, Expected, Netfilter, Session};
use rtspscope_engine::{Locator, Snapshot};
use rtspscope_wire::netfilter;

use super::schema::{Alg, Expectation, Mapping, Tuple};
use super::setup;
use crate::output::names;
use crate::output::privacy::own;
use crate::output::time::rfc3339;

pub(super) fn mappings(told: &Netfilter) -> Vec<Mapping> {
    let entries = told.connection.iter().chain(&told.mappings);
    entries.map(mapping).collect()
}

pub(super) fn alg(snapshot: &Snapshot, session: &Session) -> Alg {
    let told = session.netfilter.as_ref();
    Alg {
        action: names::action(session.alg.action),
        effect: names::effect(session.alg.effect),
        helper: told.and_then(Netfilter::helper).map(own),
        expectations: told.map(|told| told.expectations.iter().map(expectation).collect()),
        assignment: setup::assignment(snapshot, session),
    }
}

fn mapping(entry: &model::Mapping) -> Mapping {
    let (first_at, first_frame) = place(entry.first);
    Mapping {
        protocol: protocol(entry.original),
        original: tuple(entry.original),
        reply: tuple(entry.reply),
        status: entry.status.words().collect(),
        helper: entry.helper.as_deref().map(own),
        zone: entry.zone,
        timeout_s: entry.timeout_secs,
        sequence_offsets: entry.sequence_offsets,
        began: entry.began,
        first_at,
        first_frame,
        ended_at: entry.ended.map(|ended| rfc3339(ended.at)),
        ended_frame: entry.ended.and_then(|ended| ended.frame),
    }
}

fn expectation(expected: &Expected) -> Expectation {
    let (first_at, first_frame) = place(expected.first);
    Expectation {
        protocol: protocol(expected.expected),
        from: expected.expected.from.to_string(),
        to: expected.expected.to.to_string(),
        forwarded_to: expected.forwarded_to.map(|to| to.to_string()),
        helper: expected.helper.as_deref().map(own),
        timeout_s: expected.timeout_secs,
        first_at,
        first_frame,
        ended_at: expected.ended.map(|ended| rfc3339(ended.at)),
        ended_frame: expected.ended.and_then(|ended| ended.frame),
    }
}

fn place(at: Locator) -> (String, Option<u64>) {
    (rfc3339(at.at), at.frame)
}

fn tuple(tuple: netfilter::Tuple) -> Tuple {
    Tuple {
        from: tuple.from.to_string(),
        to: tuple.to.to_string(),
    }
}

fn protocol(tuple: netfilter::Tuple) -> String {
    match tuple.protocol {
        netfilter::Tuple::TCP => "tcp".to_owned(),
        netfilter::Tuple::UDP => "udp".to_owned(),
        number => format!("protocol {number}"),
    }
}
