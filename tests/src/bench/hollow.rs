//! An empty program at both hooks of interfaces: what being there costs, whatever a program does.

use std::io;
use std::thread;

/// `BPF_PROG_LOAD`, `BPF_LINK_CREATE`, the type of TC programs and the two hooks of TCX (`linux/bpf.h`).
const PROG_LOAD: libc::c_long = 5;
const LINK_CREATE: libc::c_long = 28;
const SCHED_CLS: u64 = 3;
const TCX_INGRESS: u64 = 46;
const TCX_EGRESS: u64 = 47;

/// The program "return -1", which goes on with the next: `r0 = -1; exit`.
const CODE: [u64; 2] = [0xffff_ffff_0000_00b7, 0x95];

/// Stays on the interfaces until it is ended. An error where the kernel has no TCX (before 6.6).
#[allow(clippy::print_stdout, reason = "it is the output of the program")]
pub(super) fn attach(interfaces: &[&str]) -> io::Result<()> {
    // A shell starts what runs in its background with SIGINT ignored, and that is how this is ended.
    // SAFETY: no handler is given.
    unsafe { libc::signal(libc::SIGINT, libc::SIG_DFL) };
    let license = c"GPL";
    let mut load = [0_u64; 18];
    load[0] = SCHED_CLS | (CODE.len() as u64) << 32;
    load[1] = CODE.as_ptr() as u64;
    load[2] = license.as_ptr() as u64;
    let program = bpf(PROG_LOAD, &mut load)?;
    for interface in interfaces {
        let path = format!("/sys/class/net/{interface}/ifindex");
        let index: u64 = std::fs::read_to_string(path)?
            .trim()
            .parse()
            .map_err(io::Error::other)?;
        for hook in [TCX_INGRESS, TCX_EGRESS] {
            let mut link = [0_u64; 18];
            (link[0], link[1]) = (program | index << 32, hook);
            // Attached for as long as this process has it open.
            bpf(LINK_CREATE, &mut link)?;
        }
    }
    println!("attached");
    loop {
        thread::park();
    }
}

/// The descriptor of what the kernel made, which stays open.
fn bpf(command: libc::c_long, attributes: &mut [u64; 18]) -> io::Result<u64> {
    let len = size_of_val(attributes);
    // SAFETY: the attributes and what they point to live through the call.
    let made = unsafe { libc::syscall(libc::SYS_bpf, command, attributes.as_mut_ptr(), len) };
    u64::try_from(made).map_err(|_| io::Error::last_os_error())
}
