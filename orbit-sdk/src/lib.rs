//! Orbit in a program: a node of its own, or a connection to one.
//!
//! ```no_run
//! # async fn example() -> orbit_sdk::Result<()> {
//! use orbit_sdk::Orbit;
//!
//! #[derive(serde::Deserialize)]
//! struct Reading {
//!     sensor: i32,
//!     celsius: f64,
//! }
//!
//! let orbit = Orbit::open("data").await?;
//! orbit.execute("CREATE TABLE IF NOT EXISTS readings (sensor int, celsius float8)", ()).await?;
//! orbit.execute("INSERT INTO readings VALUES ($1, $2)", (7, 21.5)).await?;
//! let warm: Vec<Reading> = orbit.query("SELECT * FROM readings WHERE celsius > $1", (20.0,)).await?;
//! for reading in warm {
//!     println!("{}: {}", reading.sensor, reading.celsius);
//! }
//! orbit.close().await?;
//! # Ok(())
//! # }
//! ```
//!
//! [`Orbit::open`] has the database in this process, files and all; [`Orbit::connect`] asks
//! a node elsewhere over PostgreSQL's protocol. What is acknowledged is on disk, in both.
//!
//! * [`Orbit::execute`], [`Orbit::query`], [`Orbit::query_one`], [`Orbit::begin`]: SQL;
//! * [`Params`]: what stands for `$1`, `$2`, ...;
//! * [`rows`]: how rows become types of yours;
//! * [`Orbit::query_batches`]: columns instead of rows;
//! * [`actor`]: virtual actors, which live beside the data, and [`Statements`], their SQL.
//!
//! `docs/sdk.md` goes through all of it, from a new project to a device; the examples of this
//! crate are programs to run.

#![warn(missing_docs)]

mod answer;
#[cfg(feature = "full")]
mod batches;
mod local;
mod params;
#[cfg(feature = "remote")]
mod remote;
pub mod rows;
#[cfg(feature = "remote")]
mod tls;
mod transaction;
mod turn;

pub mod actor {
    //! Virtual actors: a type with its state, and a handler for each message it takes.
    //!
    //! * [`Actor`], [`Message`], [`Handle`]: what one is, what it is told, what it does then;
    //! * [`Kind`], for [`Orbit::register`](super::Orbit::register): whether it is stored, and
    //!   what it takes later;
    //! * [`Ref`] calls and sends from outside, [`Turn`] from within a turn;
    //! * [`Turn::remind`] has a message come later, over restarts. Only a turn sets reminders, and
    //!   only its own actor's: from outside, call the actor with a message whose handler does.
    //!
    //! What an actor's turn does is one commit. See [`Statements`](super::Statements) for SQL in it.

    pub use orbit_core::actor::{
        Actor, Address, Changes, Handle, Kind, Message, Recorded, Ref, Start, Turn, When,
    };
}

#[cfg(feature = "full")]
pub use arrow;
pub use orbit_core::error::{SqlState, state};
pub use orbit_core::memory::Counting;
pub use orbit_core::value::{Interval, Numeric, Value};
pub use orbit_core::{Error, Result};
pub use orbit_query::STACK_BYTES;
pub use params::{IntoValue, Params};
pub use transaction::Transaction;
pub use turn::Statements;

use crate::actor::{Actor, Kind, Ref};
use answer::Answer;
#[cfg(feature = "full")]
use arrow::record_batch::RecordBatch;
use local::Local;
use orbit_edge::Sources;
#[cfg(feature = "remote")]
use remote::Remote;
use serde::de::DeserializeOwned;
#[cfg(feature = "serve")]
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[cfg(doctest)]
#[doc = include_str!("../../docs/sdk.md")]
struct Guide;

/// A database, here or elsewhere. Clones are the same one.
#[derive(Clone)]
pub struct Orbit(Arc<Side>);

enum Side {
    Local(Local),
    #[cfg(feature = "remote")]
    Remote(Remote),
}

/// How to open a database in this process, or to connect to one.
#[derive(Clone, Debug, Default)]
pub struct Options {
    profile: Option<String>,
    config: Option<PathBuf>,
    authority: Option<PathBuf>,
    node: Option<String>,
    parent: Option<String>,
    #[cfg(feature = "serve")]
    serves: bool,
    any_port: bool,
}

impl Options {
    /// What the device can bear: `micro_device`, `iot_gateway`, `mobile_device`,
    /// `edge_datacenter`, or a profile that the file of [`Options::config`] defines.
    #[must_use]
    pub fn profile(mut self, name: &str) -> Options {
        self.profile = Some(name.to_owned());
        self
    }

    /// A configuration as `orbit serve --config` reads it: limits, profiles of one's own. What
    /// concerns listening counts with `Options::serve` (feature `serve`) alone.
    #[must_use]
    pub fn config(mut self, file: impl Into<PathBuf>) -> Options {
        self.config = Some(file.into());
        self
    }

    /// The node's name among others, by which their actors call those here. It is `node.id`.
    #[must_use]
    pub fn node(mut self, name: &str) -> Options {
        self.node = Some(name.to_owned());
        self
    }

    /// The node above this one, which it dials as long as it is open:
    /// `https://role:password@host:7433`, or `http://` on the same machine. The role has
    /// REPLICATION there. Actors of either are called from the other by [`Orbit::actor_at`];
    /// so are those of nodes further up and down.
    #[cfg(feature = "links")]
    #[must_use]
    pub fn parent(mut self, url: &str) -> Options {
        self.parent = Some(url.to_owned());
        self
    }

    /// Listens, too, as `orbit serve` does: for PostgreSQL's clients, for gRPC's, for other
    /// nodes.
    #[cfg(feature = "serve")]
    #[must_use]
    pub fn serve(mut self) -> Options {
        self.serves = true;
        self
    }

    /// On whichever ports are free, rather than on those of the configuration.
    #[cfg(feature = "serve")]
    #[must_use]
    pub fn any_port(mut self) -> Options {
        self.any_port = true;
        self
    }

    /// Certificates (PEM) of those who vouch for the node, or the node's own. With them a
    /// connection is TLS, or none; the node must prove to be who it is connected to as.
    #[must_use]
    pub fn trust(mut self, certificates: impl Into<PathBuf>) -> Options {
        self.authority = Some(certificates.into());
        self
    }

    /// Opens the database in a directory, or makes one there.
    pub async fn open(self, directory: impl AsRef<Path>) -> Result<Orbit> {
        let local = Local::open(directory.as_ref(), &self).await?;
        Ok(Orbit(Arc::new(Side::Local(local))))
    }

    fn sources(&self, directory: &Path) -> Sources {
        let place = Some(directory.to_string_lossy().into_owned());
        let port = || self.any_port.then(|| "0".to_owned());
        let alone = self.parent.is_some().then(|| "false".to_owned());
        let mut sources = Sources::default()
            .flag("node.data_dir", "Orbit::open", place)
            .flag("node.profile", "Options::profile", self.profile.clone())
            .flag("node.id", "Options::node", self.node.clone())
            .flag("edge.hub_url", "Options::parent", self.parent.clone())
            .flag("sync.enabled", "Options::parent", alone)
            .flag("listen.pg_port", "Options::any_port", port())
            .flag("listen.grpc_port", "Options::any_port", port())
            .flag("listen.http_port", "Options::any_port", port());
        let config = self.config.clone();
        sources.files.extend(config.map(|file| (file, true)));
        sources
    }

    /// Connects to a node; see [`Orbit::connect`].
    #[cfg(feature = "remote")]
    pub async fn connect(self, url: &str) -> Result<Orbit> {
        let remote = Remote::connect(url, self.authority.as_deref()).await?;
        Ok(Orbit(Arc::new(Side::Remote(remote))))
    }
}

impl Orbit {
    /// Opens the database in a directory, or makes one there, for a small gateway (without the
    /// feature `full`: for a micro device). See [`Orbit::options`] for others.
    pub async fn open(directory: impl AsRef<Path>) -> Result<Orbit> {
        Orbit::options().open(directory).await
    }

    /// How else to open one.
    pub fn options() -> Options {
        Options::default()
    }

    /// Connects to a node: `postgres://user:password@host:7432/orbit`.
    ///
    /// `?sslmode=disable` never encrypts, `prefer` (unless said otherwise) does if the node
    /// offers it, `require` always. As with libpq, none of them checks whom it talks to:
    /// whoever sits between can pretend to be the node. [`Options::trust`] checks.
    #[cfg(feature = "remote")]
    pub async fn connect(url: &str) -> Result<Orbit> {
        Orbit::options().connect(url).await
    }

    /// Runs a statement; how many rows it wrote, or read.
    pub async fn execute(&self, sql: &str, params: impl Params) -> Result<u64> {
        Ok(self.run(sql, params.values()).await?.affected)
    }

    /// Rows as values of a type: a struct by its columns' names, a tuple by their order, a
    /// plain type where there is one column. All of them are in memory at once.
    pub async fn query<T: DeserializeOwned>(
        &self,
        sql: &str,
        params: impl Params,
    ) -> Result<Vec<T>> {
        self.run(sql, params.values()).await?.read()
    }

    /// The only row. None or several are an error (02000, 21000).
    pub async fn query_one<T: DeserializeOwned>(
        &self,
        sql: &str,
        params: impl Params,
    ) -> Result<T> {
        self.run(sql, params.values()).await?.read_one()
    }

    /// Rows as Arrow batches, columns under their SQL types' Arrow types, as Arrow Flight
    /// sends them. Where there is no row there is an empty batch, which names the columns.
    #[cfg(feature = "full")]
    pub async fn query_batches(&self, sql: &str, params: impl Params) -> Result<Vec<RecordBatch>> {
        let params = params.values();
        match &*self.0 {
            Side::Local(local) => local.batches(sql, params).await,
            #[cfg(feature = "remote")]
            Side::Remote(remote) => batches::of_answer(remote.run(sql, params).await?),
        }
    }

    /// Begins a transaction; dropped, it is undone.
    pub async fn begin(&self) -> Result<Transaction> {
        match &*self.0 {
            Side::Local(local) => local.begin().await,
            #[cfg(feature = "remote")]
            Side::Remote(remote) => remote.begin().await,
        }
    }

    async fn run(&self, sql: &str, params: Vec<Value>) -> Result<Answer> {
        match &*self.0 {
            Side::Local(local) => local.run(sql, params).await,
            #[cfg(feature = "remote")]
            Side::Remote(remote) => remote.run(sql, params).await,
        }
    }

    /// From here on there are actors of this kind in this process's node.
    pub async fn register<A: Actor>(&self, kind: Kind<A>) -> Result<()> {
        self.local()?.actors().await?.register(kind).await
    }

    /// An actor's address; its first message begins it.
    pub async fn actor<A: Actor>(&self, id: &str) -> Result<Ref<A>> {
        self.local()?.actors().await?.actor(id)
    }

    /// An actor of another node, or of this one, by the node's name. Its kind is registered
    /// here, too; its messages travel that the kind takes ([`Kind::takes`]).
    ///
    /// A call is carried at most once: a link that is lost under it leaves its outcome unknown
    /// (40003). One under a key is carried until its deadline, and handled once.
    #[cfg(feature = "links")]
    pub async fn actor_at<A: Actor>(&self, node: &str, id: &str) -> Result<Ref<A>> {
        self.local()?.actors().await?.actor_at(node, id)
    }

    /// Where it listens for PostgreSQL's clients ([`Options::serve`]).
    #[cfg(feature = "serve")]
    pub async fn pg_address(&self) -> Result<SocketAddr> {
        Ok(self.addresses().await?.0)
    }

    /// Where it listens for gRPC's clients, and for other nodes.
    #[cfg(feature = "serve")]
    pub async fn grpc_address(&self) -> Result<SocketAddr> {
        Ok(self.addresses().await?.1)
    }

    #[cfg(feature = "serve")]
    async fn addresses(&self) -> Result<(SocketAddr, SocketAddr)> {
        let addresses = self.local()?.addresses().await;
        addresses.ok_or_else(|| {
            Error::new(
                state::OBJECT_NOT_IN_PREREQUISITE_STATE,
                "the node doesn't listen",
            )
            .with_hint("Open it with Options::serve.")
        })
    }

    fn local(&self) -> Result<&Local> {
        match &*self.0 {
            Side::Local(local) => Ok(local),
            #[cfg(feature = "remote")]
            Side::Remote(_) => Err(Error::unsupported("actors of a node elsewhere")
                .with_hint("Open the database in this process: Orbit::open(directory).")),
        }
    }

    /// Lets what is under way finish, and closes. What was acknowledged is on disk also
    /// without it. The directory is free for another as soon as clones, addresses of actors
    /// and transactions are dropped, too.
    pub async fn close(self) -> Result<()> {
        let store = match &*self.0 {
            Side::Local(local) => {
                local.close().await?;
                local.store()
            }
            #[cfg(feature = "remote")]
            Side::Remote(_) => return Ok(()),
        };
        if let Some(last) = Arc::into_inner(self.0) {
            drop(last);
            local::let_go(store).await;
        }
        Ok(())
    }
}
