//! What every key does in every view, as one table.

use std::fmt::Write as _;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::super::columns::Column;
use super::super::keys::{Key, TABLE};
use super::super::save::{Format, Request};
use super::super::state::{Prompt, State, View, Zoom};
use super::super::update::Action;
use super::Stage;

/// Names and values of what a key can change.
fn told(state: &State) -> Vec<(&'static str, String)> {
    vec![
        ("view", state.view.title().to_owned()),
        ("session", format!("{:?}", state.session.unwrap_or(0))),
        (
            "sort",
            format!(
                "{}{}",
                state.sort.title(),
                if state.descending { " down" } else { "" }
            ),
        ),
        ("follow", state.follow.to_string()),
        ("marked", format!("{:?}", state.marked)),
        ("finding", state.findings.at.to_string()),
        ("proof", state.proof.to_string()),
        ("row", state.ladder.at.to_string()),
        ("zoom", format!("{:?}", state.zoom)),
        ("copy", state.copy.to_string()),
        ("change", state.change.to_string()),
        ("scroll", state.scroll.to_string()),
        (
            "prompt",
            state
                .prompt
                .as_ref()
                .map_or_else(String::new, |prompt| format!("{prompt:?}")),
        ),
        ("held", state.paused.to_string()),
        (
            "note",
            state
                .note
                .as_ref()
                .map_or_else(String::new, |note| note.text.clone()),
        ),
    ]
}

fn event(key: Key) -> KeyEvent {
    match key {
        Key::Char(character) => KeyEvent::from(KeyCode::Char(character)),
        Key::Ctrl(character) => KeyEvent::new(KeyCode::Char(character), KeyModifiers::CONTROL),
        Key::Named(code) => KeyEvent::from(code),
    }
}

/// A place in the middle of things, so that a step in any direction shows: the second session of a capture with two.
fn at(view: View) -> Stage {
    let mut stage = Stage::of("K-alg-owrt-conflict").sized(80, 12);
    stage.press("j");
    stage.state.ladder.at = 6;
    stage.state.findings.at = 1;
    stage.state.proof = 1;
    stage.state.note = None;
    if view != View::Sessions {
        stage.state.view = view;
        stage.state.behind = vec![View::Sessions];
    }
    stage.buffer();
    stage
}

#[test]
fn every_key_does_what_the_table_says() {
    let mut table = String::new();
    for view in View::ALL {
        let _ = writeln!(table, "{}", view.title());
        let holds = |views: &[View]| views.is_empty() || views.contains(&view);
        for binding in TABLE.iter().filter(|binding| holds(binding.views)) {
            for key in binding.keys {
                let mut stage = at(view);
                let before = told(&stage.state);
                stage.key(event(*key));
                let after = told(&stage.state);
                let changes = before
                    .iter()
                    .zip(&after)
                    .filter(|(before, after)| before != after);
                let mut does: Vec<String> = changes
                    .map(|(before, after)| format!("{} {} -> {}", before.0, before.1, after.1))
                    .collect();
                if stage.last != Action::None {
                    does.push(format!("{:?}", stage.last));
                }
                let does = if does.is_empty() {
                    "-".to_owned()
                } else {
                    does.join("; ")
                };
                let _ = writeln!(table, "  {:<10} {does}", key.name());
            }
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_filter_is_typed_kept_and_taken_back() {
    let mut stage = Stage::of("K-alg-owrt-conflict");
    stage.press("/");
    stage.write("code:rewrote");
    assert_eq!(stage.state.session, Some(2));
    assert_eq!(stage.scene.visible(&stage.state).len(), 1);
    stage.press("Enter");
    assert_eq!(
        (stage.state.filter.as_str(), &stage.state.prompt),
        ("code:rewrote", &None)
    );
    stage.press("/ C-u");
    assert_eq!(stage.scene.visible(&stage.state).len(), 2);
    stage.press("Esc");
    assert_eq!(stage.state.filter, "code:rewrote");
    stage.press("/ Backspace Enter");
    assert_eq!(stage.state.filter, "code:rewrot");
}

#[test]
fn a_filter_that_nothing_matches_says_so() {
    let mut stage = Stage::of("K-alg-owrt-conflict");
    stage.press("/");
    stage.write("zzz");
    assert_eq!(stage.state.session, None);
    assert!(stage.screen().contains("No session matches the filter."));
}

#[test]
fn a_session_is_saved_in_the_chosen_shape_under_the_chosen_name() {
    let mut stage = Stage::of("K-alg-owrt-conflict");
    stage.press("j s");
    assert_eq!(
        stage.state.prompt,
        Some(Prompt::Save {
            format: Format::Pcapng,
            path: "session-2.pcapng".to_owned()
        })
    );
    stage.press("Tab");
    assert!(
        stage
            .screen()
            .contains("save as JSON (Tab) to: session-2.json")
    );
    stage.press("C-u");
    stage.write("x.json");
    stage.press("Enter");
    let request = Request {
        session: 2,
        format: Format::Json,
        path: "x.json".to_owned(),
    };
    assert_eq!(
        (&stage.last, &stage.state.prompt),
        (&Action::Save(request), &None)
    );
    stage.press("s Esc");
    assert_eq!((&stage.last, &stage.state.prompt), (&Action::None, &None));
}

#[test]
fn columns_are_hidden_and_shown_again() {
    let mut stage = Stage::of("K-alg-owrt-conflict");
    stage.press("t j Space Enter");
    assert!(!stage.state.columns.contains(&Column::Client));
    assert!(!stage.screen().contains("client "));
    stage.press("t j Space q");
    assert!(stage.state.columns.contains(&Column::Client));
}

#[test]
fn two_sessions_are_marked_and_compared() {
    let mut stage = Stage::of("K-alg-owrt-conflict");
    stage.press("Space Space x");
    assert_eq!(
        (stage.state.view, stage.state.marked.as_slice()),
        (View::Compare, &[1, 2][..])
    );
    let screen = stage.screen();
    assert!(screen.contains("≠ rewrite/helped"), "{screen}");
}

#[test]
fn a_zoomed_ladder_shows_messages_alone_or_media_in_steps() {
    let mut stage = Stage::of("A-vlc-ffmpeg-udp");
    stage.press("Enter z");
    assert_eq!(stage.state.zoom, Zoom::Messages);
    assert!(!stage.screen().contains("RTP video"));
    stage.press("z");
    assert_eq!(stage.state.zoom, Zoom::Media);
    assert!(stage.screen().contains("video H264"));
}

#[test]
fn a_new_snapshot_keeps_the_chosen_session_where_it_goes() {
    let mut stage = Stage::of("K-alg-owrt-conflict");
    stage.press("j Enter");
    let mut snapshot = (*stage.scene.snapshot).clone();
    let mut earlier = snapshot.sessions[0].clone();
    earlier.id = 9;
    earlier.started_at.0 -= 1;
    snapshot.sessions.insert(0, earlier);
    stage.scene = super::Scene::new(
        snapshot.into(),
        super::Source::Saved,
        super::Privacy::Redact,
        Some(&stage.scene),
    );
    super::update::settle(&mut stage.state, &stage.scene);
    assert_eq!((stage.state.session, stage.state.list.at), (Some(2), 2));
}

#[test]
fn following_chooses_the_newest_session_until_the_user_moves() {
    let mut stage = Stage::of("K-alg-owrt-conflict");
    stage.press("a");
    assert_eq!(stage.state.session, Some(2));
    stage.press("k");
    assert_eq!((stage.state.session, stage.state.follow), (Some(1), false));
}
