//! The kernel programs, by loading and attaching them.

use super::packages::Packages;
use super::{Check, Status};

const SECTION: &str = "kernel programs";
const FALLBACK: &str = "instead of them";

#[cfg(not(feature = "ebpf"))]
pub(super) fn checks(_interfaces: &[String], _packages: Packages) -> Vec<Check> {
    let check = Check::new(SECTION, "build", Status::Missing, "this build has none");
    let check = check.remedy("build with the default features");
    [check].into_iter().chain(roles()).collect()
}

#[cfg(feature = "ebpf")]
pub(super) fn checks(interfaces: &[String], packages: Packages) -> Vec<Check> {
    use crate::live::trial::{self, Trial};

    let mut checks = match trial::in_own_namespace() {
        Ok(trials) => judged(&trials, packages),
        Err(why) => vec![
            Check::new(
                SECTION,
                "loading",
                Status::Unknown,
                format!("not tried: {why}"),
            )
            .remedy(
                "run doctor as root; with capabilities alone, name an interface to try it there",
            ),
        ],
    };
    for name in interfaces {
        let trials = trial::on_interface(name);
        let worked = trials
            .iter()
            .find_map(|trial| Some((trial, trial.result.as_ref().ok()?)));
        checks.push(match (worked, trials.last()) {
            (Some((Trial { what, .. }, way)), _) => Check::new(
                SECTION,
                format!("on {name}"),
                Status::Pass,
                format!("{what}: {way}"),
            ),
            (
                None,
                Some(Trial {
                    result: Err(why), ..
                }),
            ) => Check::new(SECTION, format!("on {name}"), Status::Missing, why),
            _ => Check::new(SECTION, format!("on {name}"), Status::Unknown, "not tried"),
        });
    }
    checks.extend(roles());
    checks
}

/// One way onto an interface is enough; the others are named with what they lack.
#[cfg(feature = "ebpf")]
fn judged(trials: &[crate::live::trial::Trial], packages: Packages) -> Vec<Check> {
    use crate::live::trial::{CLSACT, LOADING, TCX};

    let worked = |what: &str| {
        trials
            .iter()
            .any(|trial| trial.what == what && trial.result.is_ok())
    };
    let has_way = worked(TCX) || worked(CLSACT);
    trials
        .iter()
        .map(|trial| match &trial.result {
            Ok(way) => Check::new(SECTION, trial.what, Status::Pass, *way),
            Err(why) => {
                let needed = trial.what == LOADING || !has_way;
                let status = if needed {
                    Status::Missing
                } else {
                    Status::Limited
                };
                let remedy = match trial.what {
                    LOADING => {
                        "capture with tcpdump on both sides and use rtspscope analyze".to_owned()
                    }
                    TCX => "none before Linux 6.6; clsact does the same".to_owned(),
                    CLSACT => packages.get(
                        "kmod-sched-core kmod-sched-bpf",
                        "modprobe sch_ingress cls_bpf",
                    ),
                    _ => "watch a mirror port with --lan instead of --mirror".to_owned(),
                };
                Check::new(SECTION, trial.what, status, why).remedy(remedy)
            }
        })
        .collect()
}

/// What takes packets where kernel programs cannot.
pub(super) fn packet_sockets() -> Check {
    const NAME: &str = "packet sockets";
    match crate::live::try_packet_socket() {
        Ok(()) => Check::new(
            FALLBACK,
            NAME,
            Status::Pass,
            "they stand in where kernel programs cannot run, and copy every packet",
        ),
        Err(why) => Check::new(FALLBACK, NAME, Status::Limited, why.to_string())
            .remedy("they take CAP_NET_RAW, and stand in where kernel programs cannot run"),
    }
}

/// Which interfaces a run would tap, and as what.
fn roles() -> Option<Check> {
    let taps = crate::live::default_taps().ok()?;
    let found: Vec<String> = taps
        .iter()
        .map(|(name, role)| format!("{name} ({})", crate::output::names::role(*role)))
        .collect();
    let one_side = taps
        .iter()
        .all(|(_, role)| Some(*role) == taps.first().map(|(_, role)| *role));
    let status = if one_side {
        Status::Limited
    } else {
        Status::Pass
    };
    let check = Check::new(
        "interfaces",
        "roles",
        status,
        format!("watch would tap {}", found.join(", ")),
    );
    Some(if one_side {
        check.remedy(
            "one side alone: name the interfaces with --lan and --wan, or use a mirror port",
        )
    } else {
        check
    })
}
