//! What netfilter's connection tracking says, in the contract's shape.

use rtspscope_engine::Snapshot;
use rtspscope_engine::model::{self, Expected, Netfilter, Session};
use rtspscope_wire::netfilter;

use super::schema::{Alg, Expectation, Mapping, Tuple};
use super::setup;
use crate::output::names;
use crate::output::place::find;
use crate::output::privacy::own;
use crate::output::time::rfc3339;

pub(super) fn mappings(snapshot: &Snapshot, told: &Netfilter) -> Vec<Mapping> {
    let entries = told.connection.iter().chain(&told.mappings);
    entries.map(|entry| mapping(snapshot, entry)).collect()
}

pub(super) fn alg(snapshot: &Snapshot, session: &Session) -> Alg {
    let told = session.netfilter.as_ref();
    Alg {
        action: names::action(session.alg.action),
        effect: names::effect(session.alg.effect),
        helper: told.and_then(Netfilter::helper).map(own),
        expectations: told.map(|told| {
            let expected = told.expectations.iter();
            expected.map(|one| expectation(snapshot, one)).collect()
        }),
        assignment: setup::assignment(snapshot, session),
    }
}

fn mapping(snapshot: &Snapshot, entry: &model::Mapping) -> Mapping {
    let first = find(snapshot, entry.first);
    let ended = entry.ended.map(|ended| find(snapshot, ended));
    let ended = ended.unwrap_or_default();
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
        first_at: rfc3339(entry.first.at),
        first_frame: first.frame,
        first_file: first.file,
        ended_at: entry.ended.map(|ended| rfc3339(ended.at)),
        ended_frame: ended.frame,
        ended_file: ended.file,
    }
}

fn expectation(snapshot: &Snapshot, expected: &Expected) -> Expectation {
    let first = find(snapshot, expected.first);
    let ended = expected.ended.map(|ended| find(snapshot, ended));
    let ended = ended.unwrap_or_default();
    Expectation {
        protocol: protocol(expected.expected),
        from: expected.expected.from.to_string(),
        to: expected.expected.to.to_string(),
        forwarded_to: expected.forwarded_to.map(|to| to.to_string()),
        helper: expected.helper.as_deref().map(own),
        timeout_s: expected.timeout_secs,
        first_at: rfc3339(expected.first.at),
        first_frame: first.frame,
        first_file: first.file,
        ended_at: expected.ended.map(|ended| rfc3339(ended.at)),
        ended_frame: ended.frame,
        ended_file: ended.file,
    }
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
