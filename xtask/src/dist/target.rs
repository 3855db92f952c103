//! The machines that binaries are made for, and what each is called by compilers, emulators and package managers.

use anyhow::{Result, bail};

/// One kind of machine.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The short name, for people.
    pub(crate) name: &'static str,
    /// What Rust calls it.
    pub(crate) triple: &'static str,
    /// Flags of the compiler for it alone.
    pub(crate) flags: &'static [&'static str],
    /// The emulator of qemu-user, and the processor that it is to be: none has more than such machines have. The MIPS ones
    /// and their kernels on OpenWrt know no floating-point instruction.
    pub(crate) emulator: (&'static str, &'static str),
    /// Debian's name, where Debian runs on it.
    pub(crate) debian: Option<&'static str>,
    /// OpenWrt's names of the packages' architecture (`DISTRIB_ARCH` in `/etc/openwrt_release`) on which it runs.
    pub(crate) openwrt: &'static [&'static str],
}

/// What MIPS needs besides: the C library's objects for static programs do not go into position-independent ones.
const FIXED_ADDRESS: &[&str] = &["-Crelocation-model=static"];

/// All of them.
pub(crate) const TARGETS: [Target; 6] = [
    Target {
        name: "x86_64",
        triple: "x86_64-unknown-linux-musl",
        flags: &[],
        emulator: ("qemu-x86_64", "qemu64"),
        debian: Some("amd64"),
        openwrt: &["x86_64"],
    },
    Target {
        name: "aarch64",
        triple: "aarch64-unknown-linux-musl",
        flags: &[],
        emulator: ("qemu-aarch64", "cortex-a53"),
        debian: Some("arm64"),
        openwrt: &[
            "aarch64_generic",
            "aarch64_cortex-a53",
            "aarch64_cortex-a72",
            "aarch64_cortex-a76",
        ],
    },
    Target {
        name: "armv7",
        triple: "armv7-unknown-linux-musleabihf",
        flags: &[],
        emulator: ("qemu-arm", "cortex-a9"),
        debian: Some("armhf"),
        openwrt: &[
            "arm_cortex-a5_vfpv4",
            "arm_cortex-a7_neon-vfpv4",
            "arm_cortex-a7_vfpv4",
            "arm_cortex-a8_vfpv3",
            "arm_cortex-a9_neon",
            "arm_cortex-a9_vfpv3-d16",
            "arm_cortex-a15_neon-vfpv4",
        ],
    },
    Target {
        name: "mipsel",
        triple: "mipsel-unknown-linux-musl",
        flags: FIXED_ADDRESS,
        emulator: ("qemu-mipsel", "24Kc"),
        debian: None,
        openwrt: &["mipsel_24kc", "mipsel_74kc", "mipsel_24kc_24kf"],
    },
    Target {
        name: "mips",
        triple: "mips-unknown-linux-musl",
        flags: FIXED_ADDRESS,
        emulator: ("qemu-mips", "24Kc"),
        debian: None,
        openwrt: &["mips_24kc"],
    },
    Target {
        name: "riscv64",
        triple: "riscv64gc-unknown-linux-musl",
        flags: &[],
        emulator: ("qemu-riscv64", "rv64"),
        debian: Some("riscv64"),
        openwrt: &["riscv64_riscv64", "riscv64_generic"],
    },
];

impl Target {
    /// The one of this short name or triple.
    pub(crate) fn find(name: &str) -> Result<&'static Self> {
        let found = TARGETS
            .iter()
            .find(|target| target.name == name || target.triple == name);
        let Some(target) = found else {
            let known: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            bail!("{name}: known are {}", known.join(", "));
        };
        Ok(target)
    }

    /// The one that this machine is, if it is among them.
    pub(crate) fn of_this_machine() -> Option<&'static Self> {
        let machine = crate::workspace::machine();
        TARGETS
            .iter()
            .find(|target| target.name == machine || (target.name == "armv7" && machine == "arm"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_found_by_either_name() {
        let mips = Target::find("mips").expect("it is known");
        assert_eq!(mips.triple, "mips-unknown-linux-musl");
        assert_eq!(Target::find("mips-unknown-linux-musl").ok(), Some(mips));
        let error = Target::find("vax").expect_err("nobody routes with it");
        assert_eq!(
            error.to_string(),
            "vax: known are x86_64, aarch64, armv7, mipsel, mips, riscv64"
        );
    }

    #[test]
    fn no_two_targets_share_a_package_architecture() {
        let mut names: Vec<&str> = TARGETS
            .iter()
            .flat_map(|target| target.openwrt.iter().chain(target.debian.as_ref()))
            .copied()
            .collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
