//! The colours of both schemes, as custom properties of the style sheet.
//!
//! A test holds every text on every ground it stands on to the contrast that WCAG 2.2 asks for (4.5 to 1, criterion
//! 1.4.3), and lines that carry meaning to 3 to 1 (criterion 1.4.11).

use std::fmt::Write;

/// Name and colour, as `#rrggbb`.
type Colors = [(&'static str, &'static str); 17];

/// Dark on light, also for paper.
const LIGHT: Colors = [
    ("ground", "#ffffff"),
    ("surface", "#f5f6f8"),
    ("text", "#1b1f24"),
    ("faint", "#545b65"),
    ("line", "#cfd4db"),
    ("stroke", "#68717d"),
    ("link", "#1f56a8"),
    ("bad", "#ad1f17"),
    ("bad-ground", "#fdecea"),
    ("doubtful", "#7d4b00"),
    ("doubtful-ground", "#fff3dc"),
    ("good", "#17653a"),
    ("good-ground", "#e6f4ea"),
    ("remark", "#1f56a8"),
    ("remark-ground", "#e9f0fb"),
    ("removed-ground", "#ffd8d2"),
    ("added-ground", "#c9ecd3"),
];

/// Light on dark.
const DARK: Colors = [
    ("ground", "#13161a"),
    ("surface", "#1c2026"),
    ("text", "#e7eaef"),
    ("faint", "#a8b0bc"),
    ("line", "#3a414b"),
    ("stroke", "#8a94a2"),
    ("link", "#8fbdff"),
    ("bad", "#ff9389"),
    ("bad-ground", "#381b1a"),
    ("doubtful", "#ffc56b"),
    ("doubtful-ground", "#36280f"),
    ("good", "#83dba0"),
    ("good-ground", "#142e1e"),
    ("remark", "#8fbdff"),
    ("remark-ground", "#17263c"),
    ("removed-ground", "#672823"),
    ("added-ground", "#1c5532"),
];

/// The rules that set the colours: light, and dark for those whose system is, except on paper.
pub(super) fn rules() -> String {
    let mut out = String::new();
    scheme(&mut out, &LIGHT);
    out.push_str("@media screen and (prefers-color-scheme:dark){");
    scheme(&mut out, &DARK);
    out.push_str("}\n");
    out
}

fn scheme(out: &mut String, colors: &Colors) {
    out.push_str(":root{");
    for (name, color) in colors {
        // Writing to a String cannot fail.
        let _ = write!(out, "--{name}:{color};");
    }
    out.push_str("}\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts and the grounds that they stand on.
    const TEXTS: [(&str, &[&str]); 7] = [
        (
            "text",
            &[
                "ground",
                "surface",
                "bad-ground",
                "doubtful-ground",
                "good-ground",
                "remark-ground",
                "removed-ground",
                "added-ground",
            ],
        ),
        ("faint", &["ground", "surface"]),
        ("link", &["ground", "surface"]),
        ("bad", &["ground", "surface", "bad-ground"]),
        ("doubtful", &["ground", "surface", "doubtful-ground"]),
        ("good", &["ground", "surface", "good-ground"]),
        ("remark", &["ground", "surface", "remark-ground"]),
    ];

    fn color(colors: &Colors, name: &str) -> f64 {
        let (_, hex) = colors.iter().find(|(known, _)| *known == name).unwrap();
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    /// Contrast ratio of WCAG 2.2, from 1 to 21.
    fn contrast(colors: &Colors, one: &str, other: &str) -> f64 {
        let (one, other) = (color(colors, one), color(colors, other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn black_on_white_has_the_greatest_contrast() {
        let mut colors = LIGHT;
        colors[2].1 = "#000000";
        assert!((contrast(&colors, "text", "ground") - 21.0).abs() < 1e-9);
    }

    #[test]
    fn every_text_can_be_read_on_every_ground() {
        for colors in [&LIGHT, &DARK] {
            for (text, grounds) in TEXTS {
                for ground in grounds {
                    let contrast = contrast(colors, text, ground);
                    assert!(contrast >= 4.5, "{text} on {ground}: {contrast:.2}");
                }
            }
        }
    }

    #[test]
    fn lines_with_a_meaning_can_be_seen() {
        for colors in [&LIGHT, &DARK] {
            for ground in ["ground", "surface"] {
                assert!(contrast(colors, "stroke", ground) >= 3.0, "{ground}");
            }
        }
    }
}
