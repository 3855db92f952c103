//! Messages of netlink: what they tell lies in them, whatever the byte order, and the engine keeps within its caps.

use rtspscope_engine::{Conntrack, Engine, EngineOptions, Input, Limits};
use rtspscope_wire::Timestamp;
use rtspscope_wire::netfilter::{self, Subject};

/// Longest name of a helper that the kernel allows.
const NAME_LEN: usize = 16;

/// Bytes as a packet of netlink: messages follow one another within it, and any of them can be told to an engine.
pub fn netfilter(data: &[u8]) {
    let limits = Limits {
        tracked_connections: 2,
        tracked_expectations: 1,
        ..Limits::default()
    };
    let mut engine = Engine::new(EngineOptions {
        limits,
        ..EngineOptions::default()
    });
    let mut end = 0;
    for (number, message) in netfilter::messages(data).enumerate() {
        let begin = message.raw.as_ptr() as usize - data.as_ptr() as usize;
        assert!(begin >= end && begin - end < 4, "one after the other");
        end = begin + message.raw.len();
        assert!(end <= data.len());
        let event = message.event();
        assert!(event.is_none() || !message.is_done() && message.refusal().is_none());
        let Some(event) = event else { continue };
        let helper = match &event.subject {
            Subject::Entry(entry) => &entry.helper,
            Subject::Expectation(expectation) => &expectation.helper,
        };
        // An invalid byte is told as three.
        assert!(
            helper
                .as_ref()
                .is_none_or(|name| !name.is_empty() && name.len() <= 3 * NAME_LEN)
        );
        engine.handle_input(Input::Conntrack(Conntrack {
            at: Timestamp(i64::try_from(number).unwrap_or_default()),
            number: number as u64,
            raw: message.raw,
            event: &event,
        }));
    }
    assert!(engine.snapshot().sessions.is_empty());
}
