//! The client's end of PostgreSQL wire, for every command that asks a node.

use super::Failure;
use super::client_tls;
use super::visible::visible;
use clap::Args;
use orbit_core::error::SqlState;
use orbit_core::{Error, state};
use std::future::poll_fn;
use std::path::PathBuf;
use std::time::Duration;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::ErrorPosition;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls, Socket};

#[derive(Args, Clone, Debug, Default)]
pub struct Connect {
    /// The node's address
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    pub host: String,
    /// The node's PostgreSQL port
    #[arg(long, short, default_value_t = 7432, env = "ORBIT__LISTEN__PG_PORT")]
    pub port: u16,
    /// Whom to connect as
    #[arg(long, short = 'U', default_value = "orbit", value_name = "NAME")]
    pub user: String,
    /// The database; a node has one
    #[arg(long, short, default_value = "orbit", value_name = "NAME")]
    pub database: String,
    /// Speak TLS, and take only a certificate that is this one or signed by it
    #[arg(long, value_name = "FILE", env = "PGSSLROOTCERT")]
    pub tls_ca: Option<PathBuf>,
    /// The certificate to show the node
    #[arg(long, value_name = "FILE", env = "PGSSLCERT")]
    pub tls_cert: Option<PathBuf>,
    /// Its key
    #[arg(long, value_name = "FILE", env = "PGSSLKEY")]
    pub tls_key: Option<PathBuf>,
    /// Taken from PGPASSWORD: a command line is for everybody to read.
    #[arg(skip)]
    pub password: Option<String>,
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Connects; notices of the session go to stderr.
pub async fn connect(to: &Connect) -> Result<Client, Failure> {
    let mut config = Config::new();
    let password = to
        .password
        .clone()
        .or_else(|| std::env::var("PGPASSWORD").ok());
    let has_password = password.is_some();
    if let Some(password) = password {
        config.password(password);
    }
    config
        .host(&to.host)
        .port(to.port)
        .user(&to.user)
        .dbname(&to.database)
        .application_name("orbit")
        .connect_timeout(CONNECT_TIMEOUT);
    match dial(&config, to).await {
        Err(Failure::Connection(error)) if !has_password && wants_password(&error) => {
            let prompt = format!("Password for user {}: ", visible(&to.user));
            let asked = tokio::task::spawn_blocking(move || super::ask_password::ask(&prompt));
            let Ok(Some(password)) = asked.await else {
                return Err(Failure::Connection(error.with_hint("Set PGPASSWORD.")));
            };
            config.password(password);
            dial(&config, to).await
        }
        other => other,
    }
}

/// The client's own word for a node that asked for one when it had none.
fn wants_password(error: &Error) -> bool {
    error
        .detail()
        .is_some_and(|detail| detail.contains("password missing"))
}

async fn dial(config: &Config, to: &Connect) -> Result<Client, Failure> {
    match client_tls::of(to)? {
        Some(tls) => open(config.clone().ssl_mode(SslMode::Require), to, tls).await,
        None => open(config, to, NoTls).await,
    }
}

async fn open<T>(config: &Config, to: &Connect, tls: T) -> Result<Client, Failure>
where
    T: MakeTlsConnect<Socket> + Send,
    T::Stream: Send + 'static,
{
    let (client, mut connection) =
        config
            .connect(tls)
            .await
            .map_err(|error| match failure(&error) {
                Failure::Connection(error) => Failure::Connection(
                    Error::new(
                        state::CONNECTION_FAILURE,
                        format!("cannot reach a node at {}:{}", to.host, to.port),
                    )
                    .with_detail(error.message())
                    .with_hint(match error.message().contains("TLS") {
                        true => {
                            "--host must be a name the node's certificate has, and --tls-ca \
                                 that certificate or who signed it."
                        }
                        false => {
                            "Start one with `orbit serve`, or open a directory with --data-dir."
                        }
                    }),
                ),
                other => other,
            })?;
    tokio::spawn(async move {
        while let Some(message) = poll_fn(|cx| connection.poll_message(cx)).await {
            match message {
                Ok(AsyncMessage::Notice(notice)) => {
                    eprintln!("{}:  {}", notice.severity(), visible(notice.message()));
                    if let Some(detail) = notice.detail() {
                        eprintln!("DETAIL:  {}", visible(detail));
                    }
                    if let Some(hint) = notice.hint() {
                        eprintln!("HINT:  {}", visible(hint));
                    }
                }
                Ok(AsyncMessage::Notification(told)) => eprintln!(
                    "Notification \"{}\" with payload \"{}\" from process {}.",
                    visible(told.channel()),
                    visible(told.payload()),
                    told.process_id()
                ),
                Ok(_) => {}
                // Whoever waits for an answer is told by its own request.
                Err(_) => return,
            }
        }
    });
    Ok(client)
}

/// A client error as ours: the node's own words, or that it is gone.
pub fn failure(error: &tokio_postgres::Error) -> Failure {
    let Some(told) = error.as_db_error() else {
        let mut words = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(below) = cause {
            let below_words = below.to_string();
            if !words.contains(&below_words) {
                words = format!("{words}: {below_words}");
            }
            cause = below.source();
        }
        return Failure::Connection(Error::new(state::CONNECTION_FAILURE, words));
    };
    let mut code = *b"XX000";
    for (to, from) in code.iter_mut().zip(told.code().code().bytes()) {
        *to = from;
    }
    let mut error = Error::new(SqlState(code), told.message().to_owned());
    if let Some(detail) = told.detail() {
        error = error.with_detail(detail);
    }
    if let Some(hint) = told.hint() {
        error = error.with_hint(hint.to_owned());
    }
    if let Some(context) = told.where_() {
        error = error.in_context(context);
    }
    if let Some(ErrorPosition::Original(position)) = told.position() {
        error = error.at(*position);
    }
    if error.is(state::ADMIN_SHUTDOWN) || error.is(state::CANNOT_CONNECT_NOW) {
        return Failure::Connection(error);
    }
    Failure::Work(error)
}
