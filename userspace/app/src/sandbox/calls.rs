//! System calls that nothing here ever makes, refused by the kernel (seccomp): to start a program, to enter or change
//! another process, to change the machine. An answer of "not permitted" rather than death: what is refused shows.

use std::collections::BTreeMap;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

#[cfg(target_arch = "x86_64")]
const PROCESSOR: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
const PROCESSOR: TargetArch = TargetArch::aarch64;
#[cfg(target_arch = "riscv64")]
const PROCESSOR: TargetArch = TargetArch::riscv64;

/// `kexec_file_load`: libc knows it by glibc only where the table of calls is the generic one (`asm-generic/unistd.h`).
#[cfg(target_arch = "x86_64")]
const KEXEC_FILE_LOAD: libc::c_long = libc::SYS_kexec_file_load;
#[cfg(not(target_arch = "x86_64"))]
const KEXEC_FILE_LOAD: libc::c_long = 294;

/// The calls, which all these processors have.
const REFUSED: [libc::c_long; 44] = [
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_kexec_load,
    KEXEC_FILE_LOAD,
    libc::SYS_reboot,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_open_by_handle_at,
    libc::SYS_personality,
    libc::SYS_fanotify_init,
    libc::SYS_mknodat,
];

/// Has them refused from now on; says in a few words what came of it.
pub(super) fn restrict() -> &'static str {
    let applied = filter().map(|filter| seccompiler::apply_filter(&filter));
    match applied {
        Some(Ok(())) => "few system calls (seccomp)",
        Some(Err(_)) | None => "all system calls (this kernel has no seccomp)",
    }
}

fn filter() -> Option<BpfProgram> {
    let refused: BTreeMap<i64, _> = REFUSED.iter().map(|number| (*number, Vec::new())).collect();
    let not_permitted = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = SeccompFilter::new(refused, SeccompAction::Allow, not_permitted, PROCESSOR);
    filter.ok()?.try_into().ok()
}
