//! A private PostgreSQL cluster, the reference for answers and behaviour.

use crate::server::free_port;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio_postgres::{Client, NoTls};

pub struct Postgres {
    pub port: u16,
    directory: tempfile::TempDir,
    programs: PathBuf,
}

/// Where initdb and pg_ctl are, of the newest version installed.
fn programs() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|path| path.join("initdb").exists())
        .collect();
    versions.sort();
    versions.pop()
}

impl Postgres {
    /// `None` where PostgreSQL isn't installed (the caller reports a skip).
    pub async fn start() -> Option<Postgres> {
        let programs = programs()?;
        let directory = tempfile::tempdir().ok()?;
        // initdb refuses to run as root, and `postgres` must reach the directory.
        let open = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(directory.path(), open).ok()?;
        let postgres = Postgres {
            port: free_port(),
            directory,
            programs,
        };
        let data = postgres.directory.path().join("data");
        let sockets = postgres.directory.path().display().to_string();
        postgres.run(&format!(
            "{}/initdb -D {} -U orbit -A trust --locale=C.UTF-8 -E UTF8",
            postgres.programs.display(),
            data.display()
        ))?;
        postgres.run(&format!(
            "{}/pg_ctl -D {} -w -l {}/log -o '-p {} -k {sockets} -c listen_addresses=127.0.0.1 -c fsync=off' start",
            postgres.programs.display(),
            data.display(),
            sockets,
            postgres.port,
        ))?;
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline {
            if let Ok((client, connection)) =
                tokio_postgres::connect(&postgres.url("postgres"), NoTls).await
            {
                tokio::spawn(connection);
                client.batch_execute("CREATE DATABASE orbit").await.ok()?;
                return Some(postgres);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        None
    }

    fn run(&self, command: &str) -> Option<()> {
        let root = is_root();
        let mut process = if root {
            let mut process = Command::new("su");
            process.args(["postgres", "-c", command]);
            process
        } else {
            let mut process = Command::new("sh");
            process.args(["-c", command]);
            process
        };
        let output = process
            .current_dir("/")
            .stdin(Stdio::null())
            .output()
            .ok()?;
        if !output.status.success() {
            eprintln!("{command}\n{}", String::from_utf8_lossy(&output.stderr));
            return None;
        }
        Some(())
    }

    pub fn url(&self, database: &str) -> String {
        format!(
            "host=127.0.0.1 port={} user=orbit dbname={database}",
            self.port
        )
    }

    /// A new, empty database in the place of the old one, and no roles but our own.
    pub async fn recreate_database(&self) {
        let (client, connection) = tokio_postgres::connect(&self.url("postgres"), NoTls)
            .await
            .expect("PostgreSQL accepts connections");
        tokio::spawn(connection);
        for statement in [
            "DROP DATABASE IF EXISTS orbit WITH (FORCE)",
            "CREATE DATABASE orbit",
        ] {
            client.batch_execute(statement).await.expect(statement);
        }
        let roles = "SELECT quote_ident(rolname) FROM pg_roles \
                     WHERE oid >= 16384 AND rolname <> 'orbit'";
        for role in client.query(roles, &[]).await.expect(roles) {
            let drop = format!("DROP ROLE {}", role.get::<_, String>(0));
            client.batch_execute(&drop).await.expect(&drop);
        }
    }

    pub async fn connect(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.url("orbit"), NoTls)
            .await
            .expect("PostgreSQL accepts connections");
        tokio::spawn(connection);
        client
    }
}

fn is_root() -> bool {
    // SAFETY: reads a number of this process.
    unsafe { libc::geteuid() == 0 }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.directory.path().join("data");
        let stop = format!(
            "{}/pg_ctl -D {} -m immediate stop",
            self.programs.display(),
            data.display()
        );
        let _ = self.run(&stop);
    }
}
