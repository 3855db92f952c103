//! The kernel programs for big-endian machines: built, and their records laid out as in the little-endian ones.
//!
//! No machine with that byte order is at hand, so the two objects are compared by the type information (BTF) that the
//! compiler left in them: user space reads maps and ring by the same Rust types in either order.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::{Context as _, Result, bail};
use object::{Endianness, Object as _, ObjectSection as _};

use crate::{
    command,
    process::run,
    toolchain::{Toolchain, bpf_target},
    workspace::Workspace,
};

/// Kinds of types that have members (`linux/btf.h`).
const STRUCT: u32 = 4;
const UNION: u32 = 5;

/// Length of the part that all types have, and of a member.
const TYPE_LEN: usize = 12;
const MEMBER_LEN: usize = 12;

/// Types with members by name: length in bytes, and each member with its offset in bits.
type Layouts = BTreeMap<String, Vec<(u32, Vec<(String, u32)>)>>;

/// Types that must be among the compared ones: what user space reads.
const SHARED: [&str; 4] = ["FlowKey", "FlowValue", "RecordHeader", "EndpointKey"];

/// Builds both objects and compares them; tells what was compared.
pub(super) fn check(workspace: &Workspace) -> Result<String> {
    let little = layouts(&fs::read(build(workspace, false, "x86_64")?)?)?;
    let object = fs::read(build(workspace, true, "mips")?)?;
    let big = layouts(&object)?;
    if let Some(lacking) = SHARED.iter().find(|name| !big.contains_key(**name)) {
        bail!("the big-endian object does not describe {lacking}");
    }
    let different = differences(&little, &big);
    if !different.is_empty() {
        bail!(
            "laid out otherwise in the big-endian object: {}",
            different.join(", ")
        );
    }
    Ok(format!(
        "big-endian object: built, {} types laid out as in the little-endian one",
        big.len()
    ))
}

fn build(workspace: &Workspace, big_endian: bool, machine: &str) -> Result<PathBuf> {
    let target = bpf_target(big_endian);
    let lacking = |lacking| anyhow::anyhow!("{target} cannot be compiled without {lacking}");
    let toolchain = Toolchain::find(&workspace.root, target).map_err(lacking)?;
    let directory = workspace.target.join("ebpf");
    run(command::cargo(&toolchain, target, machine)
        .arg("--target-dir")
        .arg(&directory)
        .current_dir(&workspace.root))?;
    Ok(directory.join(target).join("release/rtsp-ebpf"))
}

/// Names of types that differ or that only one side has.
fn differences(little: &Layouts, big: &Layouts) -> Vec<String> {
    let names = little.keys().chain(big.keys());
    let mut different: Vec<String> = names
        .filter(|name| little.get(*name) != big.get(*name))
        .cloned()
        .collect();
    different.sort();
    different.dedup();
    different
}

/// The layouts that an object describes.
fn layouts(object: &[u8]) -> Result<Layouts> {
    let file = object::File::parse(object)?;
    let section = file
        .section_by_name(".BTF")
        .context("the object has no BTF")?;
    let reader = Reader {
        bytes: section.data()?,
        big_endian: file.endianness() == Endianness::Big,
    };
    reader.layouts().context("the object's BTF is cut short")
}

/// BTF in either byte order (`Documentation/bpf/btf.rst`).
struct Reader<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl Reader<'_> {
    fn layouts(&self) -> Option<Layouts> {
        let header_len = self.word(4)? as usize;
        let types = header_len + self.word(8)? as usize;
        let end = types + self.word(12)? as usize;
        let strings = header_len + self.word(16)? as usize;
        let mut layouts = Layouts::new();
        let mut at = types;
        while at < end {
            let info = self.word(at + 4)?;
            let (kind, count) = (info >> 24 & 0x1f, (info & 0xffff) as usize);
            if kind == STRUCT || kind == UNION {
                let name = self.text(strings, at)?;
                let members = (0..count).map(|place| {
                    let member = at + TYPE_LEN + place * MEMBER_LEN;
                    Some((self.text(strings, member)?, self.word(member + 8)?))
                });
                let members = members.collect::<Option<Vec<_>>>()?;
                let same_name = layouts.entry(name).or_default();
                same_name.push((self.word(at + 8)?, members));
                same_name.sort();
            }
            at += TYPE_LEN + extra_len(kind, count);
        }
        // Maps have no name; their types count as many as there are maps.
        layouts.remove("");
        Some(layouts)
    }

    /// The name whose place in the strings stands at `at`.
    fn text(&self, strings: usize, at: usize) -> Option<String> {
        let rest = self.bytes.get(strings + self.word(at)? as usize..)?;
        let len = rest.iter().position(|byte| *byte == 0)?;
        Some(String::from_utf8_lossy(&rest[..len]).into_owned())
    }

    fn word(&self, at: usize) -> Option<u32> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        })
    }
}

/// Length of what follows a type of this kind with `count` members, values or parameters.
fn extra_len(kind: u32, count: usize) -> usize {
    match kind {
        // Integer, variable, declaration tag.
        1 | 14 | 17 => 4,
        // Array.
        3 => 12,
        // Enumeration and prototype.
        6 | 13 => 8 * count,
        // Struct, union, section, enumeration of 64 bits.
        STRUCT | UNION | 15 | 19 => 12 * count,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(offset: u32) -> Layouts {
        let members = vec![("packets".to_owned(), 0), ("bytes".to_owned(), offset)];
        Layouts::from([("FlowValue".to_owned(), vec![(16, members)])])
    }

    #[test]
    fn a_moved_member_is_a_difference() {
        assert_eq!(differences(&layout(64), &layout(64)), Vec::<String>::new());
        assert_eq!(differences(&layout(64), &layout(32)), ["FlowValue"]);
        assert_eq!(differences(&layout(64), &Layouts::new()), ["FlowValue"]);
    }

    #[test]
    fn both_byte_orders_are_read() {
        // One struct "S" of 8 bytes with a member "m" at bit 32, after an integer.
        let words = [
            24,
            0,
            40,
            40,
            6, // header: length, types at and their length, strings at and theirs
            5,
            0x0100_0000,
            4,
            32, // integer
            1,
            0x0400_0001,
            8,
            3,
            1,
            32, // struct and its member
        ];
        for big_endian in [false, true] {
            let mut bytes = if big_endian {
                vec![0xeb, 0x9f, 1, 0]
            } else {
                vec![0x9f, 0xeb, 1, 0]
            };
            for word in words {
                let word: u32 = word;
                bytes.extend(if big_endian {
                    word.to_be_bytes()
                } else {
                    word.to_le_bytes()
                });
            }
            bytes.extend(b"\0S\0m\0i\0");
            let read = Reader {
                bytes: &bytes,
                big_endian,
            }
            .layouts();
            let expected = Layouts::from([("S".to_owned(), vec![(8, vec![("m".to_owned(), 32)])])]);
            assert_eq!(read, Some(expected));
        }
    }
}
