//! Who is let in and who is not: TLS, passwords, certificates, and the starts that
//! are refused because strangers could come in without any. Who may do what is in
//! `access/matrix.rs`.

mod matrix;

use orbit_tests::server::{Server, binary, free_port};
use orbit_tests::skip;
use orbit_tests::wire::{Part, Wire};
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn installed(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// A node that asks everybody for a password and speaks TLS on loopback, as it
/// does to strangers elsewhere.
async fn guarded(options: &[(&str, &str)]) -> Server {
    let temporary = tempfile::tempdir().expect("a directory");
    let directory = temporary.path().join("data");
    // The first start is for giving out passwords.
    let mut server = Server::start_in(&directory, &[]).await;
    let client = server.connect().await;
    client
        .batch_execute(
            "ALTER ROLE orbit PASSWORD 'root of all';
             CREATE ROLE ada LOGIN PASSWORD 'söme pässword';
             CREATE ROLE late LOGIN PASSWORD 'late' VALID UNTIL '2001-01-01';
             CREATE ROLE nobody PASSWORD 'nobody';
             CREATE ROLE bare LOGIN",
        )
        .await
        .expect("roles are made");
    drop(client);
    server.stop();
    let mut command = Command::new(binary());
    for (key, value) in options {
        command.env(key, value);
    }
    command.env("ORBIT__TLS__LOOPBACK", "true");
    command.env("ORBIT__ACCESS__LOOPBACK", "scram");
    start(command, &directory, temporary).await
}

/// Starts a node that lets nobody in without a password, so its port has to do.
async fn start(mut command: Command, directory: &Path, home: tempfile::TempDir) -> Server {
    let (port, grpc_port) = (free_port(), free_port());
    let child = command
        .arg("serve")
        .arg("--data-dir")
        .arg(directory)
        .args(["--pg-port", &port.to_string()])
        .args(["--grpc-port", &grpc_port.to_string()])
        .args(["--http-port", "0"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("orbit runs");
    let mut server = Server::running(port, directory, child, home);
    server.grpc_port = grpc_port;
    for _ in 0..600 {
        let listens = std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
        if listens && directory.join("tls/server.crt").exists() {
            return server;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("orbit did not listen");
}

/// One statement through psql; its output, or what it complained of.
fn psql(server: &Server, connection: &str, password: &str) -> Output {
    Command::new("psql")
        .arg(format!(
            "host=127.0.0.1 port={} dbname=orbit connect_timeout=10 {connection}",
            server.port
        ))
        .args(["-X", "-A", "-t", "-w", "-c"])
        .arg("SELECT current_user")
        .env("PGPASSWORD", password)
        .output()
        .expect("psql runs")
}

#[tokio::test]
async fn psql_logs_in_by_scram_within_tls_and_only_with_the_right_password() {
    if !installed("psql") {
        return skip("SCRAM and TLS with psql", "psql is not installed");
    }
    let server = guarded(&[]).await;
    let certificate = server.directory.join("tls/server.crt");
    let verified = format!(
        "user=ada sslmode=verify-full sslrootcert={}",
        certificate.display()
    );
    let bound = format!("{verified} channel_binding=require");
    for connection in [
        "user=ada sslmode=disable",
        "user=ada sslmode=require",
        verified.as_str(),
        bound.as_str(),
        "user=ada sslmode=require ssl_min_protocol_version=TLSv1.3",
    ] {
        let output = psql(&server, connection, "söme pässword");
        assert_eq!(text(&output), "ada\n", "{connection}");
    }
    // Nothing tells a role that isn't there from a wrong password.
    for (role, password) in [
        ("ada", "wrong"),
        ("nosuch", "wrong"),
        ("bare", "wrong"),
        ("late", "late"),
        ("nobody", "wrong"),
    ] {
        let output = psql(&server, &format!("user={role} sslmode=require"), password);
        let said = text(&output);
        let wanted = format!("FATAL:  password authentication failed for user \"{role}\"");
        assert!(said.contains(&wanted), "{role}: {said}");
    }
    // An older TLS is not spoken.
    let output = psql(
        &server,
        "user=ada sslmode=require ssl_max_protocol_version=TLSv1.2",
        "söme pässword",
    );
    assert!(!output.status.success(), "{}", text(&output));
}

/// One statement through `orbit sql --grpc`.
fn over_grpc(server: &Server, role: &str, password: &str, options: &[&str]) -> Output {
    Command::new(binary())
        .args(["sql", "--grpc", &format!("127.0.0.1:{}", server.grpc_port)])
        .args(["-U", role, "--output", "csv", "-c", "SELECT current_user"])
        .args(options)
        .env("PGPASSWORD", password)
        .output()
        .expect("orbit runs")
}

#[tokio::test]
async fn arrow_flight_asks_for_the_same_password_within_tls_and_counts_the_same_failures() {
    let server = guarded(&[]).await;
    let certificate = server.directory.join("tls/server.crt");
    let certificate = certificate.display().to_string();
    for options in [&[][..], &["--tls-ca", &certificate]] {
        let output = over_grpc(&server, "ada", "söme pässword", options);
        assert_eq!(text(&output), "current_user\nada\n", "{options:?}");
    }
    for (role, password) in [
        ("ada", "wrong"),
        ("nosuch", "wrong"),
        ("late", "late"),
        ("bare", ""),
    ] {
        let output = over_grpc(&server, role, password, &[]);
        let wanted = format!("password authentication failed for user \"{role}\"");
        let said = text(&output);
        assert!(said.contains(&wanted), "{role}: {said}");
        assert_eq!(output.status.code(), Some(3), "{role}");
    }
    // With every failure from here the wait grows: some attempt comes too early.
    let too_early = (0..20).any(|_| {
        let said = text(&over_grpc(&server, "nosuch", "wrong", &[]));
        said.contains("the next attempt is heard in")
    });
    assert!(too_early);
}

#[tokio::test]
async fn failures_make_the_next_attempt_wait_and_memory_is_not_asked_for_it() {
    if !installed("psql") {
        return skip("attempt limits", "psql is not installed");
    }
    let server = guarded(&[]).await;
    for _ in 0..5 {
        psql(&server, "user=ada sslmode=disable", "wrong");
    }
    // Refused unheard now, though the password is right.
    let said = text(&psql(&server, "user=ada sslmode=disable", "söme pässword"));
    assert!(said.contains("password authentication failed"), "{said}");
    assert!(said.contains("seconds"), "{said}");
    tokio::time::sleep(std::time::Duration::from_millis(1200)).await;
    let said = text(&psql(&server, "user=ada sslmode=disable", "söme pässword"));
    assert_eq!(said, "ada\n");
}

#[tokio::test]
async fn openssl_sees_tls_1_3_and_nothing_older() {
    if !installed("openssl") && Command::new("openssl").arg("version").output().is_err() {
        return skip("TLS with openssl", "openssl is not installed");
    }
    let server = guarded(&[]).await;
    let handshake = |version: &str| {
        let output = Command::new("openssl")
            .args(["s_client", "-starttls", "postgres", version, "-connect"])
            .arg(format!("127.0.0.1:{}", server.port))
            .arg("-CAfile")
            .arg(server.directory.join("tls/server.crt"))
            .stdin(Stdio::null())
            .output()
            .expect("openssl runs");
        text(&output)
    };
    let said = handshake("-tls1_3");
    assert!(said.contains("New, TLSv1.3"), "{said}");
    assert!(said.contains("Verify return code: 0 (ok)"), "{said}");
    for older in ["-tls1_2", "-tls1_1", "-tls1"] {
        let said = handshake(older);
        assert!(!said.contains("New, TLSv1"), "{older}: {said}");
    }
}

#[tokio::test]
async fn jdbc_logs_in_by_scram_within_tls() {
    const DRIVER: &str = "/usr/share/java/postgresql.jar";
    if !Path::new(DRIVER).exists() || !installed("java") {
        return skip(
            "SCRAM and TLS with JDBC",
            "Java or its driver is not installed",
        );
    }
    let server = guarded(&[]).await;
    let program = server.directory.with_file_name("Login.java");
    std::fs::write(
        &program,
        r#"
        import java.sql.*;
        public class Login {
            public static void main(String[] a) throws Exception {
                java.util.Properties p = new java.util.Properties();
                p.setProperty("user", a[1]);
                p.setProperty("password", a[2]);
                p.setProperty("sslmode", a[3]);
                if (a.length > 4) p.setProperty("sslrootcert", a[4]);
                try (Connection c = DriverManager.getConnection(a[0], p);
                     ResultSet r = c.createStatement().executeQuery("SELECT current_user")) {
                    r.next();
                    System.out.println("in as " + r.getString(1));
                } catch (SQLException e) {
                    System.out.println(e.getSQLState() + " " + e.getMessage());
                }
            }
        }"#,
    )
    .expect("a file is written");
    let url = format!("jdbc:postgresql://127.0.0.1:{}/orbit", server.port);
    let root = server
        .directory
        .join("tls/server.crt")
        .display()
        .to_string();
    let run = |arguments: &[&str]| {
        let output = Command::new("java")
            .args(["-cp", DRIVER])
            .arg(&program)
            .arg(&url)
            .args(arguments)
            .output()
            .expect("java runs");
        text(&output)
    };
    let said = run(&["ada", "söme pässword", "verify-full", &root]);
    assert!(said.contains("in as ada"), "{said}");
    let said = run(&["ada", "wrong", "require"]);
    assert!(said.contains("28P01"), "{said}");
    let said = run(&["nosuch", "wrong", "require"]);
    assert!(said.contains("28P01"), "{said}");
}

/// An authority and a client's certificate, made with openssl.
fn certificates(directory: &Path) -> bool {
    let script = "
        set -e
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
            -subj '/CN=fleet' -keyout ca.key -out ca.crt
        for name in ada stranger; do
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
                -subj \"/O=fleet/CN=$name\" -keyout $name.key -out $name.csr
        done
        echo 'basicConstraints=critical,CA:FALSE' > v3.ext
        openssl x509 -req -extfile v3.ext -in ada.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out ada.crt
        openssl x509 -req -extfile v3.ext -in stranger.csr -signkey stranger.key -days 2 -out stranger.crt
        chmod 600 *.key";
    Command::new("sh")
        .args(["-c", script])
        .current_dir(directory)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Beyond loopback: on every address, so that 127.0.0.1 reaches the open listener.
#[tokio::test]
async fn an_open_listener_takes_nobody_in_the_clear_and_certificates_by_their_name() {
    let temporary = tempfile::tempdir().expect("a directory");
    if !installed("psql") || !certificates(temporary.path()) {
        return skip("client certificates", "psql or openssl is not installed");
    }
    let authority = temporary.path().join("ca.crt").display().to_string();
    for (remote, with_password) in [("either", true), ("both", true), ("certificate", false)] {
        let server = guarded(&[
            ("ORBIT__LISTEN__ADDRESS", "0.0.0.0"),
            ("ORBIT__TLS__AUTHORITY", &authority),
            ("ORBIT__ACCESS__REMOTE", remote),
        ])
        .await;
        let show = |name: &str| {
            let file = |ending: &str| {
                let file = temporary.path().join(format!("{name}.{ending}"));
                file.display().to_string()
            };
            format!("sslcert={} sslkey={}", file("crt"), file("key"))
        };
        let try_as = |user: &str, more: &str, password: &str| {
            text(&psql(&server, &format!("user={user} {more}"), password))
        };
        let said = try_as("ada", "sslmode=disable", "söme pässword");
        assert!(
            said.contains("in the clear are refused"),
            "{remote}: {said}"
        );
        let own = format!("sslmode=require {}", show("ada"));
        assert_eq!(try_as("ada", &own, "söme pässword"), "ada\n", "{remote}");
        // Somebody else's name, and an authority of one's own.
        let said = try_as("orbit", &own, "wrong");
        assert!(said.contains("FATAL"), "{remote}: {said}");
        let said = try_as("ada", &format!("sslmode=require {}", show("stranger")), "x");
        assert!(!said.contains("ada\n"), "{remote}: {said}");
        let said = try_as("ada", &own, "wrong");
        assert_eq!(said == "ada\n", remote != "both", "{remote}: {said}");
        let none = "sslmode=require sslcert=/nonexistent";
        let said = try_as("ada", none, "söme pässword");
        let let_in = remote == "either" && with_password;
        assert_eq!(said == "ada\n", let_in, "{remote}: {said}");
    }
}

#[tokio::test]
async fn a_start_that_would_be_open_is_refused_and_told_what_to_set() {
    let temporary = tempfile::tempdir().expect("a directory");
    let serve = |options: &[(&str, &str)]| {
        let mut command = Command::new(binary());
        for (key, value) in options {
            command.env(key, value);
        }
        let output = command
            .args(["serve", "--pg-port", "0", "--grpc-port", "0"])
            .args(["--http-port", "0", "--data-dir"])
            .arg(temporary.path().join("data"))
            .output()
            .expect("orbit runs");
        assert!(!output.status.success(), "{options:?}");
        text(&output)
    };
    let open = ("ORBIT__LISTEN__ADDRESS", "0.0.0.0");
    for (options, wanted) in [
        (&[open][..], "ALTER ROLE orbit PASSWORD"),
        (
            &[open, ("ORBIT__TLS__ENABLED", "false")],
            "tls.enabled = true",
        ),
        (
            &[open, ("ORBIT__ACCESS__REMOTE", "certificate")],
            "tls.authority",
        ),
        (
            &[("ORBIT__LISTEN__STATUS_ADDRESS", "0.0.0.0")],
            "listen.status_address",
        ),
        (
            &[("ORBIT__LISTEN__GRPC_ADDRESS", "0.0.0.0")],
            "ALTER ROLE orbit PASSWORD",
        ),
        (
            &[
                ("ORBIT__LISTEN__GRPC_ADDRESS", "0.0.0.0"),
                ("ORBIT__TLS__ENABLED", "false"),
            ],
            "tls.enabled = true",
        ),
        (
            &[
                ("ORBIT__TLS__LOOPBACK", "true"),
                ("ORBIT__TLS__CERTIFICATE", "/nonexistent"),
            ],
            "tls.key",
        ),
    ] {
        let said = serve(options);
        assert!(said.contains(wanted), "{options:?}: {said}");
    }
}

#[tokio::test]
async fn what_happens_to_roles_and_tables_is_kept_for_superusers_to_read() {
    let mut server = Server::start().await;
    let client = server.connect().await;
    client
        .batch_execute(
            "CREATE ROLE ada LOGIN PASSWORD 'never to be seen';
             CREATE TABLE t (a int PRIMARY KEY);
             GRANT SELECT ON t TO ada",
        )
        .await
        .expect("statements run");
    let undone = client.batch_execute("BEGIN; DROP TABLE t; ROLLBACK").await;
    undone.expect("statements run");
    let rows = client
        .query(
            "SELECT event, role, detail FROM orbit.audit WHERE event <> 'LOGIN' ORDER BY at, nth",
            &[],
        )
        .await
        .expect("superusers read it");
    let told: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells = [0, 1, 2].map(|at| row.get::<_, String>(at));
            cells.join("|")
        })
        .collect();
    assert_eq!(
        told,
        [
            "CREATE ROLE|orbit|CREATE ROLE ada LOGIN PASSWORD",
            "CREATE TABLE|orbit|CREATE TABLE t (a int PRIMARY KEY)",
            "GRANT|orbit|GRANT SELECT ON t TO ada",
        ]
    );
    for refused in [
        "DELETE FROM orbit.audit",
        "UPDATE orbit.audit SET role = 'x'",
        "INSERT INTO orbit.audit SELECT * FROM orbit.audit",
        "TRUNCATE orbit.audit",
        "DROP TABLE orbit.audit",
        "ALTER TABLE orbit.audit ADD COLUMN x int",
        "COPY orbit.audit FROM STDIN",
        "CREATE TABLE orbit.mine (a int)",
        "SET ROLE ada; SELECT * FROM orbit.audit",
    ] {
        let mut wire = Wire::connect(server.port, "orbit", "orbit").expect("a connection");
        wire.send_simple(refused, None);
        let reply = wire.read_reply();
        let denied = reply
            .parts
            .iter()
            .any(|part| matches!(part, Part::Error(error) if error.state == "42501"));
        assert!(denied, "{refused}: {reply:?}");
    }
    // Whoever was turned away is noted, too.
    assert!(Wire::connect(server.port, "mallory", "orbit").is_err());
    drop(client);
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    server.restart().await;
    let client = server.connect().await;
    let row = client
        .query_one(
            "SELECT count(*) FROM orbit.audit WHERE event = 'LOGIN FAILED' AND role = 'mallory' AND sqlstate = '28000'",
            &[],
        )
        .await
        .expect("superusers read it");
    assert_eq!(row.get::<_, i64>(0), 1);
}
