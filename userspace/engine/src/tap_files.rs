//! The files that a tap's frames come from, and to which of them the number of a frame leads.
//!
//! A capture that was rotated into several files is one tap, whose frames are numbered through: so the numbers rise, and
//! one number is one frame. A person opens one of the files, where frames count from 1 again.

/// One file of a tap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TapFile {
    /// Where it is: a path, `-`, or the backend and interface of a live run.
    pub source: String,
    /// Number of the last frame before its first: 0 in the first file.
    pub frames_before: u64,
}

/// The files of a tap in the order in which they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TapFiles {
    files: Vec<TapFile>,
}

impl TapFiles {
    /// A tap that has frames of this file only, so far.
    pub fn of(source: impl Into<String>) -> Self {
        let first = TapFile {
            source: source.into(),
            frames_before: 0,
        };
        Self { files: vec![first] }
    }

    /// Says that the tap's next frames come from `file`. Of one that is known already it only says how its frames are
    /// numbered, which is the case for a tap that is first seen in a later file of its capture.
    pub fn begin(&mut self, file: TapFile) {
        self.files.pop_if(|last| last.source == file.source);
        self.files.push(file);
    }

    /// Whether a number alone does not tell the file.
    pub const fn are_several(&self) -> bool {
        self.files.len() > 1
    }

    /// Where the files are.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.source.as_str())
    }

    /// The file that holds the tap's frame `number`, and its number there.
    pub fn find(&self, number: u64) -> Option<(&TapFile, u64)> {
        let mut files = self.files.iter().rev();
        let file = files.find(|file| file.frames_before < number)?;
        Some((file, number - file.frames_before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(source: &str, frames_before: u64) -> TapFile {
        TapFile {
            source: source.to_owned(),
            frames_before,
        }
    }

    fn found(files: &TapFiles, number: u64) -> Option<(&str, u64)> {
        let (file, own) = files.find(number)?;
        Some((&file.source, own))
    }

    #[test]
    fn a_number_leads_to_its_file() {
        let mut files = TapFiles::of("cap.pcap");
        assert!(!files.are_several());
        files.begin(file("cap.pcap1", 10));
        files.begin(file("cap.pcap2", 10));
        files.begin(file("cap.pcap3", 12));
        assert!(files.are_several());
        assert_eq!(found(&files, 1), Some(("cap.pcap", 1)));
        assert_eq!(found(&files, 10), Some(("cap.pcap", 10)));
        assert_eq!(found(&files, 11), Some(("cap.pcap2", 1)));
        assert_eq!(found(&files, 13), Some(("cap.pcap3", 1)));
        assert_eq!(found(&files, 0), None);
    }

    #[test]
    fn a_tap_may_be_first_seen_in_a_later_file() {
        let mut files = TapFiles::of("cap.pcap1");
        files.begin(file("cap.pcap1", 10));
        assert!(!files.are_several());
        assert_eq!(found(&files, 11), Some(("cap.pcap1", 1)));
    }
}
