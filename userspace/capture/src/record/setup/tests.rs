//! A setup comes back as it was, and no option's content does harm.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use rtspscope_engine::SetupLimits;
use rtspscope_engine::router_setup::*;
use rtspscope_wire::Timestamp;

use super::super::Fact;

/// Longest content of an option.
const FACT_LEN: usize = u16::MAX as usize;

fn name() -> impl Strategy<Value = String> {
    "[ -~äß→]{0,20}"
}

fn ports() -> impl Strategy<Value = Option<Vec<PortRange>>> {
    let range = any::<(u16, u16)>().prop_map(|(first, last)| PortRange { first, last });
    of(vec(range, 0..5))
}

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![Just(Way::Software), Just(Way::Hardware)]
}

fn rule() -> impl Strategy<Value = HelperRule> {
    let source = prop_oneof![Just(RuleSource::Nftables), Just(RuleSource::Iptables)];
    let names = (name(), of(name()), of(name()), name());
    (source, names, any::<Option<u8>>(), ports()).prop_map(
        |(source, (chain, helper, object, text), protocol, ports)| HelperRule {
            source,
            chain,
            helper,
            object,
            protocol,
            ports,
            text,
        },
    )
}

fn offload() -> impl Strategy<Value = Offload> {
    let table = (name(), vec(name(), 0..4), way()).prop_map(|(name, devices, way)| Flowtable {
        name,
        devices,
        way,
    });
    (of(vec(table, 0..3)), of(way()), of(way())).prop_map(|(flowtables, target, configured)| {
        Offload {
            flowtables,
            target,
            configured,
        }
    })
}

prop_compose! {
    fn setup()(
        at in any::<i64>(),
        helpers in of(vec((name(), ports()).prop_map(|(module, ports)| LoadedHelper { module, ports }), 0..3)),
        by_itself in any::<Option<bool>>(),
        rules in of(vec(rule(), 0..6)),
        offload in offload(),
        time_outs in any::<[Option<u32>; 3]>(),
        changed in any::<Option<i64>>(),
        left_out in any::<u32>(),
    ) -> RouterSetup {
        RouterSetup {
            at: Timestamp(at),
            helpers,
            by_itself,
            rules,
            offload,
            udp_timeout_secs: time_outs[0],
            udp_stream_timeout_secs: time_outs[1],
            tcp_established_timeout_secs: time_outs[2],
            rules_changed_at: changed.map(Timestamp),
            left_out,
        }
    }
}

proptest! {
    #[test]
    fn a_setup_comes_back_as_it_was_and_cut_it_does_not(setup in setup(), cut in any::<prop::sample::Index>()) {
        let fact = Fact::Setup(Box::new(setup));
        let bytes = fact.encode();
        prop_assert_eq!(Fact::decode(&bytes[..cut.index(bytes.len())]), None);
        prop_assert_eq!(Fact::decode(&bytes), Some(fact));
    }

    #[test]
    fn any_content_is_read_to_an_end_and_within_the_caps(tail in vec(any::<u8>(), 0..600)) {
        let mut bytes = Fact::Setup(Box::default()).encode();
        bytes.truncate(17);
        bytes.extend(tail);
        if let Some(Fact::Setup(read)) = Fact::decode(&bytes) {
            prop_assert_eq!(read.clone().capped(), *read);
        }
    }
}

/// An option is 64 KiB at most: the caps are what keeps a setup within.
#[test]
fn the_largest_setup_fits_an_option() {
    let most = SetupLimits::KEPT;
    let name = "n".repeat(4_096);
    let ports = Some(vec![PortRange::one(554); most.ports]);
    let rule = HelperRule {
        source: RuleSource::Nftables,
        chain: name.clone(),
        helper: Some(name.clone()),
        object: Some(name.clone()),
        protocol: Some(6),
        ports: ports.clone(),
        text: name.clone(),
    };
    let table = Flowtable {
        name: name.clone(),
        devices: vec![name.clone(); 2 * most.devices],
        way: Way::Hardware,
    };
    let setup = RouterSetup {
        helpers: Some(vec![
            LoadedHelper {
                module: name,
                ports
            };
            2 * most.helpers
        ]),
        rules: Some(vec![rule; 2 * most.rules]),
        offload: Offload {
            flowtables: Some(vec![table; 2 * most.flowtables]),
            ..Offload::default()
        },
        ..RouterSetup::default()
    };
    let bytes = Fact::Setup(Box::new(setup.clone())).encode();
    assert!(
        (20_000..=FACT_LEN).contains(&bytes.len()),
        "{}",
        bytes.len()
    );
    let Some(Fact::Setup(read)) = Fact::decode(&bytes) else {
        panic!("it is read");
    };
    assert_eq!(*read, setup.capped());
    let fallen = most.helpers + most.rules + most.flowtables;
    assert_eq!(read.left_out as usize, fallen);
}
