//! A node in a control group that kills whoever grows beyond it, flooded with writes, actors
//! and queries at once: it refuses what it can't bear, and is well again when the flood ends.

use orbit_tests::disk::LoopDisk;
use orbit_tests::memory_group::MemoryGroup;
use orbit_tests::{Random, project, skip, soak};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use tokio_postgres::{Client, NoTls};

const MB: u64 = 1 << 20;
const WALL: u64 = 128 * MB;
const RECOVERY: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(250);

struct Program {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Program {
    fn start(group: &MemoryGroup, file: &Path, directory: &Path) -> Program {
        let mut command = Command::new(file);
        command
            .arg(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        group.enclose(&mut command);
        let mut child = command.spawn().expect("the program starts");
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
            input: child.stdin.take().expect("its input"),
            child,
            lines,
        }
    }

    fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("it listens");
    }

    fn next(&self, patience: Duration) -> Option<String> {
        self.lines.recv_timeout(patience).ok()
    }

    fn resident(&self) -> Option<u64> {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).ok()?;
        let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
        Some(pages * 4096)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program's file where a page of it that was missed is read with what is around it, as
/// disks of devices do: 128 KB. Some machines read eight megabytes, which then take the place
/// of the program's other pages, and whatever the node does, all that is measured is its file
/// coming in at gigabytes a second. Where there can be no such disk it stays where it is.
fn on_an_ordinary_disk() -> (Option<LoopDisk>, PathBuf) {
    let built = PathBuf::from(env!("CARGO_BIN_EXE_actor_wall"));
    let placed = || -> Result<(LoopDisk, PathBuf), String> {
        let bytes = std::fs::metadata(&built).map_err(|error| error.to_string())?;
        let mut disk = LoopDisk::create((bytes.len() >> 20) + 64)?;
        std::fs::copy(&built, disk.mount_point().join("program"))
            .map_err(|error| error.to_string())?;
        // Nothing of it is in memory.
        disk.remount()?;
        disk.read_ahead(128)?;
        let file = disk.mount_point().join("program");
        Ok((disk, file))
    };
    match placed() {
        Ok((disk, file)) => (Some(disk), file),
        Err(reason) => {
            eprintln!("the program stays on its own disk: {reason}");
            (None, built)
        }
    }
}

async fn connect(port: u16) -> Result<Client, tokio_postgres::Error> {
    let address = format!("host=127.0.0.1 port={port} user=orbit dbname=orbit");
    let (client, connection) = tokio_postgres::connect(&address, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// What clients were told.
#[derive(Default)]
struct Told {
    is_over: AtomicBool,
    done: AtomicU64,
    refused: AtomicU64,
    wrong: std::sync::Mutex<Vec<String>>,
}

impl Told {
    fn note(&self, what: &str, answer: Result<(), tokio_postgres::Error>) {
        let Err(error) = answer else {
            self.done.fetch_add(1, Ordering::Relaxed);
            return;
        };
        // 53: too few resources, 54: a limit of the program's, 57014: its time is over.
        let said = error.as_db_error();
        let is_proper = said.is_some_and(|said| {
            let code = said.code().code();
            code.starts_with("53") || code.starts_with("54") || code == "57014"
        });
        match is_proper {
            true => self.refused.fetch_add(1, Ordering::Relaxed),
            false => {
                let mut wrong = self.wrong.lock().unwrap();
                wrong.push(format!("{what}: {error:?}"));
                0
            }
        };
    }
}

async fn write(port: u16, seed: u64, told: Arc<Told>) {
    let mut random = Random(seed);
    let client = connect(port).await.expect("a connection");
    while !told.is_over.load(Ordering::Relaxed) {
        let text = format!("{:016x}", random.next()).repeat(64);
        let insert = "INSERT INTO flood (v) SELECT $1 || n FROM generate_series(1, 20) n";
        told.note("write", client.execute(insert, &[&text]).await.map(drop));
        if random.below(50) == 0 {
            let delete = "DELETE FROM flood WHERE id < (SELECT max(id) - 20000 FROM flood)";
            told.note("delete", client.execute(delete, &[]).await.map(drop));
        }
    }
}

async fn query(port: u16, seed: u64, told: Arc<Told>) {
    const QUERIES: [&str; 4] = [
        "SELECT count(*), max(v) FROM flood",
        "SELECT v FROM flood ORDER BY v DESC LIMIT 5",
        "SELECT left(v, 2) AS k, count(*), min(v) FROM flood GROUP BY 1 ORDER BY 2 DESC LIMIT 5",
        "SELECT count(*) FROM flood a JOIN flood b ON a.id = b.id + 1",
    ];
    let mut random = Random(seed);
    let client = connect(port).await.expect("a connection");
    // Nobody waits for ever.
    let patience = "SET statement_timeout = '5s'";
    client.batch_execute(patience).await.expect("a setting");
    while !told.is_over.load(Ordering::Relaxed) {
        let sql = QUERIES[usize::try_from(random.below(4)).unwrap()];
        told.note(sql, client.query(sql, &[]).await.map(drop));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_refused_and_nobody_is_killed() {
    let group = match MemoryGroup::new(WALL) {
        Ok(group) => group,
        Err(reason) => return skip("a_flood_is_refused_and_nobody_is_killed", &reason),
    };
    let seconds = if soak() { 300 } else { 15 };
    let directory = tempfile::tempdir().unwrap();
    let (_disk, file) = on_an_ordinary_disk();
    let mut program = Program::start(&group, &file, directory.path());
    let said = program.next(Duration::from_secs(30)).expect("its port");
    let port: u16 = said.strip_prefix("port ").expect(&said).parse().unwrap();
    let client = connect(port).await.unwrap();
    client
        .batch_execute("CREATE TABLE flood (id bigserial PRIMARY KEY, v text)")
        .await
        .unwrap();

    let told = Arc::new(Told::default());
    let mut clients = Vec::new();
    for n in 0..6 {
        clients.push(tokio::spawn(write(port, n, told.clone())));
        clients.push(tokio::spawn(query(port, n, told.clone())));
    }
    let began = Instant::now();
    let mut plot = Vec::new();
    let mut look = |program: &Program| {
        let resident = program.resident().expect("it lives");
        plot.push((began.elapsed(), resident));
    };
    while began.elapsed() < Duration::from_secs(seconds) {
        tokio::time::sleep(LOOK).await;
        look(&program);
    }
    told.is_over.store(true, Ordering::Relaxed);
    program.say("enough");
    for client in clients {
        client.await.unwrap();
    }
    let mut wrong = told.wrong.lock().unwrap().clone();
    let calls = loop {
        let line = program
            .next(Duration::from_secs(30))
            .expect("it goes on speaking");
        match line.strip_prefix("calls ") {
            Some(calls) => break calls.to_owned(),
            None => wrong.push(line),
        }
    };
    // The flood has ended: all three of it work again.
    let ended = Instant::now();
    loop {
        let written = client.execute("INSERT INTO flood (v) VALUES ('after')", &[]);
        let counted = client.query("SELECT count(*) FROM flood", &[]);
        let is_well = written.await.is_ok() && counted.await.is_ok();
        program.say("ask");
        let answered = program
            .next(RECOVERY)
            .is_some_and(|said| said == "answered");
        if is_well && answered {
            break;
        }
        assert!(ended.elapsed() < RECOVERY, "not well after {RECOVERY:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let recovered = ended.elapsed();
    for _ in 0..20 {
        tokio::time::sleep(LOOK).await;
        look(&program);
    }
    let (done, refused) = (
        told.done.load(Ordering::Relaxed),
        told.refused.load(Ordering::Relaxed),
    );
    let most = plot.iter().map(|(_, resident)| *resident).max().unwrap();
    eprintln!(
        "{seconds} s of flood, statements {done} done and {refused} refused, calls (done, refused) {calls}, resident {} MB at most, well again in {recovered:.1?}",
        most / MB
    );
    assert_eq!(group.kills(), 0);
    assert!(
        wrong.is_empty(),
        "{} of them, as {:?}",
        wrong.len(),
        &wrong[..wrong.len().min(5)]
    );
    assert!(recovered < RECOVERY, "{recovered:?}");
    assert!(done > 50, "nothing was done");
    if soak() {
        let picture = project().join("docs/operate/wall.svg");
        std::fs::write(picture, draw(&plot, seconds)).unwrap();
    }
}

/// What was resident over time, under the wall.
fn draw(plot: &[(Duration, u64)], flood: u64) -> String {
    const WIDTH: f64 = 720.0;
    const HEIGHT: f64 = 240.0;
    let end = plot.last().map_or(1.0, |(at, _)| at.as_secs_f64());
    let x = |seconds: f64| 50.0 + seconds / end * WIDTH;
    let y = |bytes: f64| 20.0 + HEIGHT - bytes / (140.0 * MB as f64) * HEIGHT;
    let points: Vec<String> = plot
        .iter()
        .map(|(at, bytes)| format!("{:.1},{:.1}", x(at.as_secs_f64()), y(*bytes as f64)))
        .collect();
    let line = |megabytes: u64, color: &str| {
        let at = y((megabytes * MB) as f64);
        format!(
            "<line x1=\"50\" x2=\"{:.0}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"{color}\"/>\
             <text x=\"44\" y=\"{:.1}\" text-anchor=\"end\">{megabytes}</text>\n",
            50.0 + WIDTH,
            at + 4.0
        )
    };
    let lines: String = [0, 32, 64, 96].map(|mb| line(mb, "#ddd")).concat();
    let stop = x(flood as f64);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 800 300\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"800\" height=\"300\" fill=\"#fff\"/>\n\
         {lines}{}\
         <line x1=\"{stop:.1}\" x2=\"{stop:.1}\" y1=\"20\" y2=\"{:.0}\" stroke=\"#999\" stroke-dasharray=\"4\"/>\n\
         <polyline fill=\"none\" stroke=\"#1565c0\" stroke-width=\"1.5\" points=\"{}\"/>\n\
         <text x=\"50\" y=\"290\">resident MB of a node in a control group of 128 MB, over {end:.0} s; the flood ends at the dashed line</text>\n\
         </svg>\n",
        line(128, "#c62828"),
        20.0 + HEIGHT,
        points.join(" ")
    )
}
