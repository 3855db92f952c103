//! Which answer goes to which request.

use rtspscope_wire::{TapId, Timestamp};

use super::*;
use crate::locator::Locator;

fn message(from: Side, text: &str) -> (Arc<Message>, Facts) {
    let raw: Arc<[u8]> = text.replace('\n', "\r\n").into_bytes().into();
    let (facts, _) = Facts::of(&raw);
    let at = Locator {
        tap: TapId(0),
        frame: Some(1),
        at: Timestamp(0),
        stream_offset: Some(0),
    };
    let head_len = raw.len();
    let message = Message {
        at,
        last_frame: Some(1),
        from,
        status: facts.status,
        raw,
        head_len,
        anomalies: Vec::new(),
        memo: crate::model::Memo::default(),
    };
    (Arc::new(message), facts)
}

fn fill(texts: &[(Side, &str)]) -> (Exchanges, Vec<Placed>) {
    let mut exchanges = Exchanges::default();
    let placed = texts
        .iter()
        .map(|(from, text)| {
            let (message, facts) = message(*from, text);
            exchanges.add(
                &message,
                &facts,
                Standing::default(),
                &Limits::default(),
                true,
            )
        })
        .collect();
    (exchanges, placed)
}

use Side::{Client, Server};

#[test]
fn a_pipeline_answered_out_of_order_is_matched_by_number() {
    let (exchanges, placed) = fill(&[
        (Client, "SETUP rtsp://a/1 RTSP/1.0\nCSeq: 3\n\n"),
        (Client, "SETUP rtsp://a/2 RTSP/1.0\nCSeq: 4\n\n"),
        (Server, "RTSP/1.0 461 Unsupported\nCSeq: 4\n\n"),
        (Server, "RTSP/1.0 200 OK\nCSeq: 3\n\n"),
    ]);
    assert_eq!(placed[2..], [Placed::Response(1), Placed::Response(0)]);
    assert_eq!(exchanges.list()[0].status(), Some(200));
    assert_eq!(exchanges.list()[1].status(), Some(461));
}

#[test]
fn both_ends_number_their_own_requests() {
    let (exchanges, placed) = fill(&[
        (Client, "PLAY rtsp://a/ RTSP/1.0\nCSeq: 1\n\n"),
        (Server, "SET_PARAMETER rtsp://a/ RTSP/1.0\nCSeq: 1\n\n"),
        (Server, "RTSP/1.0 200 OK\nCSeq: 1\n\n"),
        (Client, "RTSP/1.0 501 Not Implemented\nCSeq: 1\n\n"),
    ]);
    assert_eq!(placed[2..], [Placed::Response(0), Placed::Response(1)]);
    assert_eq!(exchanges.list()[1].by, Server);
}

#[test]
fn a_request_sent_again_is_a_repeat_and_no_second_exchange() {
    let setup = "SETUP rtsp://a/1 RTSP/1.0\nCSeq: 3\n\n";
    let (exchanges, placed) = fill(&[(Client, setup), (Client, setup), (Client, setup)]);
    assert_eq!(
        placed,
        [Placed::Request(0), Placed::Repeat(0), Placed::Repeat(0)]
    );
    assert_eq!(exchanges.list()[0].repeats, 2);
}

#[test]
fn messages_without_a_number_are_matched_by_order() {
    let (_, placed) = fill(&[
        (Client, "OPTIONS * RTSP/1.0\n\n"),
        (Client, "DESCRIBE rtsp://a/ RTSP/1.0\nCSeq: 2\n\n"),
        (Server, "RTSP/1.0 200 OK\n\n"),
        (Server, "RTSP/1.0 200 OK\nCSeq: 2\n\n"),
    ]);
    assert_eq!(placed[2..], [Placed::Response(0), Placed::Response(1)]);
}

/// The answers that the requests got, by their status.
fn statuses(exchanges: &Exchanges) -> Vec<(&str, Option<u16>)> {
    let list = exchanges.list().iter();
    list.map(|exchange| (exchange.method.as_str(), exchange.status()))
        .collect()
}

#[test]
fn answers_with_numbers_of_their_own_are_matched_by_order() {
    for numbers in [[0, 0, 0], [0, 1, 2], [1, 1, 1], [2, 3, 4]] {
        let answer = |place: usize, status: u16| {
            format!("RTSP/1.0 {status} Said\nCSeq: {}\n\n", numbers[place])
        };
        let answers = [answer(0, 200), answer(1, 401), answer(2, 461)];
        let (exchanges, _) = fill(&[
            (Client, "OPTIONS * RTSP/1.0\nCSeq: 1\n\n"),
            (Server, &answers[0]),
            (Client, "DESCRIBE rtsp://a/ RTSP/1.0\nCSeq: 2\n\n"),
            (Server, &answers[1]),
            (Client, "SETUP rtsp://a/1 RTSP/1.0\nCSeq: 3\n\n"),
            (Server, &answers[2]),
        ]);
        assert_eq!(
            statuses(&exchanges),
            [
                ("OPTIONS", Some(200)),
                ("DESCRIBE", Some(401)),
                ("SETUP", Some(461))
            ],
            "{numbers:?}"
        );
    }
}

#[test]
fn one_wrong_number_between_right_ones_leaves_those_alone() {
    let (exchanges, placed) = fill(&[
        (Client, "GET_PARAMETER rtsp://a/ RTSP/1.0\nCSeq: 3\n\n"),
        (Server, "RTSP/1.0 200 OK\nCSeq: 3\n\n"),
        (Client, "SET_PARAMETER rtsp://a/ RTSP/1.0\nCSeq: 4\n\n"),
        (Server, "RTSP/1.0 400 Bad Request\nCSeq: 3\n\n"),
        (Client, "GET_PARAMETER rtsp://a/ RTSP/1.0\nCSeq: 5\n\n"),
        (Server, "RTSP/1.0 200 OK\nCSeq: 5\n\n"),
    ]);
    assert_eq!(placed[3], Placed::Response(1));
    assert_eq!(placed[5], Placed::Response(2));
    assert_eq!(exchanges.list()[1].other_number(), Some(3));
    assert_eq!(exchanges.list()[2].other_number(), None);
}

#[test]
fn an_answer_said_again_is_not_the_answer_to_the_next_request() {
    let said = "RTSP/1.0 200 OK\nCSeq: 3\n\n";
    let (exchanges, placed) = fill(&[
        (Client, "SETUP rtsp://a/1 RTSP/1.0\nCSeq: 3\n\n"),
        (Server, said),
        (Client, "PLAY rtsp://a/ RTSP/1.0\nCSeq: 4\n\n"),
        (Server, said),
    ]);
    assert_eq!(placed[3], Placed::Orphan(2));
    assert_eq!(exchanges.list()[1].status(), None);
}

#[test]
fn a_request_sent_again_may_be_answered_twice() {
    let setup = "SETUP rtsp://a/1 RTSP/1.0\nCSeq: 3\n\n";
    let (exchanges, placed) = fill(&[
        (Client, setup),
        (Client, setup),
        (Server, "RTSP/1.0 200 OK\nCSeq: 3\nSession: 1\n\n"),
        (Client, "PLAY rtsp://a/ RTSP/1.0\nCSeq: 4\n\n"),
        (Server, "RTSP/1.0 200 OK\nCSeq: 3\nSession: 2\n\n"),
    ]);
    assert_eq!(placed[4], Placed::Orphan(2));
    assert_eq!(exchanges.list()[1].status(), None);
}

/// The capture begins between a pipeline and its first answer: that answer is another request's.
#[test]
fn the_right_answers_put_out_those_that_order_gave() {
    let (exchanges, placed) = fill(&[
        (Client, "SETUP rtsp://a/1 RTSP/1.0\nCSeq: 3\n\n"),
        (Client, "SETUP rtsp://a/2 RTSP/1.0\nCSeq: 4\n\n"),
        (Server, "RTSP/1.0 404 Not Found\nCSeq: 2\n\n"),
        (Server, "RTSP/1.0 200 OK\nCSeq: 3\n\n"),
        (Server, "RTSP/1.0 461 Unsupported\nCSeq: 4\n\n"),
    ]);
    assert_eq!(placed[4], Placed::Response(1));
    assert_eq!(
        statuses(&exchanges),
        [("SETUP", Some(200)), ("SETUP", Some(461)), ("", Some(404))]
    );
    assert_eq!(exchanges.list()[2].cseq, Some(2));
}

#[test]
fn order_tells_nothing_where_bytes_are_missing() {
    let mut exchanges = Exchanges::default();
    let mut say = |from, text| {
        let (message, facts) = message(from, text);
        let odd = exchanges.number_oddity(from, &message.raw, &facts, Standing::default(), false);
        assert_eq!(odd, None);
        exchanges.add(
            &message,
            &facts,
            Standing::default(),
            &Limits::default(),
            false,
        )
    };
    say(Client, "SETUP rtsp://a/1 RTSP/1.0\nCSeq: 3\n\n");
    let placed = say(Server, "RTSP/1.0 200 OK\nCSeq: 4\n\n");
    assert_eq!(placed, Placed::Orphan(1));
}

#[test]
fn the_wrong_number_is_named_where_it_stands() {
    let mut exchanges = Exchanges::default();
    let (request, facts) = message(Client, "OPTIONS * RTSP/1.0\nCSeq: 7\n\n");
    exchanges.add(
        &request,
        &facts,
        Standing::default(),
        &Limits::default(),
        true,
    );
    let (answer, facts) = message(Server, "RTSP/1.0 200 OK\nCSeq: 6\n\n");
    let odd = exchanges.number_oddity(Server, &answer.raw, &facts, Standing::default(), true);
    let odd = odd.map(|odd| (answer.raw[odd.at].to_vec(), odd.what));
    assert_eq!(odd, Some((b"6".to_vec(), OTHER_NUMBER.to_owned())));
}

#[test]
fn a_provisional_response_leaves_the_request_open() {
    let (exchanges, placed) = fill(&[
        (Client, "PLAY rtsp://a/ RTSP/1.0\nCSeq: 5\n\n"),
        (Server, "RTSP/1.0 100 Continue\nCSeq: 5\n\n"),
        (Server, "RTSP/1.0 200 OK\nCSeq: 5\n\n"),
    ]);
    assert_eq!(placed[1..], [Placed::Provisional, Placed::Response(0)]);
    assert_eq!(exchanges.list().len(), 1);
}

#[test]
fn a_response_to_an_unseen_request_is_kept() {
    let (exchanges, placed) = fill(&[(Server, "RTSP/1.0 200 OK\nCSeq: 9\n\n")]);
    assert_eq!(placed, [Placed::Orphan(0)]);
    assert_eq!(exchanges.list()[0].method, "");
    assert_eq!(exchanges.list()[0].cseq, Some(9));
}

#[test]
fn what_falls_to_the_cap_is_counted() {
    let limits = Limits {
        exchanges: 1,
        ..Limits::default()
    };
    let mut exchanges = Exchanges::default();
    let (first, facts) = message(Client, "OPTIONS * RTSP/1.0\nCSeq: 1\n\n");
    assert_eq!(
        exchanges.add(&first, &facts, Standing::default(), &limits, true),
        Placed::Request(0)
    );
    let (second, facts) = message(Client, "OPTIONS * RTSP/1.0\nCSeq: 2\n\n");
    assert_eq!(
        exchanges.add(&second, &facts, Standing::default(), &limits, true),
        Placed::Dropped
    );
    assert_eq!(exchanges.dropped(), 1);
}

/// A PLAY, that many keepalives, and a request in their middle that is answered at the very end.
fn long_talk(keepalives: u32, limits: &Limits) -> Exchanges {
    let mut exchanges = Exchanges::default();
    let mut say = |from: Side, text: String| {
        let (message, facts) = message(from, &text);
        exchanges.add(&message, &facts, Standing::default(), limits, true)
    };
    for cseq in 1..=keepalives {
        let method = if cseq == 1 { "PLAY" } else { "GET_PARAMETER" };
        say(
            Client,
            format!("{method} rtsp://a/ RTSP/1.0\nCSeq: {cseq}\n\n"),
        );
        if cseq != keepalives / 2 {
            say(Server, format!("RTSP/1.0 200 OK\nCSeq: {cseq}\n\n"));
        }
    }
    exchanges
}

#[test]
fn keepalives_in_the_middle_go_and_what_is_open_is_still_answered() {
    let mut exchanges = long_talk(1_000, &Limits::default());
    assert_eq!((exchanges.keepalives(), exchanges.forgotten()), (998, 0));
    let before = exchanges.kept_bytes();
    exchanges.forget_keepalives();
    // The first and the last stay, and the one without an answer.
    assert_eq!(exchanges.list().len(), FIRST_KEPT + 1 + LAST_KEPT);
    assert_eq!(exchanges.keepalives(), FIRST_KEPT + LAST_KEPT - 1);
    assert_eq!(exchanges.forgotten(), 998 - 127);
    let sum: usize = exchanges
        .list()
        .iter()
        .flat_map(Exchange::messages)
        .map(cost)
        .sum();
    assert_eq!(exchanges.kept_bytes(), sum);
    assert!(before > 7 * sum);
    let (late, facts) = message(Server, "RTSP/1.0 200 OK\nCSeq: 500\n\n");
    let placed = exchanges.add(&late, &facts, Standing::default(), &Limits::default(), true);
    assert_eq!(placed, Placed::Response(FIRST_KEPT));
    assert_eq!(exchanges.list()[FIRST_KEPT].status(), Some(200));
}

#[test]
fn a_cap_takes_keepalives_before_it_takes_news() {
    let limits = Limits {
        exchanges: 300,
        ..Limits::default()
    };
    let exchanges = long_talk(10_000, &limits);
    assert_eq!(exchanges.dropped(), 0);
    assert_eq!(
        exchanges.forgotten() + exchanges.list().len() as u64,
        10_000
    );
    assert!(exchanges.list().len() <= 300);
    assert_eq!(
        exchanges.list().last().and_then(|last| last.cseq),
        Some(10_000)
    );
}

/// An answer that acknowledges the client's stream up to here, of which less was seen.
fn early(acknowledges: u32) -> Standing {
    Standing {
        ends: None,
        acknowledges: Some(acknowledges),
        is_ahead: true,
    }
}

/// A request that ends here.
fn ending(ends: u32) -> Standing {
    Standing {
        ends: Some(ends),
        ..Standing::default()
    }
}

fn fill_standing(texts: &[(Side, &str, Standing)]) -> (Exchanges, Vec<Placed>) {
    let mut exchanges = Exchanges::default();
    let placed = texts.iter().map(|(from, text, standing)| {
        let (message, facts) = message(*from, text);
        exchanges.add(&message, &facts, *standing, &Limits::default(), true)
    });
    let placed = placed.collect();
    (exchanges, placed)
}

#[test]
fn an_answer_that_came_before_its_request_is_told_by_what_it_acknowledges() {
    let options = "OPTIONS * RTSP/1.0\nCSeq: 1\n\n";
    let describe = "DESCRIBE rtsp://a/ RTSP/1.0\nCSeq: 2\n\n";
    let (exchanges, placed) = fill_standing(&[
        (Server, "RTSP/1.0 200 OK\nCSeq: 1\n\n", early(100)),
        (Server, "RTSP/1.0 404 Not Found\nCSeq: 2\n\n", early(150)),
        (Client, options, ending(100)),
        (Client, describe, ending(150)),
    ]);
    assert_eq!(placed[2..], [Placed::Answered(0), Placed::Answered(1)]);
    let told = exchanges.list().iter();
    let told: Vec<_> = told
        .map(|exchange| (exchange.method.as_str(), exchange.status()))
        .collect();
    assert_eq!(told, [("OPTIONS", Some(200)), ("DESCRIBE", Some(404))]);
    assert_eq!(exchanges.keepalives(), 1);
}

#[test]
fn an_answer_that_acknowledges_less_is_that_of_an_earlier_request_with_the_number() {
    let again = "OPTIONS * RTSP/1.0\nCSeq: 1\n\n";
    let (_, placed) = fill_standing(&[
        (Server, "RTSP/1.0 200 OK\nCSeq: 1\n\n", early(100)),
        (Client, again, ending(140)),
    ]);
    assert_eq!(placed, [Placed::Orphan(0), Placed::Request(1)]);
}

#[test]
fn an_answer_ahead_of_its_request_is_not_given_to_an_older_one_by_order() {
    let play = "PLAY rtsp://a/ RTSP/1.0\nCSeq: 4\n\n";
    let teardown = "TEARDOWN rtsp://a/ RTSP/1.0\nCSeq: 5\n\n";
    let (exchanges, placed) = fill_standing(&[
        (Client, play, ending(100)),
        (Server, "RTSP/1.0 200 OK\nCSeq: 5\n\n", early(150)),
        (Client, teardown, ending(150)),
    ]);
    assert_eq!(placed[1..], [Placed::Orphan(1), Placed::Answered(1)]);
    assert_eq!(exchanges.list()[0].status(), None);
}
