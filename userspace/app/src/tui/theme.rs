//! How things look, in one place: what a style means, and how a screen comes down to fewer colours or to ASCII.
//!
//! Views name a meaning, never a colour. A terminal without colours, or one of plain ASCII, is served after the drawing:
//! the finished screen is passed through once, so that no view can forget it. Every meaning has a sign or an attribute
//! besides its colour.

use std::env;

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};
use rtspscope_engine::Severity;

/// What the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Theme {
    /// Colours, of which 16 are used.
    pub(super) color: bool,
    /// Characters beyond ASCII.
    pub(super) unicode: bool,
}

/// What a terminal is told of itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Surroundings {
    pub(super) term: Option<String>,
    pub(super) locale: Option<String>,
    pub(super) no_color: bool,
}

impl Surroundings {
    /// Those of this process.
    pub(super) fn of_process() -> Self {
        let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            term: set("TERM"),
            locale: ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set),
            no_color: set("NO_COLOR").is_some(),
        }
    }
}

/// Terminals without colours.
const COLORLESS: [&str; 4] = ["vt100", "vt102", "vt220", "dumb"];

/// Terminals whose font lacks the signs, whatever the locale says.
const SIGNLESS: [&str; 5] = ["linux", "vt100", "vt102", "vt220", "dumb"];

impl Theme {
    /// The best that these surroundings allow, within what the user asked for.
    pub(super) fn of(surroundings: &Surroundings, ascii: bool, color: Option<bool>) -> Self {
        let term = surroundings.term.as_deref().unwrap_or("dumb");
        let is_utf8 = surroundings.locale.as_deref().is_some_and(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        let has_color = !surroundings.no_color && !COLORLESS.contains(&term);
        Self {
            color: color.unwrap_or(has_color),
            unicode: !ascii && is_utf8 && !SIGNLESS.contains(&term),
        }
    }

    /// Brings a finished screen down to what the terminal can show.
    pub(super) fn fit(self, buffer: &mut Buffer) {
        for cell in &mut buffer.content {
            if !self.color {
                cell.set_fg(Color::Reset);
                cell.set_bg(Color::Reset);
            }
            if !self.unicode && !cell.symbol().is_ascii() {
                let plain = plain(cell.symbol());
                cell.set_symbol(plain);
            }
        }
    }
}

/// The ASCII sign that stands for another.
fn plain(symbol: &str) -> &'static str {
    match symbol {
        "─" | "━" | "╌" | "–" | "—" => "-",
        "│" | "┃" => "|",
        "┌" | "┐" | "└" | "┘" | "├" | "┤" | "┬" | "┴" | "┼" | "✓" => "+",
        "→" | "▶" | "›" | "≥" => ">",
        "←" | "◀" | "‹" => "<",
        "↑" | "▲" => "^",
        "↓" | "▼" => "v",
        "✗" | "×" => "x",
        "≠" => "#",
        "…" => "~",
        "·" | "•" | "▁" => ".",
        "▂" | "▃" => ":",
        "▄" | "▅" => "=",
        "▆" | "▇" => "%",
        "█" => "@",
        "●" => "*",
        "∅" => "0",
        _ => "?",
    }
}

/// A heading.
pub(super) fn strong() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

/// Of less weight.
pub(super) fn faint() -> Style {
    Style::new().add_modifier(Modifier::DIM)
}

/// Broken.
pub(super) fn bad() -> Style {
    Style::new()
        .fg(Color::LightRed)
        .add_modifier(Modifier::BOLD)
}

/// Not as it should be.
pub(super) fn doubtful() -> Style {
    Style::new().fg(Color::Yellow).add_modifier(Modifier::BOLD)
}

/// As it should be.
pub(super) fn good() -> Style {
    Style::new().fg(Color::Green)
}

/// Worth knowing.
pub(super) fn remark() -> Style {
    Style::new().fg(Color::Cyan)
}

/// What the router changed.
pub(super) fn changed() -> Style {
    Style::new()
        .fg(Color::LightMagenta)
        .add_modifier(Modifier::BOLD | Modifier::UNDERLINED)
}

/// Bytes that are odd.
pub(super) fn odd() -> Style {
    Style::new()
        .fg(Color::Yellow)
        .add_modifier(Modifier::UNDERLINED)
}

/// Bytes that cannot be shown.
pub(super) fn escape() -> Style {
    Style::new()
        .fg(Color::LightRed)
        .add_modifier(Modifier::REVERSED)
}

/// A name in a message.
pub(super) fn name() -> Style {
    Style::new().fg(Color::Cyan)
}

/// What the cursor is on.
pub(super) fn selected() -> Style {
    Style::new().add_modifier(Modifier::REVERSED)
}

/// What came from the client.
pub(super) fn from_client() -> Style {
    Style::new().fg(Color::Cyan)
}

/// What came from the server.
pub(super) fn from_server() -> Style {
    Style::new().fg(Color::Green)
}

/// A key.
pub(super) fn key() -> Style {
    Style::new().fg(Color::Cyan).add_modifier(Modifier::BOLD)
}

/// The sign and style of a severity, or of nothing found.
pub(super) fn mark(severity: Option<Severity>) -> (&'static str, Style) {
    match severity {
        Some(Severity::Error) => ("✗", bad()),
        Some(Severity::Warning) => ("!", doubtful()),
        Some(Severity::Info) => ("i", remark()),
        None => ("✓", good()),
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;

    use super::*;

    fn theme(term: &str, locale: &str, no_color: bool) -> Theme {
        let surroundings = Surroundings {
            term: Some(term.to_owned()),
            locale: Some(locale.to_owned()),
            no_color,
        };
        Theme::of(&surroundings, false, None)
    }

    #[test]
    fn a_terminal_gets_what_its_name_and_its_locale_allow() {
        let full = Theme {
            color: true,
            unicode: true,
        };
        assert_eq!(theme("xterm-256color", "de_DE.UTF-8", false), full);
        assert_eq!(theme("tmux-256color", "C.utf8", false), full);
        assert_eq!(theme("screen", "C.utf8", false), full);
        assert_eq!(
            theme("xterm", "C", false),
            Theme {
                color: true,
                unicode: false
            }
        );
        assert_eq!(
            theme("linux", "C.UTF-8", false),
            Theme {
                color: true,
                unicode: false
            }
        );
        assert_eq!(
            theme("vt100", "C.UTF-8", false),
            Theme {
                color: false,
                unicode: false
            }
        );
        assert_eq!(
            theme("xterm", "C.UTF-8", true),
            Theme {
                color: false,
                unicode: true
            }
        );
    }

    #[test]
    fn the_user_has_the_last_word() {
        let surroundings = Surroundings {
            term: Some("xterm".to_owned()),
            locale: Some("C.UTF-8".to_owned()),
            no_color: true,
        };
        let theme = Theme::of(&surroundings, true, Some(true));
        assert_eq!(
            theme,
            Theme {
                color: true,
                unicode: false
            }
        );
    }

    #[test]
    fn a_plain_terminal_gets_nothing_but_ascii_and_no_colour() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 14, 1));
        buffer.set_string(0, 0, "✗ ─→ Straße猫", bad());
        Theme {
            color: false,
            unicode: false,
        }
        .fit(&mut buffer);
        assert!(
            buffer
                .content
                .iter()
                .all(|cell| cell.symbol().is_ascii() && cell.fg == Color::Reset)
        );
        let text: String = buffer
            .content
            .iter()
            .map(ratatui::buffer::Cell::symbol)
            .collect();
        assert!(text.starts_with("x -> Stra?e?"), "{text}");
    }
}
