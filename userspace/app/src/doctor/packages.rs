//! Names of packages, as this machine's package manager installs them.

use crate::machine::Machine;

/// The package manager of an OpenWrt system, or of none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packages {
    /// OpenWrt from 25.12 on.
    Apk,
    /// OpenWrt before.
    Opkg,
    /// Another system.
    Other,
}

impl Packages {
    pub(super) fn of(machine: &Machine) -> Self {
        let has = |path: &str| machine.path(path).exists();
        if !has("etc/openwrt_release") {
            Self::Other
        } else if has("usr/bin/apk") || has("sbin/apk") || has("lib/apk/db") {
            Self::Apk
        } else {
            Self::Opkg
        }
    }

    /// How to get what an OpenWrt package of this name holds; elsewhere the module or program is named.
    pub(super) fn get(self, package: &str, elsewhere: &str) -> String {
        match self {
            Self::Apk => format!("apk add {package}"),
            Self::Opkg => format!("opkg update; opkg install {package}"),
            Self::Other => {
                format!(
                    "{elsewhere} (OpenWrt: opkg install {package}, from 25.12 on apk add {package})"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_system_gets_its_own_command() {
        let get = |packages: Packages| packages.get("kmod-sched-bpf", "modprobe cls_bpf");
        assert_eq!(get(Packages::Apk), "apk add kmod-sched-bpf");
        assert_eq!(
            get(Packages::Opkg),
            "opkg update; opkg install kmod-sched-bpf"
        );
        assert_eq!(
            get(Packages::Other),
            "modprobe cls_bpf (OpenWrt: opkg install kmod-sched-bpf, from 25.12 on apk add kmod-sched-bpf)"
        );
    }
}
