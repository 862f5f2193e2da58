//! A node in this process.

use crate::Options;
use crate::answer::{Answer, Column};
use crate::transaction::{Transaction, Work, begun_by_a_statement};
#[cfg(feature = "full")]
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use orbit_core::actor::Runtime;
use orbit_core::store::Store;
use orbit_core::value::{Value, cast};
use orbit_core::{Error, Result, state};
use orbit_edge::{Node, NodeConfig};
use orbit_query::{Engine, Outcome, Prepared, Rows, Session, SessionInit};
#[cfg(feature = "serve")]
use orbit_server::running::Running;
use parking_lot::Mutex;
#[cfg(feature = "serve")]
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// What a node is, unless its program says otherwise.
const PROFILE: &str = match cfg!(feature = "full") {
    true => "iot_gateway",
    false => "micro_device",
};
/// Sessions kept for the next statement.
const IDLE: usize = 8;
/// After closing, tasks see within so long that there is nothing more to do.
const LETTING_GO: Duration = Duration::from_millis(500);

pub struct Local {
    node: Arc<Node>,
    sessions: Arc<Sessions>,
    /// Its ports, if it has any.
    #[cfg(feature = "serve")]
    running: tokio::sync::Mutex<Option<Running>>,
}

/// Sessions that nobody uses just now.
pub struct Sessions {
    engine: Arc<Engine>,
    idle: Mutex<Vec<Session>>,
}

/// Where turns get their sessions from. The node outlives none of whom it serves.
pub struct Lender(pub Weak<Sessions>);

impl Sessions {
    pub fn take(&self) -> Session {
        let idle = self.idle.lock().pop();
        idle.unwrap_or_else(|| {
            self.engine.session(SessionInit {
                user: "orbit".to_owned(),
                database: "orbit".to_owned(),
                application: "orbit-sdk".to_owned(),
                ..SessionInit::default()
            })
        })
    }

    /// One whose last statement came to its end.
    pub fn give_back(&self, session: Session) {
        let mut idle = self.idle.lock();
        if idle.len() < IDLE {
            idle.push(session);
        }
    }
}

impl Local {
    pub async fn open(directory: &Path, options: &Options) -> Result<Local> {
        let config = NodeConfig::load(&options.sources(directory), PROFILE)?;
        #[cfg(feature = "serve")]
        if options.serves {
            let running = Running::start(config).await?;
            let local = Local::of(running.node().clone());
            return Ok(Local {
                running: tokio::sync::Mutex::new(Some(running)),
                ..local
            });
        }
        Ok(Local::of(Node::open(config).await?))
    }

    fn of(node: Arc<Node>) -> Local {
        let sessions = Arc::new(Sessions {
            engine: node.engine().clone(),
            idle: Mutex::default(),
        });
        Local {
            node,
            sessions,
            #[cfg(feature = "serve")]
            running: tokio::sync::Mutex::default(),
        }
    }

    /// The node's actors, who may run statements in their turns.
    pub async fn actors(&self) -> Result<&Runtime> {
        let actors = self.node.actors().await?;
        actors.equip(Arc::new(Lender(Arc::downgrade(&self.sessions))));
        Ok(actors)
    }

    pub async fn run(&self, sql: &str, params: Vec<Value>) -> Result<Answer> {
        let mut session = self.sessions.take();
        // One whose statement failed, or was given up, isn't used again.
        let answer = run(&mut session, sql, params).await?;
        self.put_back(session)?;
        Ok(answer)
    }

    #[cfg(feature = "full")]
    pub async fn batches(&self, sql: &str, params: Vec<Value>) -> Result<Vec<RecordBatch>> {
        let mut session = self.sessions.take();
        let outcome = execute(&mut session, sql, params).await?;
        let batches = match outcome {
            Outcome::Rows(rows) => crate::batches::of_rows(rows, session.format()).await,
            other => ended(other).map(|_| Vec::new()),
        };
        let batches = settle(&mut session, batches).await?;
        self.put_back(session)?;
        Ok(batches)
    }

    fn put_back(&self, session: Session) -> Result<()> {
        if session.block() != orbit_query::Block::Idle {
            return Err(begun_by_a_statement());
        }
        self.sessions.give_back(session);
        Ok(())
    }

    pub async fn begin(&self) -> Result<Transaction> {
        let mut session = self.sessions.take();
        run(&mut session, "BEGIN", Vec::new()).await?;
        Ok(Transaction::of(Box::new(LocalWork {
            session: Some(session),
            sessions: self.sessions.clone(),
        })))
    }

    pub async fn close(&self) -> Result<()> {
        self.sessions.idle.lock().clear();
        #[cfg(feature = "serve")]
        if let Some(running) = self.running.lock().await.take() {
            return running.stop().await;
        }
        self.node.close().await
    }

    /// Where it listens for PostgreSQL's clients, and for gRPC's.
    #[cfg(feature = "serve")]
    pub async fn addresses(&self) -> Option<(SocketAddr, SocketAddr)> {
        let running = self.running.lock().await;
        let running = running.as_ref()?;
        Some((running.pg_address, running.grpc_address))
    }

    /// Its files, for as long as anybody has them open.
    pub fn store(&self) -> Weak<dyn Store> {
        Arc::downgrade(self.node.engine().db().store())
    }
}

/// Waits for tasks of a closed node's that have not seen its end yet.
pub async fn let_go(store: Weak<dyn Store>) {
    let mut pause = Duration::from_millis(1);
    let waiting = async {
        while store.strong_count() > 0 {
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    };
    // Past it somebody in the program has it: an actor's address, a transaction.
    let _in_time = tokio::time::timeout(LETTING_GO, waiting).await;
}

struct LocalWork {
    session: Option<Session>,
    sessions: Arc<Sessions>,
}

#[async_trait]
impl Work for LocalWork {
    async fn run(&mut self, sql: &str, params: Vec<Value>) -> Result<Answer> {
        match &mut self.session {
            Some(session) => run(session, sql, params).await,
            None => Err(Error::internal("a transaction that is over")),
        }
    }

    async fn commit(mut self: Box<Self>) -> Result<()> {
        let Some(mut session) = self.session.take() else {
            return Ok(());
        };
        run(&mut session, "COMMIT", Vec::new()).await?;
        self.sessions.give_back(session);
        Ok(())
    }
}

pub async fn run(session: &mut Session, sql: &str, params: Vec<Value>) -> Result<Answer> {
    let answer = match execute(session, sql, params).await? {
        Outcome::Rows(rows) => gather(rows).await,
        other => ended(other),
    };
    settle(session, answer).await
}

async fn execute(session: &mut Session, sql: &str, params: Vec<Value>) -> Result<Outcome> {
    let statement = session.prepare(sql, &[]).await?;
    let params = fit(&statement, params)?;
    session.execute(&statement, &params).await
}

/// What a statement without rows gave.
fn ended(outcome: Outcome) -> Result<Answer> {
    match outcome {
        Outcome::Done(tag) => Ok(Answer {
            affected: rows_of(tag),
            ..Answer::default()
        }),
        Outcome::Empty => Ok(Answer::default()),
        Outcome::Rows(_) => Err(Error::internal("rows that nobody gathered")),
        Outcome::CopyIn(_) | Outcome::CopyOut(_) => {
            Err(Error::unsupported("COPY within a program")
                .with_hint("Send rows by INSERT, and fetch them by a query."))
        }
    }
}

/// A statement outside of a transaction is committed here.
async fn settle<T>(session: &mut Session, answer: Result<T>) -> Result<T> {
    match answer {
        Ok(answer) => {
            session.sync().await?;
            Ok(answer)
        }
        Err(error) => {
            session.fail();
            Err(error)
        }
    }
}

/// Parameters as the statement wants them.
fn fit(statement: &Prepared, params: Vec<Value>) -> Result<Vec<Value>> {
    let wanted = &statement.params;
    if wanted.len() != params.len() {
        return Err(Error::new(
            state::PROTOCOL_VIOLATION,
            format!(
                "{} parameters were given to a statement that has {}",
                params.len(),
                wanted.len()
            ),
        ));
    }
    let fitting = params.into_iter().zip(wanted);
    fitting
        .map(|(value, sql_type)| cast::assign(value, sql_type))
        .collect()
}

async fn gather(mut rows: Rows) -> Result<Answer> {
    let columns = rows.columns.iter().map(|column| Column {
        name: column.name.clone(),
        sql_type: column.sql_type.clone(),
    });
    let mut answer = Answer {
        columns: columns.collect(),
        ..Answer::default()
    };
    while let Some(batch) = rows.next().await? {
        for row in 0..batch.len() {
            let values = 0..answer.columns.len();
            let values = values.map(|column| Ok(batch.value(row, column)?.to_owned()));
            answer.rows.push(values.collect::<Result<_>>()?);
        }
    }
    answer.affected = u64::try_from(answer.rows.len()).unwrap_or(u64::MAX);
    Ok(answer)
}

fn rows_of(tag: orbit_query::Tag) -> u64 {
    use orbit_query::Tag;
    match tag {
        Tag::Select(rows)
        | Tag::Insert(rows)
        | Tag::Update(rows)
        | Tag::Delete(rows)
        | Tag::Merge(rows)
        | Tag::Copy(rows)
        | Tag::Fetch(rows)
        | Tag::Move(rows) => rows,
        Tag::Other(_) => 0,
    }
}
