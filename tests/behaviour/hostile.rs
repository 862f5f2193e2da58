//! Clients that mean harm, or write as if they did: nobody dies of them, nothing is
//! left behind, and each gets the error it should.
//!
//! The node lives in a control group of 512 MB, which it has to find out by itself, and is
//! killed where it takes more. Where no group can be made it is told of 256 MB to plan with,
//! and the kernel's peak of resident memory (VmHWM) is asked for, less the pages of the
//! program itself, which it takes back where memory is short. 2 GB of private memory,
//! touched or not, are a hard end in both cases (RLIMIT_DATA).

use orbit_tests::hostile::messages::{self, Spoiled};
use orbit_tests::hostile::raw::{Raw, message};
use orbit_tests::hostile::statements::{self, Case};
use orbit_tests::memory_group::MemoryGroup;
use orbit_tests::server::{Server, binary};
use orbit_tests::skip;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_millis(1500);
/// What a statement may take beyond its time.
const GRACE: Duration = Duration::from_secs(1);
const LIMIT: u64 = 512 << 20;
const HARD_LIMIT: u64 = 2 << 30;
/// The node's limit and a quarter more.
const RESTING: u64 = 320 << 20;
/// What asking a tenth of the statements once more may add to it: a leak would add more.
const AGAIN: u64 = 32 << 20;

/// `None` where a machine or its container lets nobody make one.
fn memory_group() -> Option<MemoryGroup> {
    MemoryGroup::new(LIMIT)
        .inspect_err(|reason| eprintln!("no control group of {} MB: {reason}", LIMIT >> 20))
        .ok()
}

async fn limited_server(group: Option<&MemoryGroup>) -> Server {
    let directory = tempfile::tempdir().expect("a temporary directory").keep();
    let mut command = Command::new(binary());
    match group {
        Some(group) => group.enclose(&mut command),
        None => {
            command.env("ORBIT__EDGE__RESOURCES__MEMORY_LIMIT", "256mb");
        }
    }
    // Otherwise the allocator takes a gigabyte of addresses at once.
    command.env("MIMALLOC_ARENA_EAGER_COMMIT", "0");
    let limit = libc::rlimit {
        rlim_cur: HARD_LIMIT,
        rlim_max: HARD_LIMIT,
    };
    // SAFETY: setrlimit may be called between fork and exec.
    unsafe {
        command.pre_exec(move || match libc::setrlimit(libc::RLIMIT_DATA, &limit) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        });
    }
    Server::spawn(
        command,
        &directory.join("data"),
        &["--profile", "mobile_device"],
    )
    .await
    .unwrap_or_else(|said| panic!("orbit did not start:\n{said}"))
}

fn status(server: &Server, field: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/status", server.pid()));
    let text = text.unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    number
        .and_then(|number| number.parse::<u64>().ok())
        .unwrap_or(0)
        * 1024
}

/// The most that the node ever held of its own: without what of the program was in memory
/// when it had just started, since more of that comes in later and may not have been there
/// at the peak.
fn peak_of(server: &Server) -> u64 {
    static PROGRAM: OnceLock<u64> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| status(server, "RssFile:"));
    status(server, "VmHWM:").saturating_sub(*program)
}

fn open_files(server: &Server) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", server.pid())).map_or(0, Iterator::count)
}

fn fits(word: &str, right: &[&str]) -> bool {
    right.iter().any(|right| match *right {
        "ok" | "gone" | "silent" => word == *right,
        state => word.starts_with(state),
    })
}

fn alive(server: &mut Server) -> Result<(), String> {
    match server.child.try_wait() {
        Ok(None) => Ok(()),
        ended => {
            let said = std::fs::read_to_string(server.directory.with_extension("stderr"));
            let said = said.unwrap_or_default();
            let tail: Vec<&str> = said.lines().rev().take(12).collect();
            Err(format!("the node died: {ended:?}\n{}", tail.join("\n")))
        }
    }
}

fn session(server: &Server) -> Raw {
    let mut raw = Raw::connect(server.port).expect("a session");
    raw.patience(TIMEOUT + GRACE + Duration::from_secs(4));
    let timeout = format!("SET statement_timeout = '{}ms'", TIMEOUT.as_millis());
    assert_eq!(raw.ask(&timeout).word(), "ok");
    raw
}

/// What a statement got, if that was wrong; whether the session can go on.
fn try_case(
    server: &mut Server,
    raw: &mut Raw,
    case: &Case,
    extended: bool,
    most: u64,
) -> (bool, Option<String>) {
    let before = status(server, "RssAnon:");
    let began = Instant::now();
    let answer = match extended {
        true => raw.ask_extended(&case.sql),
        false => raw.ask(&case.sql),
    };
    let took = began.elapsed();
    let word = answer.word();
    let shown: String = case.name.chars().take(160).collect();
    let peak = peak_of(server);
    // By the extended protocol a script is no statement, and some statements are none.
    let script = extended && (word == "42601" || word == "0A000");
    let mut wrong = None;
    if let Err(dead) = alive(server) {
        wrong = Some(format!("{shown}: {dead}"));
    } else if !fits(&word, case.right) && !script {
        let said: String = answer.messages.join("; ").chars().take(200).collect();
        wrong = Some(format!("{shown}: {word} ({said}), right: {:?}", case.right));
    } else if took > TIMEOUT + GRACE {
        wrong = Some(format!("{shown}: {word} after {took:?}"));
    } else if peak > most {
        wrong = Some(format!("{shown}: {word}, and a peak of {} MB", peak >> 20));
    }
    if std::env::var_os("ORBIT_HOSTILE_LOUD").is_some() {
        let after = status(server, "RssAnon:");
        let (before, after, peak) = (before >> 20, after >> 20, peak >> 20);
        eprintln!("{shown}: {word} {took:?} {before} -> {after} MB, peak {peak}");
    }
    if peak > most {
        // The next one's peak is its own.
        let _ = std::fs::write(format!("/proc/{}/clear_refs", server.pid()), "5");
    }
    (answer.ready.is_some(), wrong)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_statements_and_messages_hurt_nobody() {
    let group = memory_group();
    // A group kills; its kernel counts what must be in memory, and that is what counts.
    let most = group.as_ref().map_or(LIMIT, |_| u64::MAX);
    let mut server = limited_server(group.as_ref()).await;
    peak_of(&server);
    server
        .connect()
        .await
        .batch_execute(statements::SETUP)
        .await
        .expect("the tables");
    let mut raw = session(&server);
    let (mut files, mut resting) = (open_files(&server), status(&server, "RssAnon:"));
    let mut wrong = Vec::new();

    let cases = statements::all();
    assert!(cases.len() >= 2_000, "{} statements", cases.len());
    let filter = std::env::var("ORBIT_HOSTILE").unwrap_or_default();
    let mut broken = 0;
    for (at, case) in cases.iter().enumerate() {
        if !case.name.contains(&filter) {
            continue;
        }
        let (goes_on, found) = try_case(&mut server, &mut raw, case, at % 5 == 4, most);
        wrong.extend(found);
        if !goes_on {
            // Dead, or deaf: what follows is to be asked of a node that is well.
            broken += 1;
            if broken > 20 {
                break;
            }
            server.kill();
            server = limited_server(group.as_ref()).await;
            server
                .connect()
                .await
                .batch_execute(statements::SETUP)
                .await
                .expect("the tables");
            raw = session(&server);
            (files, resting) = (open_files(&server), status(&server, "RssAnon:"));
            continue;
        }
        // A block left open, a setting left changed, a table left there.
        raw.ask("ROLLBACK");
        raw.ask("RESET ALL");
        raw.ask("DEALLOCATE ALL");
        raw.ask("DROP TABLE IF EXISTS filled");
        raw.ask(&format!(
            "SET statement_timeout = '{}ms'",
            TIMEOUT.as_millis()
        ));
    }
    alive(&mut server).unwrap_or_else(|dead| panic!("{dead}\n\n{}", wrong.join("\n")));
    let said = cases.len();

    let spoiled = messages::all();
    assert!(spoiled.len() >= 500, "{} messages", spoiled.len());
    let began = Instant::now();
    for one in &spoiled {
        if !one.name.contains(&filter) {
            continue;
        }
        wrong.extend(try_message(&server, one));
        alive(&mut server).unwrap_or_else(|dead| panic!("{}: {dead}", one.name));
    }
    eprintln!("{} messages in {:?}", spoiled.len(), began.elapsed());

    if filter.is_empty() {
        wrong.extend(many_objects(&server));
        wrong.extend(large_messages(&server));
        wrong.extend(slow_reader(&server));
    }
    alive(&mut server).unwrap_or_else(|dead| panic!("{dead}"));

    // Nothing is left: no session, no lock, no file, no memory.
    let mut left = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        left.clear();
        let sessions = raw
            .ask("SELECT 1 FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
            .rows;
        if sessions > 0 {
            left.push(format!("{sessions} sessions"));
        }
        for sql in [
            "BEGIN; LOCK TABLE h, empty IN ACCESS EXCLUSIVE MODE NOWAIT; ROLLBACK",
            "BEGIN; SELECT * FROM h FOR UPDATE NOWAIT; ROLLBACK",
        ] {
            let said = raw.ask(sql);
            if said.word() != "ok" {
                left.push(format!("{sql}: {said:?}"));
                raw.ask("ROLLBACK");
            }
        }
        if open_files(&server) > files + 20 {
            left.push(format!(
                "{} open files, {files} before",
                open_files(&server)
            ));
        }
        let now = status(&server, "RssAnon:");
        // What a node of this limit may rest at: docs/operate/limits.md.
        if now > RESTING {
            left.push(format!(
                "{} MB resident, {} before",
                now >> 20,
                resting >> 20
            ));
        }
        if left.is_empty() || Instant::now() > deadline {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    wrong.extend(left);
    if filter.is_empty() {
        wrong.extend(grown_again(&mut server, &mut raw, &cases, most));
    }
    let peak = peak_of(&server);
    eprintln!(
        "{said} hostile statements, {} messages, peak {} MB, then {} MB ({} MB before)",
        spoiled.len(),
        peak >> 20,
        status(&server, "RssAnon:") >> 20,
        resting >> 20
    );
    match &group {
        // Whoever starts after one that was killed has a peak of its own.
        Some(group) if group.kills() > 0 => {
            wrong.push(format!("{} killed for want of memory", group.kills()));
        }
        None if peak > most => wrong.push(format!("a peak of {} MB", peak >> 20)),
        _ => {}
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    drop(raw);
    assert_eq!(server.stop(), Some(0));
    let _ = std::fs::remove_dir_all(server.directory.parent().expect("a parent"));
}

/// Asks what was asked before: caches are full by now, and so nothing should come to it.
fn grown_again(server: &mut Server, raw: &mut Raw, cases: &[Case], most: u64) -> Option<String> {
    let tenth = || cases.iter().step_by(10);
    let mut held = [0; 2];
    for held in &mut held {
        for case in tenth() {
            let (goes_on, _) = try_case(server, raw, case, false, most);
            if !goes_on {
                return Some(format!("{}: the second time the node died", case.name));
            }
            raw.ask("ROLLBACK");
            raw.ask("RESET ALL");
            raw.ask("DROP TABLE IF EXISTS filled");
            raw.ask(&format!(
                "SET statement_timeout = '{}ms'",
                TIMEOUT.as_millis()
            ));
        }
        *held = status(server, "RssAnon:");
    }
    let [once, twice] = held;
    (twice > once + AGAIN).then(|| {
        format!(
            "{} MB after one more round, {} MB after another",
            once >> 20,
            twice >> 20
        )
    })
}

fn try_message(server: &Server, one: &Spoiled) -> Option<String> {
    let mut raw = match one.first {
        true => Raw::open(server.port).expect("a socket"),
        false => Raw::connect(server.port).expect("a session"),
    };
    raw.patience(Duration::from_secs(5));
    raw.send(&one.bytes);
    if one.cut || one.first {
        raw.shut_write();
    } else {
        raw.send(&message(b'S', b""));
        // Where the stream can't be followed, or never ends, the client gives up.
        if one.name.contains("announced") {
            raw.shut_write();
        }
    }
    let answer = raw.answer();
    let mut word = answer.word();
    // The Sync after a good message, or the second answer of a simple one.
    if one.cut && word == "ok" {
        word = raw.answer().word();
    }
    if fits(&word, one.right) {
        return None;
    }
    Some(format!(
        "{}: {word} ({:?}), right: {:?}",
        one.name, answer.messages, one.right
    ))
}

/// Prepared statements and portals by the ten thousand.
fn many_objects(server: &Server) -> Option<String> {
    let mut raw = session(server);
    let mut said = "ok".to_owned();
    for at in 0..12_000 {
        let parse = [format!("s{at}").as_bytes(), b"\0SELECT $1::int + 1\0\0\0"].concat();
        raw.send(&message(b'P', &parse));
        if at % 500 == 499 {
            raw.send(&message(b'S', b""));
            said = raw.answer().word();
            if said != "ok" {
                break;
            }
        }
    }
    let statements =
        (!fits(&said, &["54", "53"])).then(|| format!("12,000 prepared statements: {said}"));
    raw.ask("DEALLOCATE ALL");
    raw.ask("BEGIN");
    raw.send(&message(b'P', b"one\0SELECT 1\0\0\0"));
    let mut said = "ok".to_owned();
    for at in 0..12_000 {
        let bind = [format!("p{at}").as_bytes(), b"\0one\0\0\0\0\0\0\0"].concat();
        raw.send(&message(b'B', &bind));
        if at % 500 == 499 {
            raw.send(&message(b'S', b""));
            said = raw.answer().word();
            if said != "ok" {
                break;
            }
        }
    }
    let portals = (!fits(&said, &["54", "53"])).then(|| format!("12,000 portals: {said}"));
    statements.or(portals)
}

/// A gigabyte announced, and as much of it sent as is taken.
fn large_messages(server: &Server) -> Option<String> {
    for (kind, right) in [
        (b'Q', "54000"),
        (b'P', "54000"),
        (b'B', "54000"),
        (b'E', "08P01"),
    ] {
        let mut raw = session(server);
        let before = status(server, "RssAnon:");
        raw.send(&[&[kind][..], &(1i32 << 30).to_be_bytes()].concat());
        for _ in 0..64 {
            raw.send(&vec![b'x'; 1 << 20]);
        }
        let grown = status(server, "RssAnon:").saturating_sub(before);
        if grown > 40 << 20 {
            return Some(format!(
                "64 MB of a message of a gigabyte cost {} MB",
                grown >> 20
            ));
        }
        raw.shut_write();
        let word = raw.answer().word();
        if !fits(&word, &[right, "gone"]) {
            return Some(format!(
                "a message {} of a gigabyte: {word}",
                char::from(kind)
            ));
        }
    }
    None
}

/// Somebody who asks for everything and reads nothing holds nobody up.
fn slow_reader(server: &Server) -> Option<String> {
    let before = status(server, "RssAnon:");
    let mut slow = Raw::connect(server.port).expect("a session");
    slow.send(&orbit_tests::hostile::raw::query(
        "SELECT g, repeat('x', 1000) FROM generate_series(1, 100000000) g",
    ));
    std::thread::sleep(Duration::from_secs(1));
    let mut good = session(server);
    let began = Instant::now();
    let word = good.ask("SELECT count(*) FROM h").word();
    let grown = status(server, "RssAnon:").saturating_sub(before);
    if word != "ok" || began.elapsed() > GRACE || grown > 64 << 20 {
        return Some(format!(
            "beside a slow reader: {word}, {:?}, {} MB",
            began.elapsed(),
            grown >> 20
        ));
    }
    None
}

/// The 99th percentile of so many point reads.
fn p99(raw: &mut Raw) -> Duration {
    let mut took: Vec<Duration> = (0..3_000)
        .map(|at| {
            let began = Instant::now();
            let answer = raw.ask(&format!("SELECT t FROM h WHERE id = {}", at % 1000 + 1));
            assert_eq!(answer.rows, 1, "{answer:?}");
            began.elapsed()
        })
        .collect();
    took.sort();
    took[took.len() * 99 / 100]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_silent_connections_slow_nobody_down() {
    const SILENT: u64 = 10_000;
    let mut files = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: both calls only read and write the limit of this process.
    let raised = unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut files);
        files.rlim_cur = files.rlim_max.min(SILENT + 2_000);
        libc::setrlimit(libc::RLIMIT_NOFILE, &files)
    };
    if raised != 0 || files.rlim_cur < SILENT + 500 {
        let test = "ten_thousand_silent_connections_slow_nobody_down";
        return skip(test, "this process may not open 10,000 files");
    }
    let group = memory_group();
    let server = limited_server(group.as_ref()).await;
    server
        .connect()
        .await
        .batch_execute(statements::SETUP)
        .await
        .expect("the tables");
    let mut raw = session(&server);
    p99(&mut raw);
    let quiet = p99(&mut raw).min(p99(&mut raw));
    let before = status(&server, "RssAnon:");
    // The last of them come while the good client works.
    let mut silent = Vec::new();
    for _ in 0..SILENT - 500 {
        silent.push(Raw::open(server.port).expect("a socket"));
    }
    let port = server.port;
    let more = std::thread::spawn(move || {
        let open = |_| {
            std::thread::sleep(Duration::from_micros(200));
            Raw::open(port).expect("a socket")
        };
        (0..500).map(open).collect::<Vec<Raw>>()
    });
    let busy = p99(&mut raw);
    silent.extend(more.join().expect("the last sockets"));
    let busy = busy.min(p99(&mut raw)).min(p99(&mut raw));
    let grown = status(&server, "RssAnon:").saturating_sub(before);
    // Newcomers get in, too.
    let began = Instant::now();
    let mut newcomer = session(&server);
    assert_eq!(newcomer.ask("SELECT 1").word(), "ok");
    let entered = began.elapsed();
    eprintln!(
        "p99 {quiet:?} alone, {busy:?} beside {SILENT} silent connections, which took {} MB; \
         a newcomer took {entered:?}",
        grown >> 20
    );
    // Below a millisecond the machine's own noise is larger than the difference.
    let allowed = (quiet * 2).max(Duration::from_millis(1));
    assert!(busy <= allowed, "p99 was {quiet:?} and became {busy:?}");
    assert!(entered < GRACE, "a newcomer took {entered:?}");
    assert!(grown < 64 << 20, "{} MB for silence", grown >> 20);

    // As many sessions as are allowed; the next is told so and may come back later.
    let mut sessions = Vec::new();
    let refused = loop {
        match Raw::connect(server.port) {
            Ok(session) => sessions.push(session),
            Err(said) => break said,
        }
        assert!(sessions.len() < 2_000, "no limit of sessions");
    };
    assert!(refused.contains("53300"), "{refused}");
    assert_eq!(raw.ask("SELECT 1").word(), "ok");
    drop(sessions);
    let deadline = Instant::now() + GRACE;
    while Raw::connect(server.port).is_err() {
        assert!(Instant::now() < deadline, "no session is free again");
    }
}
