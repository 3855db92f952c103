//! A recording of the screen as one SVG: a capture, some keys, a picture after each of them, shown in turn.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use super::Stage;

/// What is recorded: the capture of the README's second report.
const CAPTURE: &str = "K-alg-owrt-conflict";

/// What is typed between the pictures.
const KEYS: [&str; 7] = ["", "j", "Enter", "n", "d", "m", "i"];

/// Size of the screen.
const SIZE: (u16, u16) = (92, 26);

/// Size of a character in the picture.
const CHARACTER: (f32, f32) = (8.4, 17.0);

/// Seconds that a picture stays.
const STAY: usize = 3;

/// The recording.
pub(super) fn svg() -> String {
    let mut stage = Stage::of(CAPTURE).sized(SIZE.0, SIZE.1);
    let width = f32::from(SIZE.0) * CHARACTER.0 + 20.0;
    let height = f32::from(SIZE.1) * CHARACTER.1 + 20.0;
    let mut out = String::new();
    let all = KEYS.len() * STAY;
    let part = 100.0 / KEYS.len() as f32;
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" \
         aria-label=\"The screen of rtspscope on a capture of a router whose ALG rewrites SETUP\">\n<style>\n\
         text{{font:14px ui-monospace,Menlo,Consolas,monospace;white-space:pre}}\n\
         .f{{opacity:0;animation:s {all}s infinite}}\n\
         @keyframes s{{0%{{opacity:1}}{part:.3}%{{opacity:1}}{:.3}%{{opacity:0}}100%{{opacity:0}}}}\n\
         @media (prefers-reduced-motion:reduce){{.f{{animation:none}}.f:last-child{{opacity:1}}}}\n</style>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#11151c\"/>\n",
        part + 0.001
    );
    for (number, keys) in KEYS.iter().enumerate() {
        stage.press(keys);
        let _ = writeln!(
            out,
            "<g class=\"f\" style=\"animation-delay:{}s\">",
            number * STAY
        );
        picture(&mut out, &stage.buffer());
        out.push_str("</g>\n");
    }
    out.push_str("</svg>\n");
    out
}

fn picture(out: &mut String, buffer: &Buffer) {
    let columns = usize::from(buffer.area.width);
    for (line, cells) in buffer.content.chunks(columns).enumerate() {
        let top = 10.0 + line as f32 * CHARACTER.1;
        let mut column = 0;
        while let Some(first) = cells.get(column) {
            let same = |cell: &&Cell| look(cell) == look(first);
            let len = cells
                .get(column..)
                .unwrap_or_default()
                .iter()
                .take_while(same)
                .count()
                .max(1);
            let run = cells.get(column..column + len).unwrap_or_default();
            let text: String = run.iter().map(Cell::symbol).collect();
            run_of_text(out, &text, look(first), column, len, top);
            column += len;
        }
    }
}

/// Colour, boldness, and whether the colours are exchanged.
fn look(cell: &Cell) -> (Color, Modifier) {
    (cell.fg, cell.modifier)
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the theme uses these colours only"
)]
fn run_of_text(
    out: &mut String,
    text: &str,
    (color, modifier): (Color, Modifier),
    column: usize,
    len: usize,
    top: f32,
) {
    let left = 10.0 + column as f32 * CHARACTER.0;
    let mut fill = match color {
        Color::LightRed => "#ff7b72",
        Color::Yellow => "#e3b341",
        Color::Green => "#7ee787",
        Color::Cyan => "#79c0ff",
        Color::LightMagenta => "#f0a6ff",
        _ if modifier.contains(Modifier::DIM) => "#8b949e",
        _ => "#e6edf3",
    };
    if modifier.contains(Modifier::REVERSED) {
        let width = len as f32 * CHARACTER.0;
        let _ = writeln!(
            out,
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{:.0}\" fill=\"{fill}\"/>",
            CHARACTER.1
        );
        fill = "#11151c";
    }
    if text.trim().is_empty() {
        return;
    }
    let bold = if modifier.contains(Modifier::BOLD) {
        " font-weight=\"bold\""
    } else {
        ""
    };
    let line = if modifier.contains(Modifier::UNDERLINED) {
        " text-decoration=\"underline\""
    } else {
        ""
    };
    let escaped = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let width = len as f32 * CHARACTER.0;
    let _ = writeln!(
        out,
        "<text x=\"{left:.1}\" y=\"{:.1}\" textLength=\"{width:.1}\" xml:space=\"preserve\" fill=\"{fill}\"{bold}{line}>{escaped}</text>",
        top + 13.0
    );
}
