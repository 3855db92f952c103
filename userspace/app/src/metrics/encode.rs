//! The tally as families of metrics, each with its name, help and labels.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::tally::{Tally, all_kinds_of_sessions};
use super::{Metrics, process};
use crate::output::names;

/// One value with the words of its labels, in the order of the family's names.
type Row<'a> = (Vec<&'a str>, u64);

/// Writes families.
struct Families<'a>(DescriptorEncoder<'a>);

impl Families<'_> {
    fn counters(
        &mut self,
        name: &str,
        help: &str,
        labels: &[&str],
        rows: &[Row<'_>],
    ) -> fmt::Result {
        let kind = MetricType::Counter;
        self.family(name, help, kind, labels, rows, |value, encoder| {
            ConstCounter::new(value).encode(encoder)
        })
    }

    fn gauges(&mut self, name: &str, help: &str, labels: &[&str], rows: &[Row<'_>]) -> fmt::Result {
        let kind = MetricType::Gauge;
        self.family(name, help, kind, labels, rows, |value, encoder| {
            ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)).encode(encoder)
        })
    }

    fn family(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        labels: &[&str],
        rows: &[Row<'_>],
        write: impl Fn(u64, prometheus_client::encoding::MetricEncoder<'_>) -> fmt::Result,
    ) -> fmt::Result {
        let mut encoder = self.0.encode_descriptor(name, help, None, kind)?;
        for (words, value) in rows {
            let labels: Vec<(&str, &str)> =
                labels.iter().copied().zip(words.iter().copied()).collect();
            write(*value, encoder.encode_family(&labels.as_slice())?)?;
        }
        Ok(())
    }
}

impl Collector for Metrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let tally = self.0.lock().map_err(|_| fmt::Error)?;
        let mut families = Families(encoder);
        sessions(&tally, &mut families)?;
        media(&tally, &mut families)?;
        findings(&tally, &mut families)?;
        losses(&tally, &mut families)?;
        taps(&tally, &mut families)?;
        source(&tally, &mut families)?;
        own(&mut families)
    }
}

fn sessions(tally: &Tally, families: &mut Families<'_>) -> fmt::Result {
    let rows: Vec<Row<'_>> = all_kinds_of_sessions()
        .map(|labels| {
            let count = tally.sessions.get(&labels).copied().unwrap_or(0);
            (vec![labels.0, labels.1], count)
        })
        .collect();
    families.gauges(
        "rtspscope_sessions",
        "RTSP sessions that the run knows of now, those that ended lately included",
        &["state", "transport"],
        &rows,
    )?;
    families.counters(
        "rtspscope_sessions_seen",
        "RTSP sessions since the start",
        &[],
        &[(vec![], tally.sessions_seen)],
    )?;
    families.counters(
        "rtspscope_sessions_forgotten",
        "Sessions that were forgotten because they were long over",
        &[],
        &[(vec![], tally.sessions_retired)],
    )
}

fn media(tally: &Tally, families: &mut Families<'_>) -> fmt::Result {
    let rows = |value: fn(&super::tally::Came) -> u64| -> Vec<Row<'_>> {
        let media = tally.media.iter();
        media
            .map(|((tap, kind), came)| (vec![tap.as_str(), *kind], value(came)))
            .collect()
    };
    let labels = ["tap", "kind"];
    families.counters(
        "rtspscope_media_packets",
        "RTP packets of sessions that passed a tap",
        &labels,
        &rows(|came| came.packets),
    )?;
    families.counters(
        "rtspscope_media_bytes",
        "RTP bytes of sessions that passed a tap, without the headers below RTP",
        &labels,
        &rows(|came| came.bytes),
    )?;
    families.counters(
        "rtspscope_media_lost_packets",
        "RTP packets of sessions that never came to a tap, by their sequence numbers",
        &labels,
        &rows(|came| came.lost),
    )
}

fn findings(tally: &Tally, families: &mut Families<'_>) -> fmt::Result {
    let labels = ["code", "severity"];
    let rows = |counts: &std::collections::BTreeMap<(&'static str, &'static str), u64>| {
        let counts = counts.iter();
        let rows = counts.map(|((code, severity), count)| (vec![*code, *severity], *count));
        rows.collect::<Vec<Row<'static>>>()
    };
    families.gauges(
        "rtspscope_findings",
        "Findings that stand now",
        &labels,
        &rows(&tally.findings),
    )?;
    families.counters(
        "rtspscope_findings_told",
        "Findings since the start, each once for its session and medium",
        &labels,
        &rows(&tally.findings_told),
    )
}

fn losses(tally: &Tally, families: &mut Families<'_>) -> fmt::Result {
    use rtspscope_engine::LossKind::{
        ConnectionCap, DroppedByCapture, EndpointCap, EventCap, FlowCap, Fragments, LoadFailed,
        MapFull, MessageCap, NotParsed, RingFull,
    };
    let kinds = [
        RingFull,
        MapFull,
        LoadFailed,
        NotParsed,
        DroppedByCapture,
        ConnectionCap,
        FlowCap,
        MessageCap,
        EventCap,
        Fragments,
        EndpointCap,
    ];
    let rows: Vec<Row<'_>> = kinds
        .into_iter()
        .map(|kind| {
            let count = tally.losses.get(&kind).copied().unwrap_or(0);
            (vec![names::loss(kind)], count)
        })
        .collect();
    families.counters(
        "rtspscope_lost",
        "What the run itself did not see or keep, by reason",
        &["reason"],
        &rows,
    )
}

fn taps(tally: &Tally, families: &mut Families<'_>) -> fmt::Result {
    let rows = |value: fn(&super::tally::Frames) -> u64| -> Vec<Row<'_>> {
        let taps = tally.taps.iter();
        taps.map(|tap| (vec![tap.tap.as_str(), tap.role], value(tap)))
            .collect()
    };
    let labels = ["tap", "role"];
    families.counters(
        "rtspscope_frames",
        "Frames of a tap that were copied to user space",
        &labels,
        &rows(|tap| tap.count),
    )?;
    families.counters(
        "rtspscope_frame_bytes",
        "Bytes of those frames on the wire",
        &labels,
        &rows(|tap| tap.bytes),
    )?;
    let present = tally.gauges.present.iter();
    let rows: Vec<Row<'_>> = present
        .map(|(tap, here)| (vec![tap.as_str()], u64::from(*here)))
        .collect();
    families.gauges(
        "rtspscope_tap_up",
        "1 while the interface of a tap is there",
        &["tap"],
        &rows,
    )
}

fn source(tally: &Tally, families: &mut Families<'_>) -> fmt::Result {
    let gauges = &tally.gauges;
    let rows = |value: Option<u64>| -> Vec<Row<'_>> {
        value.map(|value| (vec![], value)).into_iter().collect()
    };
    families.gauges(
        "rtspscope_ring_bytes",
        "Size of the ring that frames come through",
        &[],
        &rows(gauges.ring_bytes),
    )?;
    families.gauges(
        "rtspscope_ring_used_bytes_max",
        "Most bytes of the ring that were in use since the start",
        &[],
        &rows(gauges.ring_used_max),
    )?;
    families.gauges(
        "rtspscope_kernel_flows",
        "Media flows in the kernel's table",
        &[],
        &rows(gauges.flows),
    )?;
    families.gauges(
        "rtspscope_kernel_flows_max",
        "Room in that table",
        &[],
        &rows(gauges.flows_max),
    )?;
    families.gauges(
        "rtspscope_backend_info",
        "Who takes the packets from the interfaces",
        &["backend"],
        &[(vec![gauges.backend], 1)],
    )
}

fn own(families: &mut Families<'_>) -> fmt::Result {
    families.gauges(
        "rtspscope_build_info",
        "The program",
        &["version"],
        &[(vec![env!("CARGO_PKG_VERSION")], 1)],
    )?;
    let rows = |value: Option<u64>| -> Vec<Row<'_>> {
        value.map(|value| (vec![], value)).into_iter().collect()
    };
    families.gauges(
        "process_resident_memory_bytes",
        "Resident memory of the process",
        &[],
        &rows(process::resident_bytes()),
    )?;
    families.gauges(
        "process_open_fds",
        "Open file descriptors of the process",
        &[],
        &rows(process::open_files()),
    )
}
