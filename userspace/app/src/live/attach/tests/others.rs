//! Programs of others on the same hooks keep their place, and one that cannot stand beside ours is named. Root only.

use super::*;

/// Ids of the programs that TCX runs for what the loopback receives, in order.
fn order() -> Vec<u32> {
    let (_, programs) = SchedClassifier::query_tcx("lo", TcAttachType::Ingress).unwrap();
    programs
        .iter()
        .map(aya::programs::ProgramInfo::id)
        .collect()
}

/// Attaches someone else's program to the loopback and returns its id.
fn attach_other(other: &mut Loaded, order: LinkOrder) -> u32 {
    let program: &mut SchedClassifier = program(&mut other.ebpf, "rtsp_raw_in").unwrap();
    let options = TcAttachOptions::TcxOrder(order);
    program
        .attach_with_options("lo", TcAttachType::Ingress, options)
        .unwrap();
    program.info().unwrap().id()
}

#[test]
fn programs_of_others_keep_their_order_behind_ours() {
    if !may_load("programs_of_others_keep_their_order_behind_ours") || !kernel_has(TCX_SINCE) {
        return;
    }
    let ended = in_own_namespace(|| {
        let mut others = [Loaded::new(), Loaded::new(), Loaded::new()];
        let first = attach_other(&mut others[0], LinkOrder::last());
        let second = attach_other(&mut others[1], LinkOrder::last());
        let mut attached = attached(&[loopback()], Hook::Auto).unwrap();
        let third = attach_other(&mut others[2], LinkOrder::last());
        let ours = order()[0];
        assert_eq!(order(), [ours, first, second, third]);
        assert!(![first, second, third].contains(&ours));
        attached.detach().unwrap();
        assert_eq!(order(), [first, second, third]);
    });
    assert!(ended.is_ok());
}

#[test]
fn another_xdp_program_is_left_alone_and_named() {
    if !may_load("another_xdp_program_is_left_alone_and_named") {
        return;
    }
    let ended = in_own_namespace(|| {
        let mut other = Loaded::new();
        let program: &mut Xdp = program(&mut other.ebpf, MIRROR_PROGRAM).unwrap();
        program.attach_to_if_index(1, XdpMode::Skb).unwrap();
        let port = Interface {
            role: TapRole::Mirror,
            ..loopback()
        };
        let error = attached(&[port], Hook::Auto).unwrap_err();
        let told = crate::failure::Failure::from(error).to_string();
        assert!(told.contains("another XDP program is attached"), "{told}");
    });
    assert!(ended.is_ok());
}
