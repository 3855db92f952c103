//! Where a person finds a frame again: its number in its own file, and the file where its tap has several.

use std::path::Path;

use rtspscope_engine::{Locator, Snapshot, TapFiles};

use super::privacy::own;

/// A frame as its file numbers it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// Name of the file, where the tap alone does not tell it.
    pub file: Option<String>,
    /// Number of the frame; `None` for what was counted without a copy of the packet.
    pub frame: Option<u64>,
}

/// The frame in its own file.
pub(crate) fn find(snapshot: &Snapshot, at: Locator) -> Found {
    let found = at.frame.map(|frame| snapshot.own_place(at.tap, frame));
    Found {
        file: found.and_then(|(file, _)| Some(name_of_file(&file?.source))),
        frame: found.map(|(_, frame)| frame),
    }
}

/// The same where only the files of the tap are at hand.
pub(crate) fn find_among(files: &TapFiles, frame: Option<u64>) -> Found {
    let found = frame.and_then(|frame| files.find(frame));
    Found {
        file: found
            .filter(|_| files.are_several())
            .map(|(file, _)| name_of_file(&file.source)),
        frame: found.map_or(frame, |(_, own)| Some(own)),
    }
}

/// The name of a file without its directory, which is nobody else's business.
pub(crate) fn name_of_file(source: &str) -> String {
    let name = Path::new(source).file_name();
    name.map_or_else(|| own(source), |name| own(&name.to_string_lossy()))
}

/// `#17`, behind the file where that is needed; nothing where no frame is known.
pub(crate) fn number(found: &Found) -> Option<String> {
    let frame = found.frame?;
    Some(match &found.file {
        Some(file) => format!("{file} #{frame}"),
        None => format!("#{frame}"),
    })
}

/// The frame behind the title of its tap. A title that is the name of the first of the tap's files says nothing that the
/// file does not.
pub(crate) fn told(title: &str, first_source: Option<&str>, found: &Found) -> String {
    let Some(number) = number(found) else {
        return title.to_owned();
    };
    let named_by_file = first_source.is_some_and(|source| name_of_file(source) == title);
    if found.file.is_some() && named_by_file {
        number
    } else {
        format!("{title} {number}")
    }
}

#[cfg(test)]
mod tests {
    use rtspscope_engine::TapFile;
    use rtspscope_wire::{TapId, Timestamp};

    use super::*;
    use crate::output::sample;

    fn found(file: Option<&str>, frame: Option<u64>) -> Found {
        Found {
            file: file.map(str::to_owned),
            frame,
        }
    }

    #[test]
    fn a_frame_of_a_later_file_counts_in_it() {
        let mut snapshot = sample::snapshot();
        let at = Locator {
            tap: TapId(0),
            frame: Some(117),
            at: Timestamp(0),
            stream_offset: None,
        };
        assert_eq!(find(&snapshot, at), found(None, Some(117)));
        let files = &mut snapshot.taps[0].files;
        files.begin(TapFile {
            source: "captures/lan.pcap1".to_owned(),
            frames_before: 100,
        });
        let second = found(Some("lan.pcap1"), Some(17));
        assert_eq!(find_among(files, Some(117)), second);
        assert_eq!(find(&snapshot, at), second);
    }

    #[test]
    fn a_file_is_named_where_there_are_several() {
        let told = |title, file, frame| told(title, Some("there/cap.pcap"), &found(file, frame));
        assert_eq!(told("cap.pcap", None, Some(17)), "cap.pcap #17");
        assert_eq!(
            told("cap.pcap", Some("cap.pcap1"), Some(17)),
            "cap.pcap1 #17"
        );
        assert_eq!(
            told("LAN", Some("cap.pcap1"), Some(17)),
            "LAN cap.pcap1 #17"
        );
        assert_eq!(told("LAN", None, None), "LAN");
    }
}
