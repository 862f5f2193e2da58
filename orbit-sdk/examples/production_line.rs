//! A line of machines and who supervises it: it is reminded to give work out, machines report
//! to it what they made, and one that fails is begun anew while the line goes on.
//! `cargo run -p orbit-sdk --example production_line`

use orbit_sdk::actor::{Actor, Handle, Kind, Message, Recorded, Start, Turn, When};
use orbit_sdk::{Error, Orbit, Result, Statements};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const MACHINES: [&str; 3] = ["press", "lathe", "oven"];
/// Pieces of one order, and orders for each machine.
const PIECES: i64 = 10;
const ORDERS: i64 = 4;

/// Whether something is stuck in the press. A turn can't undo what is outside.
static IS_JAMMED: AtomicBool = AtomicBool::new(true);

#[derive(Default, Serialize, Deserialize)]
struct Machine {
    made: i64,
}

impl Actor for Machine {
    const KIND: &'static str = "machine";

    fn begin(_: &Start<'_>) -> Result<Machine> {
        Ok(Machine::default())
    }
}

/// An order for so many pieces.
struct Make(i64);

impl Message for Make {
    type Answer = ();
}

impl Handle<Make> for Machine {
    async fn handle(&mut self, order: Make, turn: &mut Turn) -> Result<()> {
        let own = turn.id().to_owned();
        let line = turn.address::<Line>("line 1")?;
        self.made += order.0;
        // Goes out with the commit of this turn, and not at all if it fails.
        turn.send(&line, Report::Made(own.clone(), order.0))?;
        if own == "press" && self.made == 2 * PIECES && IS_JAMMED.swap(false, Ordering::SeqCst) {
            panic!("the press is jammed");
        }
        if own == "lathe" && self.made % 20 == 0 {
            let note = "INSERT INTO faults (machine, what) VALUES ($1, 'a piece is scrap')";
            turn.execute(note, (own,)).await?;
            turn.send(&line, Report::Fault)?;
        }
        Ok(())
    }
}

/// Who supervises the machines.
#[derive(Default, Serialize, Deserialize)]
struct Line {
    looks: i64,
    made: BTreeMap<String, i64>,
    faults: i64,
    failures: i64,
    is_done: bool,
}

impl Actor for Line {
    const KIND: &'static str = "line";

    fn begin(_: &Start<'_>) -> Result<Line> {
        Ok(Line::default())
    }
}

/// What machines tell.
enum Report {
    Made(String, i64),
    Fault,
}

impl Message for Report {
    type Answer = ();
}

impl Handle<Report> for Line {
    async fn handle(&mut self, report: Report, _: &mut Turn) -> Result<()> {
        match report {
            Report::Made(machine, pieces) => *self.made.entry(machine).or_default() += pieces,
            Report::Fault => self.faults += 1,
        }
        Ok(())
    }
}

/// Time to look at the machines. Written down, it is a reminder, which comes after a restart, too.
#[derive(Serialize, Deserialize)]
struct Look;

impl Message for Look {
    type Answer = ();
}

impl Recorded for Look {
    const NAME: &'static str = "look";
}

impl Handle<Look> for Line {
    async fn handle(&mut self, _: Look, turn: &mut Turn) -> Result<()> {
        self.looks += 1;
        self.is_done = true;
        for name in MACHINES {
            if self.made.get(name) == Some(&(PIECES * ORDERS)) {
                continue;
            }
            self.is_done = false;
            let machine = turn.address::<Machine>(name)?;
            if let Err(error) = turn.call(&machine, Make(PIECES)).await {
                // It is begun anew from what it was, and gets its order with the next look.
                println!("{name}: {error}");
                self.failures += 1;
            }
        }
        match self.is_done {
            true => Ok(()),
            false => turn.remind("look", When::after(Duration::from_millis(50)), &Look),
        }
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let orbit = Orbit::open(directory.path()).await?;
    let faults = "CREATE TABLE faults (at timestamptz DEFAULT now(), machine text, what text)";
    orbit.execute(faults, ()).await?;
    orbit.register(Kind::<Machine>::stored()).await?;
    orbit
        .register(Kind::<Line>::stored().takes::<Look>())
        .await?;
    // From here on the line reminds itself.
    orbit.actor::<Line>("line 1").await?.call(Look).await?;

    let finished = async {
        loop {
            let line: Line = orbit.query_one("SELECT * FROM actors.line", ()).await?;
            if line.is_done {
                return Ok::<_, Error>(line);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let line = tokio::time::timeout(Duration::from_secs(20), finished).await;
    let line = line.map_err(|_| Error::internal("the line stands still"))??;

    let totals = "SELECT sum(made)::int8, (SELECT count(*) FROM faults) FROM actors.machine";
    let (made, faults): (i64, i64) = orbit.query_one(totals, ()).await?;
    let Line {
        looks, failures, ..
    } = line;
    println!("{made} pieces and {faults} faults in {looks} looks, {failures} failure");
    orbit.close().await?;
    assert_eq!(made, PIECES * ORDERS * 3, "every order was made, once");
    let told: i64 = line.made.values().sum();
    assert_eq!((told, line.faults), (made, faults), "all was reported");
    assert_eq!((faults, failures), (2, 1));
    println!("the line is done");
    Ok(())
}
