//! The JSON report, read by the names of its contract (schema version 1).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::generate::{StreamTruth, Truth};

/// A report of `analyze`, or the last line of a live run.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    value: Value,
}

impl Report {
    /// Wraps the JSON object.
    pub fn new(value: Value) -> Self {
        Self { value }
    }

    /// The whole JSON object.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The sessions in the order of the report.
    pub fn sessions(&self) -> &[Value] {
        items(&self.value["sessions"])
    }

    /// Codes of all findings.
    pub fn codes(&self) -> BTreeSet<&str> {
        items(&self.value["findings"])
            .iter()
            .filter_map(|finding| finding["code"].as_str())
            .collect()
    }

    /// Codes of the findings of severity `error`.
    pub fn errors(&self) -> BTreeSet<&str> {
        self.of_severity("error")
    }

    /// Codes of the findings of one severity.
    pub fn of_severity(&self, severity: &str) -> BTreeSet<&str> {
        let found = items(&self.value["findings"])
            .iter()
            .filter(|finding| finding["severity"] == severity);
        found
            .filter_map(|finding| finding["code"].as_str())
            .collect()
    }

    /// Packets of all media of a session that arrived at the taps of a role; `kind` is `rtp` or `rtcp`.
    pub fn packets(&self, session: &Value, role: &str, kind: &str) -> u64 {
        let arrivals = items(&session["media"])
            .iter()
            .flat_map(|media| items(&media["arrivals"]));
        let at_role = arrivals.filter(|arrival| self.role(&arrival["tap"]) == role);
        at_role
            .filter_map(|arrival| arrival[kind]["packets"].as_u64())
            .sum()
    }

    /// RTCP sender reports of all media of a session that arrived at the taps of a role.
    pub fn sender_reports(&self, session: &Value, role: &str) -> u64 {
        let arrivals = items(&session["media"])
            .iter()
            .flat_map(|media| items(&media["arrivals"]));
        let at_role = arrivals.filter(|arrival| self.role(&arrival["tap"]) == role);
        at_role
            .filter_map(|arrival| arrival["rtcp"]["sender_reports"].as_u64())
            .sum()
    }

    /// The one session of the stream's client, or why there is not exactly one.
    pub fn session_of(&self, truth: &StreamTruth) -> Result<&Value, String> {
        let mut sessions = self
            .sessions()
            .iter()
            .filter(|session| session["client"]["address"] == *truth.client);
        match (sessions.next(), sessions.next()) {
            (Some(session), None) => Ok(session),
            _ => Err(format!("{}: not exactly one session", truth.client)),
        }
    }

    /// What the first tap's counts of a stream say otherwise than its truth.
    pub fn difference(&self, truth: &StreamTruth) -> Option<String> {
        let session = match self.session_of(truth) {
            Ok(session) => session,
            Err(why) => return Some(why),
        };
        let rtp = &session["media"][truth.medium]["arrivals"][0]["rtp"];
        let keys = [
            "packets",
            "bytes",
            "expected",
            "lost",
            "duplicates",
            "reordered",
        ];
        let counts = keys.map(|key| rtp[key].as_u64());
        let known = [
            truth.packets,
            truth.bytes,
            truth.expected,
            truth.lost,
            truth.duplicates,
            truth.reordered,
        ];
        let (client, medium) = (&truth.client, truth.medium);
        (counts != known.map(Some))
            .then(|| format!("{client} medium {medium}: {counts:?} instead of {known:?}"))
    }

    /// The differences of all streams of a capture.
    pub fn differences(&self, truth: &Truth) -> Vec<String> {
        let streams = truth.streams.iter();
        streams
            .filter_map(|stream| self.difference(stream))
            .collect()
    }

    /// What two looks at the same traffic must agree in, whatever their taps and files are called.
    ///
    /// Per session: URL, client, transport, media packets per role, what was rewritten, the judgement of the ALG and
    /// the codes of the findings.
    pub fn essence(&self) -> Value {
        self.sessions()
            .iter()
            .map(|session| self.session_essence(session))
            .collect()
    }

    /// The report with the names of its taps and files blanked, for comparing the same packets from two files.
    pub fn without_sources(&self) -> Value {
        let mut value = self.value.clone();
        let names: Vec<(String, String)> = items(&value["capture"]["taps"])
            .iter()
            .filter_map(|tap| {
                Some((
                    tap["name"].as_str()?.to_owned(),
                    tap["role"].as_str()?.to_owned(),
                ))
            })
            .collect();
        for tap in value["capture"]["taps"]
            .as_array_mut()
            .into_iter()
            .flatten()
        {
            tap["source"] = Value::Null;
        }
        rename(&mut value, &names);
        value
    }

    fn session_essence(&self, session: &Value) -> Value {
        let packets = ["lan", "wan"]
            .map(|role| ["rtp", "rtcp"].map(|kind| self.packets(session, role, kind)));
        let rewrites: Vec<Value> = items(&session["nat"]["rewrites"])
            .iter()
            .map(|rewrite| {
                json!([
                    rewrite["method"],
                    rewrite["kind"],
                    rewrite["field"],
                    rewrite["pre"],
                    rewrite["post"]
                ])
            })
            .collect();
        let findings: BTreeSet<&str> = items(&session["findings"])
            .iter()
            .filter_map(Value::as_str)
            .collect();
        json!({
            "url": session["url"],
            "client": session["client"]["address"],
            "transport": session["transport"],
            "packets": packets,
            "rewrites": rewrites,
            "alg": [session["alg"]["action"], session["alg"]["effect"]],
            "findings": findings,
        })
    }

    fn role(&self, tap: &Value) -> &str {
        let taps = items(&self.value["capture"]["taps"]);
        taps.iter()
            .find(|known| known["name"] == *tap)
            .and_then(|known| known["role"].as_str())
            .unwrap_or("unknown")
    }
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Replaces every string that is the name of a tap by that tap's role.
fn rename(value: &mut Value, names: &[(String, String)]) {
    match value {
        Value::String(text) => {
            if let Some((_, role)) = names.iter().find(|(name, _)| name == text) {
                text.clone_from(role);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| rename(value, names)),
        Value::Object(fields) => fields.values_mut().for_each(|value| rename(value, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
