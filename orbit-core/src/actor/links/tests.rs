//! The switch alone: what it does about what comes in.

use super::frame::{Frame, Hello, MOST_CALLS, Outcome, Request, VERSION};
use super::switch::{Action, BEAT_EVERY, LinkId, SILENT_AFTER, Side, Switch, Ticket, request};
use crate::error::{Error, state};
use std::time::Duration;

const NOW: Duration = Duration::from_secs(1000);
const SOON: Duration = Duration::from_secs(1005);

/// A switch, and what it has been told to do.
struct Desk {
    switch: Switch,
    now: Duration,
    actions: Vec<Action>,
}

impl Desk {
    fn new(node: &str) -> Desk {
        Desk {
            switch: Switch::new(node, 1),
            now: NOW,
            actions: Vec::new(),
        }
    }

    fn open(&mut self, side: Side) -> LinkId {
        let link = self.switch.open(side, self.now, &mut self.actions);
        self.actions.clear();
        link
    }

    fn hear(&mut self, link: LinkId, frame: Frame) -> Vec<Action> {
        self.switch
            .receive(link, frame, self.now, &mut self.actions);
        std::mem::take(&mut self.actions)
    }

    /// A link whose other end has greeted.
    fn linked(&mut self, side: Side, node: &str) -> LinkId {
        let link = self.open(side);
        self.hear(link, hello(node, 2));
        link
    }

    fn ask(&mut self, request: Request) -> (Ticket, Vec<Action>) {
        let ticket = self.switch.ask(request, SOON, self.now, &mut self.actions);
        (ticket, std::mem::take(&mut self.actions))
    }

    fn lose(&mut self, link: LinkId) -> Vec<Action> {
        self.switch.lost(link, self.now, &mut self.actions);
        std::mem::take(&mut self.actions)
    }

    fn tick(&mut self, now: Duration) -> Vec<Action> {
        self.now = now;
        self.switch.tick(now, &mut self.actions);
        std::mem::take(&mut self.actions)
    }
}

fn hello(node: &str, site: u64) -> Frame {
    Frame::Hello(Hello {
        version: VERSION,
        node: node.to_owned(),
        site,
        reaches: vec![node.to_owned()],
        calls: MOST_CALLS,
    })
}

fn to(node: &str) -> Request {
    request(node, "oven", "a", "bake", "1".to_owned())
}

fn keyed(node: &str) -> Request {
    Request {
        key: Some("k".to_owned()),
        ..to(node)
    }
}

fn call(call: u64, request: Request) -> Frame {
    Frame::Call {
        call,
        within: Duration::from_secs(5),
        request,
    }
}

fn answer(call: u64) -> Frame {
    Frame::Answer {
        call,
        outcome: Outcome::Done("2".to_owned()),
    }
}

/// The calls that were sent, where and under which numbers.
fn calls(actions: &[Action]) -> Vec<(LinkId, u64)> {
    let sent = actions.iter().filter_map(|action| match action {
        Action::Send(link, Frame::Call { call, .. }) => Some((*link, *call)),
        _ => None,
    });
    sent.collect()
}

fn settled(actions: Vec<Action>) -> Option<(Ticket, Outcome)> {
    actions.into_iter().find_map(|action| match action {
        Action::Settle(ticket, outcome) => Some((ticket, outcome)),
        _ => None,
    })
}

fn error(outcome: Outcome) -> Error {
    match outcome {
        Outcome::Failed(error) | Outcome::Refused(error) | Outcome::Lost(error) => error,
        Outcome::Done(answer) => panic!("an answer: {answer}"),
    }
}

fn closed(actions: &[Action]) -> Option<&Error> {
    actions.iter().find_map(|action| match action {
        Action::Close(_, error) => Some(error),
        _ => None,
    })
}

#[test]
fn a_call_goes_down_to_who_is_reached_there_and_up_otherwise() {
    let mut gateway = Desk::new("gateway");
    let up = gateway.linked(Side::Parent, "region");
    let down = gateway.linked(Side::Child, "till");
    let (first, actions) = gateway.ask(to("till"));
    assert_eq!(calls(&actions), [(down, 1)]);
    let (second, actions) = gateway.ask(to("region"));
    assert_eq!(calls(&actions), [(up, 1)]);
    let (_, actions) = gateway.ask(to("elsewhere"));
    assert_eq!(calls(&actions), [(up, 2)]);
    let done = |ticket| Some((ticket, Outcome::Done("2".to_owned())));
    assert_eq!(settled(gateway.hear(up, answer(1))), done(second));
    assert_eq!(settled(gateway.hear(down, answer(1))), done(first));
    // Said twice, or by who was never asked.
    assert!(gateway.hear(down, answer(1)).is_empty());
    assert!(gateway.hear(down, answer(77)).is_empty());
}

#[test]
fn who_is_reached_through_a_child_is_told_to_the_parent() {
    let mut gateway = Desk::new("gateway");
    let up = gateway.linked(Side::Parent, "region");
    let down = gateway.open(Side::Child);
    let told = |actions: Vec<Action>| match &actions[..] {
        [Action::Send(link, Frame::Reach(reaches))] if *link == up => reaches.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        told(gateway.hear(down, hello("till", 2))),
        ["gateway", "till"]
    );
    let more = Frame::Reach(vec!["till".to_owned(), "sensor".to_owned()]);
    let all = told(gateway.hear(down, more));
    assert_eq!(all, ["gateway", "sensor", "till"]);
    let (_, actions) = gateway.ask(to("sensor"));
    assert_eq!(calls(&actions), [(down, 1)]);
    gateway.switch.lost(down, NOW, &mut gateway.actions);
    let actions = std::mem::take(&mut gateway.actions);
    let last = actions
        .into_iter()
        .filter(|one| matches!(one, Action::Send(..)));
    assert_eq!(told(last.collect()), ["gateway"]);
}

#[test]
fn a_call_is_passed_on_with_the_time_that_is_left_and_its_answer_back() {
    let mut gateway = Desk::new("gateway");
    let up = gateway.linked(Side::Parent, "region");
    let down = gateway.linked(Side::Child, "till");
    let hops = to("region").hops;
    let actions = gateway.hear(down, call(9, to("region")));
    let [
        Action::Send(
            link,
            Frame::Call {
                call: onward,
                within,
                request,
            },
        ),
    ] = &actions[..]
    else {
        panic!("{actions:?}");
    };
    assert_eq!((*link, *within), (up, Duration::from_secs(5)));
    assert_eq!(request.hops, hops - 1);
    let actions = gateway.hear(up, answer(*onward));
    let [Action::Send(link, Frame::Answer { call, outcome })] = &actions[..] else {
        panic!("{actions:?}");
    };
    assert_eq!(
        (*link, *call, outcome),
        (down, 9, &Outcome::Done("2".to_owned()))
    );

    // Nobody waits any more: that is passed on, too.
    let actions = gateway.hear(down, call_of(10));
    let onward = calls(&actions)[0].1;
    let actions = gateway.hear(down, Frame::Cancel { call: 10 });
    assert!(
        matches!(&actions[..], [Action::Send(link, Frame::Cancel { call })]
        if *link == up && *call == onward)
    );
    // The child is gone: the same.
    gateway.hear(down, call_of(11));
    let actions = gateway.lose(down);
    let cancels = |one: &Action| matches!(one, Action::Send(_, Frame::Cancel { .. }));
    assert!(actions.iter().any(cancels), "{actions:?}");
    assert!(gateway.hear(up, answer(3)).is_empty());
}

fn call_of(number: u64) -> Frame {
    call(number, to("region"))
}

#[test]
fn what_goes_in_a_circle_ends() {
    let mut gateway = Desk::new("gateway");
    let up = gateway.linked(Side::Parent, "region");
    let down = gateway.linked(Side::Child, "till");
    // Back to where it came from.
    let actions = gateway.hear(up, call(1, to("elsewhere")));
    let lost = |actions: &[Action]| {
        matches!(
            actions,
            [Action::Send(
                _,
                Frame::Answer {
                    outcome: Outcome::Lost(_),
                    ..
                }
            )]
        )
    };
    assert!(lost(&actions), "{actions:?}");
    let tired = Request {
        hops: 0,
        ..to("region")
    };
    let actions = gateway.hear(down, call(1, tired));
    assert!(lost(&actions), "{actions:?}");
}

#[test]
fn a_lost_link_leaves_a_call_unknown_and_one_under_a_key_is_asked_again() {
    let mut till = Desk::new("till");
    let up = till.linked(Side::Parent, "gateway");
    let (plain, _) = till.ask(to("gateway"));
    let (once, _) = till.ask(keyed("gateway"));
    let (ticket, outcome) = settled(till.lose(up)).unwrap();
    assert_eq!(ticket, plain);
    assert!(error(outcome).is(state::STATEMENT_COMPLETION_UNKNOWN));
    // No link: who asks without a key is told at once, and that nothing was done.
    let (_, actions) = till.ask(to("gateway"));
    assert!(error(settled(actions).unwrap().1).is(state::CONNECTION_FAILURE));

    let up = till.open(Side::Parent);
    let actions = till.hear(up, hello("gateway", 2));
    let again = calls(&actions);
    assert_eq!(again.len(), 1, "the one under a key goes again");
    let actions = till.hear(up, answer(again[0].1));
    assert_eq!(settled(actions).unwrap().0, once);
}

#[test]
fn an_earlier_try_keeps_a_call_uncertain_to_its_end() {
    let mut till = Desk::new("till");
    let up = till.linked(Side::Parent, "gateway");
    let (once, _) = till.ask(keyed("gateway"));
    till.lose(up);
    let up = till.open(Side::Parent);
    let again = calls(&till.hear(up, hello("gateway", 2)));
    let refused = |call, state| Frame::Answer {
        call,
        outcome: Outcome::Refused(Error::new(state, "no")),
    };
    // What may pass is tried again.
    let full = refused(again[0].1, state::INSUFFICIENT_RESOURCES);
    assert!(till.hear(up, full).is_empty());
    let again = calls(&till.tick(NOW + Duration::from_secs(1)));
    assert_eq!(again.len(), 1);
    let unreadable = refused(again[0].1, state::INVALID_TEXT_REPRESENTATION);
    let (ticket, outcome) = settled(till.hear(up, unreadable)).unwrap();
    assert_eq!(ticket, once);
    assert!(error(outcome).is(state::STATEMENT_COMPLETION_UNKNOWN));

    // With nothing before it, it says what it is.
    let (_, actions) = till.ask(keyed("gateway"));
    let number = calls(&actions)[0].1;
    let unreadable = refused(number, state::INVALID_TEXT_REPRESENTATION);
    let (_, outcome) = settled(till.hear(up, unreadable)).unwrap();
    assert!(error(outcome).is(state::INVALID_TEXT_REPRESENTATION));

    // What its actor says no to in a turn, is not done.
    let (_, _) = till.ask(keyed("gateway"));
    till.lose(up);
    let up = till.open(Side::Parent);
    let again = calls(&till.hear(up, hello("gateway", 2)));
    let failed = Frame::Answer {
        call: again[0].1,
        outcome: Outcome::Failed(Error::new(state::CHECK_VIOLATION, "no")),
    };
    let (_, outcome) = settled(till.hear(up, failed)).unwrap();
    assert!(error(outcome).is(state::CHECK_VIOLATION));
}

#[test]
fn a_call_before_which_too_much_waits_is_refused_and_leaves_nothing() {
    let mut till = Desk::new("till");
    let up = till.linked(Side::Parent, "gateway");
    let (ticket, actions) = till.ask(to("gateway"));
    let number = calls(&actions)[0].1;
    till.switch.not_sent(up, number, NOW, &mut till.actions);
    let (settled, outcome) = settled(std::mem::take(&mut till.actions)).unwrap();
    assert_eq!(settled, ticket);
    assert!(error(outcome).is(state::INSUFFICIENT_RESOURCES));
    assert!(till.hear(up, answer(number)).is_empty());
}

#[test]
fn a_call_under_a_key_waits_for_a_way_until_it_is_given_up() {
    let mut till = Desk::new("till");
    let (once, actions) = till.ask(keyed("gateway"));
    assert!(actions.is_empty());
    let next = till.switch.next_tick().unwrap();
    assert!(next > NOW && next < SOON);
    assert!(till.tick(next).is_empty(), "still no way");
    let later = till.switch.next_tick().unwrap();
    assert!(later - next > next - NOW, "the pause grows");
    let mut actions = Vec::new();
    assert!(
        !till.switch.give_up(once, later, &mut actions),
        "it never went"
    );
    assert!(till.switch.next_tick().is_none());
}

#[test]
fn more_calls_than_the_other_side_takes_are_refused() {
    let mut till = Desk::new("till");
    let up = till.open(Side::Parent);
    let Frame::Hello(modest) = hello("gateway", 2) else {
        unreachable!();
    };
    till.hear(up, Frame::Hello(Hello { calls: 2, ..modest }));
    till.ask(to("gateway"));
    let (second, _) = till.ask(to("gateway"));
    let (_, actions) = till.ask(to("gateway"));
    assert!(error(settled(actions).unwrap().1).is(state::INSUFFICIENT_RESOURCES));
    // One that is given up makes room.
    let mut actions = Vec::new();
    assert!(till.switch.give_up(second, NOW, &mut actions));
    assert!(matches!(
        &actions[..],
        [Action::Send(_, Frame::Cancel { call: 2 })]
    ));
    let (_, actions) = till.ask(to("gateway"));
    assert_eq!(calls(&actions), [(up, 3)]);

    // And one who doesn't care is refused by the other side.
    let mut gateway = Desk::new("gateway");
    let down = gateway.linked(Side::Child, "till");
    for number in 0..u64::from(MOST_CALLS) {
        let actions = gateway.hear(down, call(number, to("gateway")));
        assert!(matches!(&actions[..], [Action::Serve { .. }]));
    }
    let actions = gateway.hear(down, call(u64::MAX, to("gateway")));
    assert!(matches!(&actions[..],
        [Action::Send(_, Frame::Answer { outcome: Outcome::Refused(error), .. })]
        if error.is(state::INSUFFICIENT_RESOURCES)));
}

#[test]
fn who_speaks_out_of_turn_is_shown_out() {
    let reach = |nodes: &[&str]| Frame::Reach(nodes.iter().map(|node| (*node).into()).collect());
    let spoken: [(&str, Vec<Frame>); 8] = [
        ("before its hello", vec![Frame::Beat]),
        ("hello twice", vec![hello("till", 2), hello("till", 2)]),
        (
            "one number twice",
            vec![
                hello("till", 2),
                call(1, to("gateway")),
                call(1, to("gateway")),
            ],
        ),
        ("a name that is taken", vec![hello("gateway", 2)]),
        ("no name", vec![hello("", 2)]),
        (
            "whoever it speaks to",
            vec![hello("till", 2), reach(&["gateway"])],
        ),
        (
            "a name as long as a book",
            vec![hello("till", 2), reach(&[&"x".repeat(1000)])],
        ),
        (
            "more nodes than there are",
            vec![hello("till", 2), reach(&["x"; 20_000])],
        ),
    ];
    for (what, frames) in spoken {
        let mut gateway = Desk::new("gateway");
        let down = gateway.open(Side::Child);
        let mut actions = Vec::new();
        for frame in frames {
            actions = gateway.hear(down, frame);
        }
        assert!(closed(&actions).is_some(), "{what}: {actions:?}");
        assert!(gateway.hear(down, Frame::Beat).is_empty(), "{what}");
    }
    let mut gateway = Desk::new("gateway");
    let down = gateway.open(Side::Child);
    let Frame::Hello(old) = hello("till", 2) else {
        unreachable!();
    };
    let old = Hello {
        version: VERSION + 1,
        ..old
    };
    let actions = gateway.hear(down, Frame::Hello(old));
    assert!(closed(&actions).unwrap().is(state::FEATURE_NOT_SUPPORTED));
}

#[test]
fn a_node_that_comes_back_takes_its_place_and_another_of_its_name_does_not() {
    let mut gateway = Desk::new("gateway");
    let first = gateway.linked(Side::Child, "till");
    gateway.hear(first, call(1, to("gateway")));
    let second = gateway.open(Side::Child);
    let actions = gateway.hear(second, hello("till", 2));
    assert!(
        matches!(&actions[..], [Action::Close(link, _), Action::Abandon { .. }] if *link == first)
    );
    let third = gateway.open(Side::Child);
    let actions = gateway.hear(third, hello("till", 3));
    assert!(closed(&actions).unwrap().is(state::DUPLICATE_OBJECT));
    let (_, actions) = gateway.ask(to("till"));
    assert_eq!(calls(&actions), [(second, 1)]);
}

#[test]
fn silence_ends_a_link_and_who_has_nothing_to_say_says_so() {
    let mut till = Desk::new("till");
    let up = till.linked(Side::Parent, "gateway");
    assert_eq!(till.switch.next_tick(), Some(NOW + BEAT_EVERY));
    let actions = till.tick(NOW + BEAT_EVERY);
    assert!(matches!(&actions[..], [Action::Send(_, Frame::Beat)]));
    till.hear(up, Frame::Beat);
    let heard = till.now;
    till.tick(heard + SILENT_AFTER - Duration::from_millis(1));
    assert_eq!(till.switch.peers().count(), 1);
    let actions = till.tick(heard + SILENT_AFTER);
    assert!(closed(&actions).is_some());
    assert_eq!(till.switch.peers().count(), 0);
}
