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
    for step in ROUTERS
        .iter()
        .flat_map(|router| router.off.iter().chain(&router.on))
    {
        assert!(!step.how.is_empty() && !step.source.is_empty(), "{step:?}");
        assert_eq!(step.read_on.len(), "2026-11".len(), "{step:?}");
    }
}

#[test]
fn the_routers_own_switch_stands_behind_the_general_advice() {
    let mikrotik = router("mikrotik").unwrap();
    assert_eq!(
        for_router("Switch off the router's RTSP ALG", mikrotik),
        "Switch off the router's RTSP ALG. MikroTik RouterOS: /ip firewall service-port disable rtsp (menu: IP > Firewall > \
         Service Ports) [not verified; smartrtsp.com/guides/rtsp-alg, 2026-11]. Where the list of service ports has no rtsp, \
         the version has no such helper."
    );
    let asus = router("asus").unwrap();
    assert_eq!(
        for_router("Or let the router open the ports: on OpenWrt …", asus),
        "Or let the router open the ports. ASUS: no way to switch one on is known."
    );
    assert_eq!(for_router("Use TCP", asus), "Use TCP");
}

#[test]
fn advice_to_change_the_alg_is_recognised_in_every_finding() {
    let all: Vec<&str> = Code::ALL
        .iter()
        .flat_map(|code| code.explanation().remedies.iter().copied())
        .collect();
    assert!(all.iter().any(|remedy| remedy.starts_with(LOAD)));
    let lower = |remedy: &&&str| remedy.to_lowercase().contains("switch off the router");
    for remedy in all.iter().filter(lower) {
        assert!(remedy.contains(SWITCH_OFF), "{remedy}");
    }
}

#[test]
fn a_named_router_stands_in_the_findings() {
    let mut findings = crate::testkit::Scene::behind_nat(crate::testkit::UDP_TALK)
        .rtp(0, 257)
        .checked()
        .findings;
    adapt(&mut findings, router("openwrt").unwrap());
    let told = findings.iter().flat_map(|finding| &finding.remedy);
    let own: Vec<&String> = told
        .filter(|remedy| remedy.contains("OpenWrt (22.03 and later)"))
        .collect();
    assert_eq!(own.len(), 2, "{own:?}");
}
