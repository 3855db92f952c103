//! A `cpio` archive in the "newc" format, which the kernel unpacks as its first file system
//! (`Documentation/driver-api/early-userspace/buffer-format.rst`).

/// Modes of the entries: type and permissions.
const DIRECTORY: u32 = 0o040_755;
const EXECUTABLE: u32 = 0o100_755;

/// Name of the entry that ends an archive.
const TRAILER: &str = "TRAILER!!!";

/// An archive under way.
#[derive(Debug, Default)]
pub(super) struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

impl Archive {
    /// Adds an empty directory; parents come before their children.
    pub(super) fn directory(&mut self, name: &str) {
        self.entry(name, DIRECTORY, &[]);
    }

    /// Adds a file, executable.
    pub(super) fn file(&mut self, name: &str, contents: &[u8]) {
        self.entry(name, EXECUTABLE, contents);
    }

    /// The whole archive.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.entry(TRAILER, 0, &[]);
        self.bytes
    }

    fn entry(&mut self, name: &str, mode: u32, contents: &[u8]) {
        self.entries += 1;
        let name_len = name.len() as u32 + 1;
        // Inode, mode, owner, group, links, time, length, device (two), special device (two), name length, check.
        let len = contents.len() as u32;
        let fields = [self.entries, mode, 0, 0, 1, 0, len, 0, 0, 0, 0, name_len, 0];
        self.bytes.extend(b"070701");
        for field in fields {
            self.bytes.extend(format!("{field:08x}").bytes());
        }
        self.bytes.extend(name.bytes());
        self.bytes.push(0);
        self.align();
        self.bytes.extend(contents);
        self.align();
    }

    fn align(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_lie_at_multiples_of_four() {
        let mut archive = Archive::default();
        archive.directory("bin");
        archive.file("init", b"hello");
        let bytes = archive.finish();
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(&text[..14], "07070100000001");
        assert_eq!(&text[14..22], "000041ed", "a directory, rwxr-xr-x");
        let file = text.find("init\0").expect("its name is there");
        assert_eq!(&text[file - 110..file - 104], "070701");
        assert_eq!(&text[file - 56..file - 48], "00000005", "length");
        let contents = text
            .find("hello\0\0\x00070701")
            .expect("padded, then the trailer");
        assert_eq!(contents % 4, 0);
        assert!(text.contains(TRAILER));
        assert_eq!(bytes.len() % 4, 0);
    }
}
