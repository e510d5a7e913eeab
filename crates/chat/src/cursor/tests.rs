//! One rule of the cursor a test; all of them together against a whole world: `tests/cursor.rs`.

use super::*;

type Test = Cursor<&'static str, i64>;

fn arrival(seq: i64) -> Arrival<i64> {
    Arrival { seq, own: None, message: seq }
}

fn own(seq: i64) -> Arrival<i64> {
    Arrival { seq, own: Some(Uuid::nil()), message: seq }
}

fn page(messages: &[i64], last: i64) -> Page<i64> {
    Page { messages: messages.iter().map(|seq| arrival(*seq)).collect(), first: 1, last }
}

fn joined(at: i64) -> Test {
    let mut cursor = Test::default();
    cursor.begin_join();
    assert_eq!(steps(|steps| cursor.joined(at, page(&[], at), steps)), []);
    cursor
}

fn steps(act: impl FnOnce(&mut Vec<Step<&'static str, i64>>)) -> Vec<Step<&'static str, i64>> {
    let mut steps = Vec::new();
    act(&mut steps);
    steps
}

#[test]
fn messages_go_out_in_order_and_once() {
    let mut cursor = joined(0);
    assert_eq!(steps(|steps| cursor.arrived(arrival(2), steps)), []);
    assert_eq!(cursor.ask().map(|question| question.after), Some(0));
    assert_eq!(cursor.ask(), None, "one question at a time");
    assert_eq!(steps(|steps| cursor.arrived(arrival(1), steps)), [Step::Deliver(1), Step::Deliver(2)]);
    assert_eq!(steps(|steps| cursor.arrived(arrival(2), steps)), []);
    assert!(!cursor.lacks());
}

#[test]
fn a_send_is_answered_after_everything_before_it() {
    let mut cursor = joined(5);
    cursor.send(Some(Uuid::nil()), "send");
    assert_eq!(steps(|steps| cursor.answered(&"send", own(7), steps)), []);
    let question = cursor.ask().unwrap();
    let found = steps(|steps| assert_eq!(cursor.history(question, page(&[6], 7), steps), None));
    assert_eq!(found, [Step::Deliver(6), Step::Complete("send", 7)]);
    assert_eq!(steps(|steps| cursor.arrived(own(7), steps)), []);
}

#[test]
fn a_message_that_is_faster_than_its_answer_completes_the_send() {
    let mut cursor = joined(5);
    cursor.send(Some(Uuid::nil()), "send");
    assert_eq!(steps(|steps| cursor.arrived(own(6), steps)), [Step::Complete("send", 6)]);
    assert_eq!(steps(|steps| cursor.answered(&"send", own(6), steps)), []);
    assert_eq!(cursor.refused(&"send"), None);
    assert_eq!(steps(|steps| cursor.arrived(own(7), steps)), [Step::Deliver(7)], "sent by another connection");
}

#[test]
fn a_repeated_send_of_what_was_seen_completes_at_once() {
    let mut cursor = joined(5);
    cursor.send(Some(Uuid::nil()), "again");
    assert_eq!(steps(|steps| cursor.answered(&"again", own(3), steps)), [Step::Complete("again", 3)]);
    assert!(!cursor.is_idle());
}

#[test]
fn whoever_has_not_joined_gets_answers_only() {
    let mut cursor = Test::default();
    cursor.send(Some(Uuid::nil()), "send");
    assert_eq!(steps(|steps| cursor.arrived(own(1), steps)), []);
    assert_eq!(steps(|steps| cursor.answered(&"send", own(1), steps)), [Step::Complete("send", 1)]);
    assert!(cursor.is_idle());
}

#[test]
fn a_send_of_before_the_join_is_completed_by_the_join() {
    let mut cursor = Test::default();
    cursor.send(Some(Uuid::nil()), "send");
    cursor.begin_join();
    assert_eq!(steps(|steps| cursor.answered(&"send", own(2), steps)), []);
    let first = Page { messages: vec![arrival(1), own(2), arrival(3)], first: 1, last: 3 };
    let entered = steps(|steps| cursor.joined(0, first, steps));
    assert_eq!(entered, [Step::Deliver(1), Step::Complete("send", 2), Step::Deliver(3)]);
}

#[test]
fn who_leaves_is_told_no_number_beyond_what_it_has_seen() {
    let mut cursor = joined(0);
    for name in ["stored", "next", "beyond", "after that"] {
        cursor.send(None, name);
    }
    assert_eq!(steps(|steps| cursor.answered(&"stored", arrival(3), steps)), []);
    assert_eq!(steps(|steps| cursor.leave(steps)), [Step::Refuse("stored")]);
    assert_eq!(steps(|steps| cursor.arrived(arrival(1), steps)), []);
    assert_eq!(steps(|steps| cursor.answered(&"next", arrival(1), steps)), [Step::Complete("next", 1)]);
    assert_eq!(steps(|steps| cursor.answered(&"beyond", arrival(4), steps)), [Step::Refuse("beyond")]);
    assert_eq!(steps(|steps| cursor.answered(&"after that", arrival(2), steps)), [Step::Complete("after that", 2)]);
    cursor.send(None, "from outside");
    assert_eq!(steps(|steps| cursor.answered(&"from outside", arrival(9), steps)), [Step::Complete("from outside", 9)]);
}

#[test]
fn what_is_under_way_while_one_leaves_and_joins_again_comes_in_its_order() {
    let mut cursor = joined(2);
    cursor.send(Some(Uuid::nil()), "under way");
    assert_eq!(steps(|steps| cursor.leave(steps)), []);
    cursor.begin_join();
    assert_eq!(steps(|steps| cursor.answered(&"under way", own(4), steps)), []);
    let entered =
        steps(|steps| cursor.joined(2, Page { messages: vec![arrival(3), own(4)], first: 1, last: 4 }, steps));
    assert_eq!(entered, [Step::Deliver(3), Step::Complete("under way", 4)]);
}

#[test]
fn the_cursor_jumps_over_what_is_gone() {
    let mut cursor = joined(2);
    cursor.heard_of(9);
    let question = cursor.ask().unwrap();
    let purged = Page { messages: vec![arrival(8), arrival(9)], first: 8, last: 9 };
    let mut told = None;
    let after = steps(|steps| told = cursor.history(question, purged, steps));
    assert_eq!(after, [Step::Deliver(8), Step::Deliver(9)]);
    assert_eq!((told, cursor.position()), (Some(8), Some(9)));
    // Who has them all lacks nothing when they go.
    cursor.heard_of(10);
    let question = cursor.ask().unwrap();
    let purged = Page { messages: vec![arrival(10)], first: 10, last: 10 };
    assert_eq!(cursor.history(question, purged, &mut Vec::new()), None);
}

#[test]
fn a_question_in_vain_is_not_repeated_until_somebody_speaks() {
    let mut cursor = joined(2);
    cursor.heard_of(3);
    let question = cursor.ask().unwrap();
    assert_eq!(cursor.history(question, page(&[], 2), &mut Vec::new()), None);
    assert_eq!(cursor.ask(), None);
    cursor.heard_of(3);
    let question = cursor.ask().unwrap();
    cursor.history_failed(question);
    assert_eq!(cursor.ask(), None);
    cursor.heard_of(3);
    assert!(cursor.ask().is_some());
}

#[test]
fn an_answer_to_an_earlier_join_counts_for_nothing() {
    let mut cursor = joined(5);
    cursor.heard_of(7);
    let question = cursor.ask().unwrap();
    cursor.begin_join();
    assert_eq!(steps(|steps| cursor.joined(2, page(&[3], 7), steps)), [Step::Deliver(3)]);
    let mut nothing = Vec::new();
    assert_eq!(cursor.history(question, page(&[6, 7], 7), &mut nothing), None);
    assert_eq!(nothing, []);
    assert_eq!(cursor.ask().map(|question| question.after), Some(3));
}

#[test]
fn another_history_is_delivered_from_its_beginning() {
    let mut cursor = joined(5);
    cursor.heard_of(9);
    let question = cursor.ask().unwrap();
    cursor.send(Some(Uuid::nil()), "stored");
    cursor.send(Some(Uuid::max()), "under way");
    assert_eq!(steps(|steps| cursor.answered(&"stored", own(8), steps)), []);
    assert_eq!(cursor.restart(), (true, vec!["stored"]), "perhaps it is lost");
    assert_eq!((cursor.position(), cursor.lacks()), (Some(0), false), "what was known counts no longer");
    assert_eq!(steps(|steps| assert_eq!(cursor.history(question, page(&[6, 7], 9), steps), None)), []);
    cursor.heard_of(2);
    let question = cursor.ask().unwrap();
    assert_eq!(question.after, 0);
    let found = steps(|steps| assert_eq!(cursor.history(question, page(&[1, 2], 2), steps), None));
    assert_eq!(found, [Step::Deliver(1), Step::Deliver(2)]);
    let stored = Arrival { own: Some(Uuid::max()), ..arrival(3) };
    assert_eq!(steps(|steps| cursor.answered(&"under way", stored, steps)), [Step::Complete("under way", 3)]);
}

#[test]
fn who_is_not_in_has_nothing_to_start_over() {
    let mut cursor = Test::default();
    cursor.send(None, "under way");
    assert_eq!(cursor.restart(), (false, vec![]));
    cursor.begin_join();
    cursor.send(Some(Uuid::nil()), "stored");
    assert_eq!(steps(|steps| cursor.answered(&"stored", own(2), steps)), []);
    assert_eq!(cursor.restart(), (false, vec!["stored"]));
    assert_eq!(steps(|steps| cursor.joined(1, page(&[2], 2), steps)), [Step::Deliver(2)]);
}

#[test]
fn what_takes_too_long_is_given_up_and_delivered_later() {
    let mut cursor = joined(0);
    cursor.send(Some(Uuid::nil()), "send");
    assert_eq!(steps(|steps| cursor.answered(&"send", own(2), steps)), []);
    assert_eq!(cursor.give_up(|_| true), ["send"]);
    assert_eq!(steps(|steps| cursor.arrived(arrival(1), steps)), [Step::Deliver(1), Step::Deliver(2)]);
}

#[test]
fn what_is_held_is_bounded() {
    let mut cursor = joined(0);
    for seq in 2..10_000 {
        cursor.arrived(arrival(seq), &mut Vec::new());
    }
    assert_eq!(cursor.held.len(), HELD_AT_MOST);
    assert_eq!(cursor.last, 9_999);
}
