//! How to read the report, for someone who gets it from someone else.

use super::mark;
use super::markup::Markup;
use crate::output::sentences::Standing;

/// Words that a reader may meet here first.
const WORDS: [(&str, &str); 7] = [
    (
        "LAN, WAN",
        "the side of the router towards the viewer's or the camera's own network, and the side towards the world. At \
         each of them a tap recorded the packets.",
    ),
    (
        "Ladder",
        "what went between client and server, from top to bottom in order of time. A solid line was seen by the tap at \
         its end, a dashed one is what must have followed. A number such as #12 is the frame in that tap's capture; a mark at the right \
         such as ✗1 is the finding that the row proves.",
    ),
    (
        "≠",
        "the message left the router otherwise than it came in. What was taken away is struck out, what was put in is \
         underlined.",
    ),
    (
        "NAT",
        "the router puts its own public address in place of a private one; answers find their way back because it \
         remembers who asked.",
    ),
    (
        "ALG",
        "a part of the router, also called helper or RTSP fix-up, that reads RTSP and changes it, so that media can \
         find their way through the NAT.",
    ),
    (
        "RTP, RTCP",
        "the packets with picture and sound, and the reports about them. RTSP itself only agrees on where they go.",
    ),
    (
        "Lost",
        "sequence numbers between the first and the last packet that never came. A packet that came twice hides none.",
    ),
];

pub(super) fn write(main: &mut Markup) {
    let attributes = [("id", "legend"), ("aria-labelledby", "legend-title")];
    main.within("section", &attributes, |part| {
        part.leaf("h2", &[("id", "legend-title")], "How to read this report");
        part.within("p", &[], |paragraph| {
            for (standing, meaning) in [
                (Standing::Bad, "no picture, or not for long. "),
                (Standing::Doubtful, "not as it should be, or not to be judged. "),
                (Standing::Good, "as it should be. "),
                (Standing::Remark, "worth knowing."),
            ] {
                mark(paragraph, standing);
                paragraph.text(meaning);
            }
        });
        part.within("dl", &[("class", "facts")], |list| {
            for (word, meaning) in WORDS {
                list.leaf("dt", &[], word);
                list.leaf("dd", &[], meaning);
            }
        });
        let text = "The words in code such as rtp-never-arrived are names of findings: rtspscope explain NAME tells \
                    what one means, what proves it and what looks alike.";
        part.leaf("p", &[], text);
    });
}
