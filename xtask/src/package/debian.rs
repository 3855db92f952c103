//! Debian's package: an `ar` archive of a format number, a control archive and the files (deb(5)).

use anyhow::Result;

use super::{
    About,
    tree::{DATA, PROGRAM, Tree, packed},
};
use crate::docs::{MANUAL, Printed};

/// Files that are the administrator's own once installed.
const CONFIGURATION: &str = "/etc/default/rtspscope\n";

/// The package of a program for one of Debian's architectures, as bytes.
pub(super) fn package(
    about: &About,
    architecture: &str,
    program: &[u8],
    printed: &[Printed],
) -> Result<Vec<u8>> {
    let files = files(about, program, printed)?;
    let mut control = Tree::default();
    control.put("control", DATA, fields(about, architecture, files.bytes()));
    control.put("conffiles", DATA, CONFIGURATION);
    control.put(
        "postinst",
        PROGRAM,
        include_str!("../../packaging/debian/postinst"),
    );
    control.put(
        "prerm",
        PROGRAM,
        include_str!("../../packaging/debian/prerm"),
    );
    control.put(
        "postrm",
        PROGRAM,
        include_str!("../../packaging/debian/postrm"),
    );
    let members = [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar.gz", control.archive(about.at)?),
        ("data.tar.gz", files.archive(about.at)?),
    ];
    let mut archive = ar::Builder::new(Vec::new());
    for (name, contents) in members {
        let mut header = ar::Header::new(name.into(), contents.len() as u64);
        header.set_mode(0o100_644);
        header.set_mtime(about.at);
        archive.append(&header, contents.as_slice())?;
    }
    Ok(archive.into_inner()?)
}

fn files(about: &About, program: &[u8], printed: &[Printed]) -> Result<Tree> {
    let mut tree = Tree::default();
    tree.put("usr/bin/rtspscope", PROGRAM, program);
    tree.put(
        "usr/lib/systemd/system/rtspscope.service",
        DATA,
        include_str!("../../packaging/debian/rtspscope.service"),
    );
    tree.put(
        "etc/default/rtspscope",
        DATA,
        include_str!("../../packaging/debian/rtspscope.default"),
    );
    for Printed { place, text } in printed {
        if *place == MANUAL {
            tree.put(&format!("usr/{place}.gz"), DATA, packed(text.as_bytes())?);
        } else {
            tree.put(&format!("usr/{place}"), DATA, text.as_bytes());
        }
    }
    tree.put("usr/share/doc/rtspscope/copyright", DATA, copyright(about));
    let changes = packed(about.changes.as_bytes())?;
    tree.put("usr/share/doc/rtspscope/changelog.gz", DATA, changes);
    Ok(tree)
}

/// Who may do what, with the licences' whole texts where Debian has none of its own.
fn copyright(about: &About) -> String {
    let mit: Vec<String> = about
        .mit
        .lines()
        .skip_while(|line| !line.starts_with("Permission"))
        .map(|line| {
            if line.is_empty() {
                " .".to_owned()
            } else {
                format!(" {line}")
            }
        })
        .collect();
    format!(
        "{}License: MIT\n{}\n\nLicense: Apache-2.0\n See /usr/share/common-licenses/Apache-2.0.\n\n\
         License: GPL-2.0\n See /usr/share/common-licenses/GPL-2.\n",
        include_str!("../../packaging/debian/copyright"),
        mit.join("\n")
    )
}

fn fields(about: &About, architecture: &str, bytes: usize) -> String {
    format!(
        "Package: rtspscope\n\
         Version: {}\n\
         Architecture: {architecture}\n\
         Maintainer: {}\n\
         Installed-Size: {}\n\
         Section: net\n\
         Priority: optional\n\
         Description: {}\n{}",
        about.version,
        super::MAINTAINER,
        bytes.div_ceil(1024),
        super::SUMMARY,
        super::DESCRIPTION
    )
}
