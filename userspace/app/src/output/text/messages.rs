//! Every message of a session, leg by leg, for those who asked for all.

use rtspscope_engine::Snapshot;
use rtspscope_engine::model::Session;

use super::session::section;
use super::style::Style;
use crate::output::json::Report;
use crate::output::privacy::Privacy;
use crate::output::sentences::messages;

pub(super) fn write(
    out: &mut String,
    (snapshot, report): (&Snapshot, &Report),
    session: &Session,
    privacy: Privacy,
    style: &Style,
) {
    for leg in &session.legs {
        out.push_str(&section("Leg", &messages::leg(report, leg), style));
        for exchange in leg.exchanges.iter() {
            let told = messages::exchange(snapshot, exchange, privacy);
            out.push_str(&section("", &told, style));
        }
    }
}
