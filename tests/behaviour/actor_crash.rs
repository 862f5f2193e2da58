//! kill -9 while actors are at work: what was answered is there, once, and what is there
//! beside it is of a piece with it.

use orbit_tests::{Random, seed, soak};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Answers there must be between two kills; fewer would test nothing.
const ANSWERS: usize = 40;
const PATIENCE: Duration = Duration::from_secs(60);

/// The program under load, and what it says.
struct Program {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Program {
    fn start(directory: &Path, more: &[&str]) -> Program {
        let mut child = Command::new(env!("CARGO_BIN_EXE_actor_load"))
            .arg(directory)
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let (says, lines) = channel();
        let out = child.stdout.take().expect("its output");
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if says.send(line).is_err() {
                    return;
                }
            }
        });
        Program {
            input: child.stdin.take(),
            child,
            lines,
        }
    }

    fn next(&self, end: Instant) -> String {
        let left = end.saturating_duration_since(Instant::now());
        let line = self.lines.recv_timeout(left);
        line.expect("the program goes on speaking")
    }

    fn kill(mut self) -> Vec<String> {
        self.child.kill().expect("a signal");
        self.child.wait().expect("its end");
        // What it said before, to the last line.
        self.lines.iter().collect()
    }
}

/// What was asked for, and what was said to it.
#[derive(Default)]
struct Journal {
    asked: BTreeMap<i64, (String, String)>,
    acked: BTreeMap<i64, usize>,
}

impl Journal {
    fn note(&mut self, line: &str) {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["ask", op, actor, manner] => {
                let of = (actor.to_owned(), manner.to_owned());
                self.asked.insert(op.parse().unwrap(), of);
            }
            ["ack", op, nth] => {
                let (op, nth) = (op.parse().unwrap(), nth.parse().unwrap());
                let before = self.acked.insert(op, nth);
                assert!(
                    before.is_none_or(|before| before == nth),
                    "{op}: two answers"
                );
            }
            _ => panic!("the program said: {line}"),
        }
    }

    /// Asked under a key, and never answered.
    fn unheard(&self) -> Vec<(i64, String)> {
        let open = self
            .asked
            .iter()
            .filter(|(op, _)| !self.acked.contains_key(op));
        let once = open.filter(|(_, (_, manner))| manner == "once");
        once.map(|(op, (actor, _))| (*op, actor.clone())).collect()
    }

    fn check(&self, left: &Left) {
        let mut places = BTreeMap::new();
        for (actor, (done, _)) in &left.states {
            for (place, op) in done.iter().enumerate() {
                let before = places.insert(*op, (actor.clone(), place + 1));
                assert_eq!(before, None, "op {op} was done twice");
            }
        }
        for (op, (actor, _)) in &self.asked {
            let place = places.get(op);
            if let Some(nth) = self.acked.get(op) {
                assert_eq!(place, Some(&(actor.clone(), *nth)), "op {op} was answered");
            }
        }
        let manner = |op: &i64| self.asked.get(op).map(|(_, manner)| manner.as_str());
        assert!(
            places.keys().all(|op| manner(op).is_some()),
            "nobody asked for it"
        );
        let rows: BTreeSet<_> = places
            .iter()
            .filter(|(op, _)| manner(op) == Some("row"))
            .map(|(op, (actor, nth))| (actor.clone(), *nth, *op))
            .collect();
        assert_eq!(left.rows, rows, "rows are where the states say");
        for (done, rung) in left.states.values() {
            let once: BTreeSet<_> = rung.iter().collect();
            assert_eq!(once.len(), rung.len(), "a reminder came twice: {rung:?}");
            let set = done.iter().filter(|op| manner(op) == Some("later"));
            let set: BTreeSet<_> = set.collect();
            assert!(once.is_subset(&set), "a reminder nobody set");
            assert!(!left.is_last || once == set, "a reminder never came");
        }
    }
}

/// What the program found when it started.
#[derive(Default)]
struct Left {
    states: BTreeMap<String, (Vec<i64>, Vec<i64>)>,
    rows: BTreeSet<(String, usize, i64)>,
    is_last: bool,
}

impl Left {
    fn read(program: &Program) -> Left {
        let mut left = Left::default();
        let end = Instant::now() + PATIENCE;
        loop {
            let line = program.next(end);
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["state", actor, done, rung] => {
                    let of = (list(done), list(rung));
                    left.states.insert(actor.to_owned(), of);
                }
                ["row", actor, nth, op] => {
                    let row = (actor.to_owned(), nth.parse().unwrap(), op.parse().unwrap());
                    left.rows.insert(row);
                }
                _ if line == "ready" => return left,
                _ => panic!("the program said: {line}"),
            }
        }
    }
}

fn list(text: &str) -> Vec<i64> {
    serde_json::from_str(text).expect("a list of numbers")
}

#[test]
fn what_actors_answered_survives_kill_9() {
    let kills = if soak() { 100 } else { 5 };
    let mut random = Random(seed("actor_kill_9"));
    let directory = tempfile::tempdir().unwrap();
    let mut journal = Journal::default();
    for _ in 0..kills {
        let mut program = Program::start(directory.path(), &[]);
        journal.check(&Left::read(&program));
        let mut input = program.input.take().expect("its input");
        let unheard = journal.unheard();
        for (op, actor) in &unheard {
            writeln!(input, "again {op} {actor}").expect("it reads");
        }
        writeln!(input, "go").expect("it reads");
        let (end, before) = (Instant::now() + PATIENCE, journal.acked.len());
        while journal.acked.len() < before + unheard.len() + ANSWERS {
            journal.note(&program.next(end));
        }
        let last = Instant::now() + Duration::from_millis(random.below(400));
        while let Some(left) = last.checked_duration_since(Instant::now()) {
            if let Ok(line) = program.lines.recv_timeout(left) {
                journal.note(&line);
            }
        }
        for line in program.kill() {
            journal.note(&line);
        }
    }
    let program = Program::start(directory.path(), &["--last"]);
    let left = Left {
        is_last: true,
        ..Left::read(&program)
    };
    journal.check(&left);
    let (asked, acked) = (journal.asked.len(), journal.acked.len());
    eprintln!("{kills} kills, {acked} answers to {asked} calls of actors");
}
