//! A till that sells with no network: what it sold, what is left in stock and what it is are
//! one commit, and a receipt that was asked for twice is printed once.
//! `cargo run -p orbit-sdk --example till`

use orbit_sdk::actor::{Actor, Handle, Kind, Message, Recorded, Ref, Start, Turn};
use orbit_sdk::{Error, Orbit, Result, Statements, state};
use serde::{Deserialize, Serialize};

/// A till, kept as a row of `actors.till`.
#[derive(Default, Serialize, Deserialize)]
struct Till {
    receipts: i64,
    taken_cents: i64,
}

impl Actor for Till {
    const KIND: &'static str = "till";

    fn begin(_: &Start<'_>) -> Result<Till> {
        Ok(Till::default())
    }
}

/// Somebody buys something.
#[derive(Clone, Serialize, Deserialize)]
struct Sell {
    item: String,
    pieces: i32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Receipt {
    number: i64,
    cents: i64,
}

impl Message for Sell {
    type Answer = Receipt;
}

/// It can be written down, and so be answered once.
impl Recorded for Sell {
    const NAME: &'static str = "sell";
}

impl Handle<Sell> for Till {
    async fn handle(&mut self, sale: Sell, turn: &mut Turn) -> Result<Receipt> {
        // The table's CHECK refuses what isn't there; then nothing of this turn was.
        let take = "UPDATE stock SET pieces = pieces - $2 WHERE item = $1 RETURNING price_cents";
        let price: i64 = turn.query_one(take, (&sale.item, sale.pieces)).await?;
        self.receipts += 1;
        let cents = price * i64::from(sale.pieces);
        self.taken_cents += cents;
        let (till, number) = (turn.id().to_owned(), self.receipts);
        let note = "INSERT INTO sales VALUES ($1, $2, $3, $4, $5)";
        turn.execute(note, (till, number, sale.item, sale.pieces, cents))
            .await?;
        Ok(Receipt { number, cents })
    }
}

/// Opens the shop, for the first time or again.
async fn open(directory: &std::path::Path) -> Result<(Orbit, Ref<Till>)> {
    let orbit = Orbit::open(directory).await?;
    for sql in [
        "CREATE TABLE IF NOT EXISTS stock (item text PRIMARY KEY, price_cents bigint,
         pieces int CHECK (pieces >= 0))",
        "CREATE TABLE IF NOT EXISTS sales (till text, receipt bigint, item text, pieces int,
         cents bigint, PRIMARY KEY (till, receipt))",
        "INSERT INTO stock VALUES ('apple', 40, 30), ('bread', 320, 4) ON CONFLICT DO NOTHING",
    ] {
        orbit.execute(sql, ()).await?;
    }
    orbit.register(Kind::<Till>::stored()).await?;
    let till = orbit.actor::<Till>("till 1").await?;
    Ok((orbit, till))
}

async fn sell(till: &Ref<Till>, basket: &str, item: &str, pieces: i32) -> Result<Receipt> {
    let item = item.to_owned();
    let receipt = till.call_once(basket, Sell { item, pieces }).await?;
    println!(
        "{basket}: receipt {}, {} cents",
        receipt.number, receipt.cents
    );
    Ok(receipt)
}

#[tokio::main]
async fn main() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let (orbit, till) = open(directory.path()).await?;
    sell(&till, "basket 1", "apple", 6).await?;
    let unheard = sell(&till, "basket 2", "bread", 3).await?;

    // The shop closes before basket 2 has heard of its receipt.
    drop(till);
    orbit.close().await?;
    println!("closed, and opened again");
    let (orbit, till) = open(directory.path()).await?;

    let again = sell(&till, "basket 2", "bread", 3).await?;
    expect(again == unheard, "asking again gives the same receipt")?;
    sell(&till, "basket 3", "apple", 10).await?;
    match sell(&till, "basket 4", "bread", 2).await {
        Err(error) if error.is(state::CHECK_VIOLATION) => {
            println!("basket 4: refused, there is one bread left");
        }
        other => expect(other.is_err(), "two breads were sold where there was one")?,
    }
    sell(&till, "basket 5", "bread", 1).await?;

    let (receipts, sold, cents): (i64, i64, i64) = orbit
        .query_one(
            "SELECT count(*), sum(pieces)::int8, sum(cents)::int8 FROM sales",
            (),
        )
        .await?;
    let (counted, taken): (i64, i64) = orbit
        .query_one("SELECT receipts, taken_cents FROM actors.till", ())
        .await?;
    let left: i64 = orbit
        .query_one("SELECT sum(pieces)::int8 FROM stock", ())
        .await?;
    println!("{receipts} receipts, {sold} pieces sold and {left} left, {cents} cents");
    expect(
        receipts == 4 && counted == 4,
        "every receipt is a sale, once",
    )?;
    expect(cents == taken, "the till has what the sales say")?;
    expect(sold + left == 34, "what isn't sold is in stock")?;
    println!("the sums are right");
    drop(till);
    orbit.close().await
}

fn expect(is_so: bool, what: &str) -> Result<()> {
    match is_so {
        true => Ok(()),
        false => Err(Error::internal(format!("not so: {what}"))),
    }
}
