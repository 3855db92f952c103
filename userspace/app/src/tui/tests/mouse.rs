//! The mouse chooses, opens and scrolls.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::super::state::View;
use super::super::ui::mouse_event;
use super::Stage;

fn mouse(stage: &mut Stage, kind: MouseEventKind, column: u16, row: u16) -> bool {
    let event = MouseEvent {
        kind,
        column,
        row,
        modifiers: KeyModifiers::NONE,
    };
    let changed = mouse_event(&mut stage.state, &stage.scene, &stage.drawn, event);
    stage.buffer();
    changed
}

const CLICK: MouseEventKind = MouseEventKind::Down(MouseButton::Left);

#[test]
fn a_click_chooses_a_row_and_a_second_one_opens_it() {
    let mut stage = Stage::of("K-alg-owrt-conflict");
    assert!(mouse(&mut stage, CLICK, 10, 4));
    assert_eq!(
        (stage.state.session, stage.state.view),
        (Some(2), View::Sessions)
    );
    assert!(mouse(&mut stage, CLICK, 10, 4));
    assert_eq!(stage.state.view, View::Ladder);
    assert!(mouse(&mut stage, CLICK, 10, 9));
    assert_eq!(stage.state.ladder.at, 5);
}

#[test]
fn a_click_on_a_tab_opens_its_view() {
    let mut stage = Stage::of("K-alg-owrt-conflict");
    let (line, columns, view) = stage.drawn.tabs[5].clone();
    assert!(mouse(&mut stage, CLICK, columns.start + 1, line));
    assert_eq!((stage.state.view, view), (View::Media, View::Media));
}

#[test]
fn the_wheel_moves_and_other_events_change_nothing() {
    let mut stage = Stage::of("K-alg-owrt-conflict");
    assert!(mouse(&mut stage, MouseEventKind::ScrollDown, 0, 0));
    assert_eq!(stage.state.session, Some(2));
    assert!(mouse(&mut stage, MouseEventKind::ScrollUp, 0, 0));
    assert_eq!(stage.state.session, Some(1));
    assert!(!mouse(&mut stage, MouseEventKind::Moved, 3, 3));
    assert!(!mouse(&mut stage, CLICK, 3, 20));
}
