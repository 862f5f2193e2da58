//! A thermostat: an actor for each room, that remembers what it was told and heats by it.
//! `cargo run -p orbit-sdk --example thermostat`

use orbit_sdk::actor::{Actor, Handle, Kind, Message, Start, Turn};
use orbit_sdk::{Error, Orbit, Result, Statements};
use serde::{Deserialize, Serialize};

/// What a thermostat is. It is kept as a row of `actors.thermostat`, a column for each field.
#[derive(Serialize, Deserialize)]
struct Thermostat {
    wanted: f64,
    is_heating: bool,
}

impl Actor for Thermostat {
    const KIND: &'static str = "thermostat";

    fn begin(_: &Start<'_>) -> Result<Thermostat> {
        Ok(Thermostat {
            wanted: 20.0,
            is_heating: false,
        })
    }
}

/// Somebody turns the knob.
struct Want(f64);

impl Message for Want {
    type Answer = ();
}

impl Handle<Want> for Thermostat {
    async fn handle(&mut self, want: Want, _: &mut Turn) -> Result<()> {
        self.wanted = want.0;
        Ok(())
    }
}

/// A sensor tells how warm it is; the answer is whether to heat.
struct Measured(f64);

impl Message for Measured {
    type Answer = bool;
}

impl Handle<Measured> for Thermostat {
    async fn handle(&mut self, measured: Measured, turn: &mut Turn) -> Result<bool> {
        // Half a degree of patience: no furnace likes to be switched all the time.
        if measured.0 < self.wanted - 0.5 {
            self.is_heating = true;
        } else if measured.0 > self.wanted + 0.5 {
            self.is_heating = false;
        }
        // In the same commit as what the thermostat is now.
        let room = turn.id().to_owned();
        let note = "INSERT INTO temperatures (room, celsius, heats) VALUES ($1, $2, $3)";
        turn.execute(note, (room, measured.0, self.is_heating))
            .await?;
        Ok(self.is_heating)
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let orbit = Orbit::open(directory.path()).await?;
    let table = "CREATE TABLE temperatures (at timestamptz DEFAULT now(), room text, celsius float8, heats bool)";
    orbit.execute(table, ()).await?;
    orbit.register(Kind::<Thermostat>::stored()).await?;

    let kitchen = orbit.actor::<Thermostat>("kitchen").await?;
    kitchen.call(Want(21.0)).await?;
    for celsius in [18.0, 20.2, 21.2, 21.8, 20.9, 20.1] {
        let heats = kitchen.call(Measured(celsius)).await?;
        let does = if heats { "heat" } else { "rest" };
        println!("kitchen {celsius} °C: {does}");
    }
    drop(kitchen);
    orbit.close().await?;

    // What it was told and what it measured is there after a restart, as rows.
    let orbit = Orbit::open(directory.path()).await?;
    let measured = "SELECT count(*), count(*) FILTER (WHERE heats) FROM temperatures";
    let (count, heated): (i64, i64) = orbit.query_one(measured, ()).await?;
    println!("{count} measurements, {heated} of them with the heating on");
    let wanted = "SELECT wanted FROM actors.thermostat WHERE id = $1";
    let wanted: f64 = orbit.query_one(wanted, ("kitchen",)).await?;
    println!("the kitchen still wants {wanted} °C");
    orbit.close().await?;
    match (count, heated, wanted) {
        (6, 4, 21.0) => Ok(()),
        other => Err(Error::internal(format!("not as it was: {other:?}"))),
    }
}
