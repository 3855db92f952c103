use super::*;
use crate::finding::Code;

#[test]
fn a_router_is_found_however_it_is_written() {
    for name in ["mikrotik", "MikroTik", "RouterOS", "mikrotik_routeros"] {
        assert_eq!(
            router(name).map(|router| router.name),
            Some("mikrotik"),
            "{name}"
        );
    }
    assert_eq!(
        router("TP-Link Archer").map(|router| router.name),
        Some("tp-link")
    );
    assert_eq!(router("no such thing"), None);
}

#[test]
fn no_two_routers_share_a_name() {
    let mut names: Vec<String> = ROUTERS
        .iter()
        .flat_map(|router| router.aliases.iter().chain([&router.name]))
        .map(|name| plain(name))
        .collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn every_step_has_a_source_and_a_date() {
    let steps = |router: &'static Router| [&router.off, &router.on, &router.udp_timeout];
    for step in ROUTERS.iter().flat_map(steps).flatten() {
        assert!(!step.how.is_empty() && !step.source.is_empty(), "{step:?}");
        assert_eq!(step.read_on.len(), "2026-11".len(), "{step:?}");
    }
}

#[test]
fn the_routers_own_switch_stands_behind_the_general_advice() {
    let vyos = router("vyos").unwrap();
    assert_eq!(
        for_router("Switch off the router's RTSP ALG", vyos),
        "Switch off the router's RTSP ALG. VyOS (1.5): configure; delete system conntrack modules rtsp; commit; save \
         [by its source, not tried; vyos-1x pull request 3112, 2026-11]."
    );
    assert_eq!(
        for_router("Or let the router open the ports: on OpenWrt …", vyos),
        "Or let the router open the ports. VyOS (1.5): configure; set system conntrack modules rtsp; commit; save \
         [by its source, not tried; vyos-1x pull request 3112, 2026-11]."
    );
    assert_eq!(for_router("Use TCP", vyos), "Use TCP");
}

#[test]
fn a_router_without_a_switch_says_so() {
    let told = for_router(
        "Switch off the router's RTSP ALG",
        router("pfsense").unwrap(),
    );
    assert!(
        told.contains(
            "pfSense: no way to switch it off is known. Its packet filter (pf) has no RTSP helper"
        ),
        "{told}"
    );
}

#[test]
fn the_timeout_is_raised_by_the_routers_own_command() {
    let told = for_router(
        "Raise the router's UDP timeout (Linux: …)",
        router("openwrt").unwrap(),
    );
    assert!(
        told.contains("net.netfilter.nf_conntrack_udp_timeout_stream=300 >> /etc/sysctl.conf"),
        "{told}"
    );
    assert!(told.contains("nf_conntrack_udp_timeout for"), "{told}");
}

#[test]
fn every_router_of_the_list_is_told_apart_from_the_others_by_what_it_knows() {
    let known =
        |router: &Router| router.off.is_some() || router.on.is_some() || !router.note.is_empty();
    assert!(ROUTERS.iter().all(known));
}

#[test]
fn advice_to_change_the_alg_is_recognised_in_every_finding() {
    let all: Vec<&str> = Code::ALL
        .iter()
        .flat_map(|code| code.explanation().remedies.iter().copied())
        .collect();
    assert!(all.iter().any(|remedy| remedy.starts_with(LOAD)));
    assert!(
        all.iter()
            .any(|remedy| asked(remedy) == Some(Asked::RaiseTimeout))
    );
    assert!(all.iter().any(|remedy| concerns_player(remedy)));
    for remedy in all {
        let lower = remedy.to_lowercase();
        let of_router = lower.contains("switch") && lower.contains("router's rtsp");
        assert_eq!(
            of_router,
            of_router && asked(remedy) == Some(Asked::SwitchOff),
            "{remedy}"
        );
        let of_timeout = lower.contains("udp timeout");
        assert_eq!(
            of_timeout,
            asked(remedy) == Some(Asked::RaiseTimeout),
            "{remedy}"
        );
    }
}

#[test]
fn a_named_router_and_the_sessions_player_stand_in_the_findings() {
    let mut snapshot = crate::testkit::Scene::behind_nat(crate::testkit::UDP_TALK)
        .rtp(0, 257)
        .checked();
    snapshot.sessions[0].user_agent = Some("LibVLC/3.0.20".to_owned());
    snapshot.router = Some(Named {
        router: router("openwrt").unwrap(),
        machine: None,
    });
    adapt(&mut snapshot);
    let told: Vec<&String> = snapshot
        .findings
        .iter()
        .flat_map(|finding| &finding.remedy)
        .collect();
    let with = |text: &str| told.iter().filter(|remedy| remedy.contains(text)).count();
    assert_eq!(with("OpenWrt (22.03 and later)"), 2, "{told:?}");
    assert_eq!(
        with("Let the player carry media over TCP. VLC: Tools > Preferences"),
        2,
        "{told:?}"
    );
}
