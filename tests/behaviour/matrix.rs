//! The client matrix: what applications, drivers and tools do, unchanged.
//!
//! Each client has a script in `tests/clients` that prints a line a check. The
//! same scripts pass against PostgreSQL 15: `ORBIT_MATRIX_POSTGRES=1` runs them
//! against one, which proves the checks rather than Orbit.

use orbit_tests::postgres::Postgres;
use orbit_tests::server::Server;
use orbit_tests::{project, skip};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A client with fewer checks is not in the matrix.
const LEAST: usize = 25;
/// What a script may take, compilation of a Rust driver's checks included.
const LIMIT: Duration = Duration::from_secs(600);

/// What the scripts talk to.
enum Target {
    Orbit(Box<Server>),
    Postgres(Box<Postgres>),
}

impl Target {
    async fn start() -> Option<Target> {
        if std::env::var_os("ORBIT_MATRIX_POSTGRES").is_some() {
            let postgres = Postgres::start().await?;
            return Some(Target::Postgres(Box::new(postgres)));
        }
        Some(Target::Orbit(Box::new(Server::start().await)))
    }

    fn port(&self) -> u16 {
        match self {
            Target::Orbit(server) => server.port,
            Target::Postgres(postgres) => postgres.port,
        }
    }

    fn url(&self) -> String {
        format!("postgres://orbit@127.0.0.1:{}/orbit", self.port())
    }
}

fn clients() -> PathBuf {
    project().join("tests/clients")
}

/// Where `scripts/setup.sh test` puts what the clients need.
fn installed() -> PathBuf {
    let home = std::env::var_os("HOME").unwrap_or_default();
    Path::new(&home).join(".cache/orbit/clients")
}

fn is_there(program: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .stdout(Stdio::null())
        .status();
    found.is_ok_and(|status| status.success())
}

/// A script for the Python of the virtual environment; `None` if it isn't there.
fn python(script: &str) -> Option<Command> {
    let python = installed().join("venv/bin/python");
    python.exists().then(|| {
        let mut command = Command::new(python);
        command.arg(clients().join(script));
        command
    })
}

/// A script that needs nothing but Python itself, and drives `program`.
fn drives(program: &str, script: &str) -> Option<Command> {
    (is_there("python3") && is_there(program)).then(|| {
        let mut command = Command::new("python3");
        command.arg(clients().join(script));
        command
    })
}

/// Runs a script and judges its lines.
fn judge(client: &str, command: Option<Command>, target: &Target) {
    let Some(mut command) = command else {
        return skip(client, "it is not installed");
    };
    for setting in ["PGOPTIONS", "PGPASSWORD", "PGSERVICE", "PGSSLMODE"] {
        command.env_remove(setting);
    }
    command
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", target.port().to_string())
        .env("PGUSER", "orbit")
        .env("PGDATABASE", "orbit")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let (lines, said, _) = run(client, command);
    println!("{client}:\n{lines}");
    let passed = lines.lines().filter(|line| line.starts_with("ok ")).count();
    let failed: Vec<&str> = lines
        .lines()
        .filter(|line| line.starts_with("not ok "))
        .collect();
    assert!(
        failed.is_empty(),
        "{client}: {} of {} checks failed:\n{}\n{said}",
        failed.len(),
        passed + failed.len(),
        failed.join("\n")
    );
    assert!(
        passed >= LEAST,
        "{client}: {passed} checks only; it said:\n{lines}\n{said}"
    );
    let summed_up = format!("{passed} checks, 0 failed");
    assert!(
        lines.contains(&summed_up),
        "{client} did not come to its end:\n{said}"
    );
}

/// The output and the errors of a command that ends within the limit, and whether it succeeded.
fn run(client: &str, mut command: Command) -> (String, String, bool) {
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("{client}: {error}"));
    let read = |pipe: Option<Box<dyn std::io::Read + Send>>| {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            if let Some(mut pipe) = pipe {
                let _ = std::io::Read::read_to_end(&mut pipe, &mut text);
            }
            String::from_utf8_lossy(&text).into_owned()
        })
    };
    let out = read(child.stdout.take().map(|pipe| Box::new(pipe) as _));
    let errors = read(child.stderr.take().map(|pipe| Box::new(pipe) as _));
    let deadline = Instant::now() + LIMIT;
    let succeeded = loop {
        match child.try_wait() {
            Ok(None) => {}
            Ok(Some(status)) => break status.success(),
            Err(error) => panic!("{client}: {error}"),
        }
        if Instant::now() > deadline {
            let _ = child.kill();
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let text = |thread: std::thread::JoinHandle<String>| thread.join().unwrap_or_default();
    (text(out), text(errors), succeeded)
}

/// Builds and names one of the Rust drivers' programs. sqlx's is checked against the
/// target while it is compiled.
fn rust_program(client: &str, target: &Target) -> Command {
    let place = clients().join("rust");
    let programs = installed().join("target");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build
        .current_dir(&place)
        .args(["build", "--locked", "--quiet", "--bin", client])
        .arg("--target-dir")
        .arg(&programs)
        .env("DATABASE_URL", target.url())
        .env_remove("CARGO_TARGET_DIR")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if client == "sqlx" {
        // Another run is another server, even on the same port.
        let now = std::time::SystemTime::now();
        build
            .args(["--features", "sqlx"])
            .env("CHECKED_AT", format!("{now:?}"));
    }
    let (_, said, built) = run(client, build);
    let program = programs.join("debug").join(client);
    assert!(built, "{client}: its checks don't compile:\n{said}");
    Command::new(program)
}

macro_rules! client {
    ($test:ident, $name:literal, $command:expr) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            let Some(target) = Target::start().await else {
                return skip($name, "PostgreSQL is not installed");
            };
            judge($name, $command, &target);
        }
    };
}

client!(asyncpg, "asyncpg", python("asyncpg_client.py"));
client!(psycopg, "psycopg", python("psycopg_client.py"));
client!(
    sqlalchemy,
    "SQLAlchemy and Alembic",
    python("sqlalchemy_client.py")
);
client!(django, "Django", python("django_client.py"));
client!(pgcli, "pgcli", python("pgcli_client.py"));
client!(psql, "psql", drives("psql", "psql_client.py"));

/// PostgreSQL speaks no Arrow: there is nothing to prove the checks against.
async fn over_flight(client: &str, script: &str) {
    let Some(Target::Orbit(server)) = Target::start().await else {
        return skip(client, "PostgreSQL doesn't speak it");
    };
    let command = python(script).map(|mut command| {
        command.env("ORBIT_GRPC_PORT", server.grpc_port.to_string());
        command
    });
    judge(client, command, &Target::Orbit(server));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flight() {
    over_flight("Arrow Flight", "flight_client.py").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flight_node() {
    over_flight("Arrow Flight, the node", "flight_node_client.py").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokio_postgres() {
    let Some(target) = Target::start().await else {
        return skip("tokio-postgres", "PostgreSQL is not installed");
    };
    let command = rust_program("tokio_postgres", &target);
    judge("tokio-postgres", Some(command), &target);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlx() {
    let Some(target) = Target::start().await else {
        return skip("sqlx", "PostgreSQL is not installed");
    };
    // The queries are checked against these tables while they are compiled.
    let schema = clients().join("rust/src/schema.sql");
    let schema = std::fs::read_to_string(schema).expect("schema.sql");
    let (client, connection) = ::tokio_postgres::connect(&target.url(), ::tokio_postgres::NoTls)
        .await
        .expect("a connection");
    tokio::spawn(connection);
    client.batch_execute(&schema).await.expect("schema.sql");
    let command = rust_program("sqlx", &target);
    judge("sqlx", Some(command), &target);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn diesel() {
    let Some(target) = Target::start().await else {
        return skip("Diesel", "PostgreSQL is not installed");
    };
    let command = rust_program("diesel", &target);
    judge("Diesel", Some(command), &target);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odbc() {
    let Some(target) = Target::start().await else {
        return skip("ODBC", "PostgreSQL is not installed");
    };
    let found = Command::new("sh")
        .args(["-c", "ls /usr/lib/*/odbc/psqlodbcw.so"])
        .output();
    let driver = found.map(|found| String::from_utf8_lossy(&found.stdout).trim().to_owned());
    let command = match driver {
        Ok(driver) if !driver.is_empty() => python("odbc_client.py").map(|mut command| {
            command.env("ODBC_DRIVER", driver);
            command
        }),
        _ => None,
    };
    judge("ODBC", command, &target);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jdbc() {
    let Some(target) = Target::start().await else {
        return skip("JDBC", "PostgreSQL is not installed");
    };
    let driver = Path::new("/usr/share/java/postgresql.jar");
    let command = (is_there("javac") && driver.exists()).then(|| {
        // A source file is compiled and run in one go.
        let mut command = Command::new("java");
        command
            .arg("-cp")
            .arg(driver)
            .arg(clients().join("Jdbc.java"));
        command
    });
    judge("JDBC", command, &target);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_dump() {
    let (Some(target), Some(back)) = (Target::start().await, Target::start().await) else {
        return skip("pg_dump", "PostgreSQL is not installed");
    };
    let Some(other) = Postgres::start().await else {
        return skip("pg_dump", "PostgreSQL is not installed");
    };
    let command = drives("pg_dump", "pg_dump_client.py").map(|mut command| {
        command
            .env("OTHER_PGPORT", other.port.to_string())
            .env("BACK_PGPORT", back.port().to_string());
        command
    });
    judge("pg_dump", command, &target);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_postgres() {
    let Some(target) = Target::start().await else {
        return skip("node-postgres", "PostgreSQL is not installed");
    };
    let modules = installed().join("node/node_modules");
    let command = (is_there("node") && modules.exists()).then(|| {
        let mut command = Command::new("node");
        command
            .arg(clients().join("node_client.js"))
            .env("NODE_PATH", modules);
        command
    });
    judge("node-postgres", command, &target);
}
