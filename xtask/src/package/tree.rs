//! What a package puts on a machine: files with their modes, written as a tar archive that is the same whoever makes it.

use std::{collections::BTreeMap, io::Write as _};

use anyhow::Result;
use flate2::{Compression, GzBuilder, write::GzEncoder};

/// A file that everyone may read.
pub(super) const DATA: u32 = 0o644;

/// A program or script.
pub(super) const PROGRAM: u32 = 0o755;

/// A file that only its owner may read.
pub(super) const PRIVATE: u32 = 0o600;

/// Files by their place below the root.
#[derive(Debug, Default)]
pub(super) struct Tree {
    files: BTreeMap<String, (u32, Vec<u8>)>,
}

impl Tree {
    /// Puts a file to a place such as `usr/bin/rtspscope`.
    pub(super) fn put(&mut self, place: &str, mode: u32, contents: impl Into<Vec<u8>>) {
        self.files.insert(place.to_owned(), (mode, contents.into()));
    }

    /// Bytes of all files, as package managers count what is installed.
    pub(super) fn bytes(&self) -> usize {
        self.files
            .values()
            .map(|(_, contents)| contents.len())
            .sum()
    }

    /// The archive, packed with gzip: owned by root, directories before what is in them, and everything of one moment (in
    /// seconds since 1970).
    pub(super) fn archive(&self, at: u64) -> Result<Vec<u8>> {
        let mut archive = tar::Builder::new(packer());
        let mut made: Vec<&str> = Vec::new();
        entry(
            &mut archive,
            "./",
            tar::EntryType::Directory,
            PROGRAM,
            at,
            &[],
        )?;
        for (place, (mode, contents)) in &self.files {
            for (end, _) in place.match_indices('/') {
                let directory = &place[..=end];
                if !made.contains(&directory) {
                    made.push(directory);
                    let name = format!("./{directory}");
                    entry(
                        &mut archive,
                        &name,
                        tar::EntryType::Directory,
                        PROGRAM,
                        at,
                        &[],
                    )?;
                }
            }
            let name = format!("./{place}");
            entry(
                &mut archive,
                &name,
                tar::EntryType::Regular,
                *mode,
                at,
                contents,
            )?;
        }
        Ok(archive.into_inner()?.finish()?)
    }
}

fn entry(
    archive: &mut tar::Builder<GzEncoder<Vec<u8>>>,
    name: &str,
    kind: tar::EntryType,
    mode: u32,
    at: u64,
    contents: &[u8],
) -> Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_mtime(at);
    header.set_uid(0);
    header.set_gid(0);
    header.set_username("root")?;
    header.set_groupname("root")?;
    header.set_size(contents.len() as u64);
    // Not by `append_data`, which would drop the dot that package managers expect before each name.
    let field = &mut header.as_old_mut().name;
    field[..name.len()].copy_from_slice(name.as_bytes());
    header.set_cksum();
    Ok(archive.append(&header, contents)?)
}

/// Packs a single file, as manual pages and changelogs are.
pub(super) fn packed(contents: &[u8]) -> Result<Vec<u8>> {
    let mut packer = packer();
    packer.write_all(contents)?;
    Ok(packer.finish()?)
}

/// Without a time and a name of its own, so that equal contents give equal bytes.
fn packer() -> GzEncoder<Vec<u8>> {
    GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::best())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;

    fn listed(archive: &[u8]) -> Vec<(String, u32, u64)> {
        let mut archive = tar::Archive::new(GzDecoder::new(archive));
        let entries = archive.entries().expect("an archive");
        let told = entries.map(|entry| {
            let entry = entry.expect("an entry");
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let header = entry.header();
            (
                name,
                header.mode().expect("a mode"),
                header.mtime().expect("a time"),
            )
        });
        told.collect()
    }

    #[test]
    fn directories_come_before_what_is_in_them_and_once() {
        let mut tree = Tree::default();
        tree.put("usr/share/doc", DATA, "text");
        tree.put("usr/bin/tool", PROGRAM, "#!");
        let archive = tree.archive(7).expect("it can be written");
        let expected = [
            ("./", 0o755),
            ("./usr/", 0o755),
            ("./usr/bin/", 0o755),
            ("./usr/bin/tool", 0o755),
            ("./usr/share/", 0o755),
            ("./usr/share/doc", 0o644),
        ];
        let expected = expected.map(|(name, mode)| (name.to_owned(), mode, 7));
        assert_eq!(listed(&archive), expected);
        assert_eq!(tree.bytes(), 6);
    }

    #[test]
    fn the_same_files_give_the_same_bytes() {
        let make = || {
            let mut tree = Tree::default();
            tree.put("etc/config/rtspscope", PRIVATE, "config");
            tree.archive(1).expect("it can be written")
        };
        assert_eq!(make(), make());
    }

    #[test]
    fn a_packed_file_can_be_read_again() {
        let packed = packed(b".TH RTSPSCOPE 1\n").expect("it can be packed");
        let mut text = String::new();
        GzDecoder::new(packed.as_slice())
            .read_to_string(&mut text)
            .expect("it is gzip");
        assert_eq!(text, ".TH RTSPSCOPE 1\n");
    }
}
