//! OpenWrt's package up to 24.10, for opkg: an archive of a format number, a control archive and the files; and the same
//! files as a plain archive, for systems whose package manager takes another format.
//!
//! From 25.12 on OpenWrt's package manager is apk, in the third version of its format. Only its own `apk mkpkg` writes
//! that, which OpenWrt's build system has and Debian does not; the feed directory beside gives such packages there.

use anyhow::Result;

use super::{
    About,
    tree::{DATA, PRIVATE, PROGRAM, Tree},
};

/// Files that are the administrator's own once installed.
const CONFIGURATION: &str = "/etc/config/rtspscope\n";

/// What OpenWrt's own packages do once installed and before they go: enable and start, or stop and disable, the services
/// that they bring.
const AFTER: &str = "#!/bin/sh\n[ -s \"$IPKG_INSTROOT/lib/functions.sh\" ] || exit 0\n. \"$IPKG_INSTROOT/lib/functions.sh\"\n\
                     default_postinst \"$0\" \"$@\"\n";
const BEFORE: &str = "#!/bin/sh\n[ -s \"$IPKG_INSTROOT/lib/functions.sh\" ] || exit 0\n. \"$IPKG_INSTROOT/lib/functions.sh\"\n\
                      default_prerm \"$0\" \"$@\"\n";

/// The package of a program for one of OpenWrt's architectures, as bytes.
pub(super) fn package(about: &About, architecture: &str, program: &[u8]) -> Result<Vec<u8>> {
    let files = files(program);
    let mut control = Tree::default();
    control.put("control", DATA, fields(about, architecture, files.bytes()));
    control.put("conffiles", DATA, CONFIGURATION);
    control.put("postinst", PROGRAM, AFTER);
    control.put("prerm", PROGRAM, BEFORE);
    let mut package = Tree::default();
    package.put("debian-binary", DATA, "2.0\n");
    package.put("control.tar.gz", DATA, control.archive(about.at)?);
    package.put("data.tar.gz", DATA, files.archive(about.at)?);
    package.archive(about.at)
}

/// The files alone, to be unpacked at the root.
pub(super) fn archive(about: &About, program: &[u8]) -> Result<Vec<u8>> {
    files(program).archive(about.at)
}

/// Without manual page and completions: such a system has neither `man` nor a shell that completes.
fn files(program: &[u8]) -> Tree {
    let mut tree = Tree::default();
    tree.put("usr/bin/rtspscope", PROGRAM, program);
    tree.put(
        "etc/config/rtspscope",
        PRIVATE,
        include_str!("../../packaging/openwrt/rtspscope/files/rtspscope.config"),
    );
    tree.put(
        "etc/init.d/rtspscope",
        PROGRAM,
        include_str!("../../packaging/openwrt/rtspscope/files/rtspscope.init"),
    );
    tree.put(
        "etc/hotplug.d/iface/90-rtspscope",
        DATA,
        include_str!("../../packaging/openwrt/rtspscope/files/rtspscope.hotplug"),
    );
    tree
}

fn fields(about: &About, architecture: &str, bytes: usize) -> String {
    format!(
        "Package: rtspscope\n\
         Version: {}-r1\n\
         License: MIT OR Apache-2.0\n\
         Section: net\n\
         Architecture: {architecture}\n\
         Maintainer: {}\n\
         Installed-Size: {bytes}\n\
         Description: {}\n{}",
        about.version,
        super::MAINTAINER,
        super::SUMMARY,
        super::DESCRIPTION,
    )
}
