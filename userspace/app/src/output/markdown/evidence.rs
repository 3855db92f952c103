//! The frames that go with the report in a file of their own.

use super::escape::{code, prose};
use super::heading;
use super::table::{self, Column};
use crate::output::evidence::{Index, Proof};

/// Which frame of the evidence file is which frame of the captures, and what it is.
pub(crate) fn evidence(index: &Index) -> String {
    let mut out = String::from("\n");
    heading(&mut out, 2, "Evidence");
    let told = prose(&index.told());
    out.extend([&told, ".\n\n"]);
    out.push_str(
        "Frame numbers above are those of the captures; this table gives the number of each in ",
    );
    out.extend([
        &code(index.pcapng),
        ", and so does the comment on each frame there (",
    ]);
    out.extend([
        &code("frame.comment contains \"frame 12:\""),
        " finds one in Wireshark).\n\n",
    ]);
    if index.frames.is_empty() {
        return out;
    }
    let columns = [
        Column::Number("Frame here"),
        Column::Text("Capture"),
        Column::Number("Frame there"),
        Column::Text("What it is"),
        Column::Text("Proves"),
    ];
    let rows = index.frames.iter().map(|frame| {
        [
            frame.frame.to_string(),
            code(&frame.file),
            frame.original_frame.to_string(),
            prose(&frame.what.join("; ")),
            prose(
                &frame
                    .proves
                    .iter()
                    .map(Proof::told)
                    .collect::<Vec<_>>()
                    .join(". "),
            ),
        ]
    });
    table::write(&mut out, &columns, rows);
    out
}
