//! `orbit sql`, as scripts use it and as people do (at a terminal of their own), and
//! `orbit doctor`.

use crate::backup::{fails, orbit, text};
use orbit_tests::server::{Server, binary};
use std::io::{Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Runs a script on stdin; what came on stdout and on stderr.
fn script(server: &Server, options: &[&str], script: &str) -> (Output, String, String) {
    let mut child = Command::new(binary())
        .args(["sql", "--port", &server.port.to_string()])
        .args(options)
        .env("EDITOR", "sed -i s/1/2/")
        .env_remove("VISUAL")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("orbit sql");
    let mut stdin = child.stdin.take().expect("its stdin");
    stdin.write_all(script.as_bytes()).expect("the script");
    drop(stdin);
    let output = child.wait_with_output().expect("its end");
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    (output, out, err)
}

/// What a script that succeeds prints.
fn prints(server: &Server, options: &[&str], text: &str) -> String {
    let (output, out, err) = script(server, options, text);
    assert!(output.status.success(), "{text}: {out}{err}");
    out
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_run_over_grpc_alike() {
    let server = Server::start().await;
    let address = format!("127.0.0.1:{}", server.grpc_port);
    let text = "CREATE TABLE t (a int PRIMARY KEY, b text, c numeric, d timestamptz);\n\
        INSERT INTO t VALUES (1, 'it''s; one', 1.50, '2024-02-29 12:30:00+00'), (2, NULL, NULL, NULL);\n\
        SELECT * FROM t ORDER BY a; SELECT a FROM t WHERE false;\n\
        SELECT ARRAY[a, NULL] AS list, a > 1 AS more FROM t WHERE a = 2;\nDROP TABLE t";
    for output in ["csv", "json", "table"] {
        let wire = prints(&server, &["--output", output], text);
        let grpc = prints(&server, &["--output", output, "--grpc", &address], text);
        assert_eq!(grpc, wire, "{output}");
    }
    let options = ["--grpc", address.as_str(), "-c", "SELECT 1 / 0"];
    let (output, _, err) = script(&server, &options, "");
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("division by zero [22012]"), "{err}");
    let (output, _, err) = script(&server, &["--grpc", "127.0.0.1:1"], "SELECT 1");
    assert_eq!(output.status.code(), Some(3), "{err}");
    let (output, _, err) = script(&server, &["--grpc", &address, "-U", "nobody"], "SELECT 1");
    assert_eq!(output.status.code(), Some(3), "{err}");
    assert!(err.contains("role \"nobody\" does not exist"), "{err}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_run_with_their_commands() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start().await;
    let csv: &[&str] = &["--output", "csv"];
    let out = prints(
        &server,
        csv,
        "\\set n 7\n\\set who 'it''s'\nSELECT :n + 1 AS a, :'who' AS b;\n",
    );
    assert_eq!(out, "a,b\n8,it's\n");
    // A statement that a command ends, again and again, and over several lines.
    assert_eq!(
        prints(&server, csv, "SELECT\n 1 AS a \\g\n\\g\n"),
        "a\n1\na\n1\n"
    );
    let out = prints(&server, csv, "SELECT 5 AS a \\watch 0.01 c=3\n");
    assert_eq!(out.matches("\n5\n").count(), 3, "{out}");
    assert_eq!(
        prints(&server, csv, "SELECT 1 AS a;\n\\e\n"),
        "a\n1\na\n2\n"
    );
    let out = prints(
        &server,
        &[],
        "\\pset null (none)\nSELECT NULL AS a, 'x' AS b \\gx\n",
    );
    assert_eq!(out, "-[ RECORD 1 ]\na | (none)\nb | x\n");
    // COPY with its data in the script, and between tables and files here.
    let file = home.path().join("t's.csv");
    let path = text(&file).replace('\'', "''");
    let out = prints(
        &server,
        csv,
        &format!(
            "CREATE TABLE t (a int, b text);\nCOPY t FROM STDIN;\n1\tone; two\n2\t\\N\n\\.\n\
             \\copy t TO '{path}' WITH (FORMAT csv, HEADER)\n\
             CREATE TABLE u (a int, b text);\n\\copy u (a, b) FROM '{path}' WITH (FORMAT csv, HEADER)\n\
             SELECT * FROM u ORDER BY a;\n"
        ),
    );
    assert_eq!(out, "a,b\n1,one; two\n2,\n");
    assert_eq!(std::fs::read_to_string(&file).expect("the file"), out);
    // A file within a file; rows into a file and back to the screen.
    let (inner, rows) = (home.path().join("inner.sql"), home.path().join("rows.csv"));
    std::fs::write(&inner, "SELECT 3 AS a;\n\\echo from inside\n").expect("a script");
    let out = prints(
        &server,
        csv,
        &format!(
            "\\o {}\nSELECT 1 AS a;\n\\o\n\\i {}\n",
            text(&rows),
            text(&inner)
        ),
    );
    assert_eq!(out, "a\n3\nfrom inside\n");
    assert_eq!(std::fs::read_to_string(&rows).expect("the rows"), "a\n1\n");
    let circle = home.path().join("circle.sql");
    std::fs::write(&circle, format!("\\i {}\n", text(&circle))).expect("a script");
    let (output, _, err) = script(&server, &[], &format!("\\i {}\n", text(&circle)));
    assert!(
        output.status.code() == Some(1) && err.contains("nested"),
        "{err}"
    );
    // The first error ends a script and its exit code says so.
    let (output, out, err) = script(
        &server,
        csv,
        "SELECT 1 AS a;\nSELECT 1 +;\nSELECT 2 AS a;\n",
    );
    assert_eq!((output.status.code(), out.as_str()), (Some(1), "a\n1\n"));
    assert!(
        err.contains("LINE 1: SELECT 1 +;") && err.contains("42601"),
        "{err}"
    );
    let (output, _, err) = script(&server, csv, "\\nonsense\n");
    assert!(
        output.status.code() == Some(1) && err.contains("\\?"),
        "{err}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_describe_what_there_is() {
    let server = Server::start().await;
    let client = server.connect().await;
    client
        .batch_execute(
            "CREATE TABLE described (id int PRIMARY KEY, code varchar(8) NOT NULL UNIQUE, \
             price numeric(10,2) DEFAULT 1.5, made timestamptz, \
             CONSTRAINT positive CHECK (price > 0)); \
             CREATE INDEX described_made ON described (made, code); \
             CREATE VIEW seen AS SELECT id FROM described; CREATE SEQUENCE counter; \
             CREATE SCHEMA other; CREATE TABLE other.hidden (a int)",
        )
        .await
        .expect("relations");
    let cases: [(&str, &[&str], &[&str]); 10] = [
        (
            "\\d described",
            &[
                "Table \"public.described\"",
                "character varying(8)",
                "numeric(10,2)",
                "timestamp with time zone",
                "not null",
                "1.5",
                "\"described_pkey\" PRIMARY KEY, btree (id)",
                "\"described_code_key\" UNIQUE CONSTRAINT, btree (code)",
                "\"described_made\" btree (made, code)",
                "\"positive\" CHECK (price > 0",
            ],
            &["hidden"],
        ),
        ("\\d", &["described", "table"], &["hidden", "pg_class"]),
        ("\\dt", &["described"], &["seen", "hidden"]),
        ("\\dt d*", &["described"], &["seen"]),
        ("\\dt other.*", &["hidden"], &["described"]),
        ("\\di", &["described_made", "described_pkey"], &["seen"]),
        ("\\dn", &["public", "other"], &["pg_catalog"]),
        ("\\du", &["orbit", "Superuser"], &[]),
        ("\\l", &["orbit", "UTF8"], &[]),
        ("\\dt+ described", &["Size"], &[]),
    ];
    for (command, wanted, unwanted) in cases {
        let out = prints(&server, &[], &format!("{command}\n"));
        for word in wanted {
            assert!(out.contains(word), "{command} lacks {word:?}:\n{out}");
        }
        for word in unwanted {
            assert!(!out.contains(word), "{command} has {word:?}:\n{out}");
        }
    }
    let json = prints(&server, &["--output", "json"], "\\d described\n");
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json[1]["Type"], "character varying(8)");
    let (output, _, err) = script(&server, &[], "\\d nothing\n");
    assert!(
        output.status.code() == Some(1) && err.contains("Did not find any relation"),
        "{err}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_terminal_obeys_what_a_row_holds() {
    let server = Server::start().await;
    let hostile = "SELECT E'\\x1b]0;owned\\x07' AS \"\u{1b}[2J\", 'a\u{202e}b' AS turned";
    let out = prints(&server, &[], &format!("{hostile};\n{hostile} \\gx\n"));
    assert!(!out.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{out:?}");
    assert!(
        out.contains("\\x1b]0;owned\\x07") && out.contains("a\\u202eb"),
        "{out}"
    );
    let (_, _, err) = script(&server, &[], "SELECT \"\u{1b}[31m\";\n");
    assert!(
        !err.contains('\u{1b}') && err.contains("\\x1b[31m"),
        "{err:?}"
    );
    let json = prints(&server, &["--output", "json"], "SELECT E'\\u009b' AS a;\n");
    assert!(json.is_ascii() && json.contains("\\u009b"), "{json:?}");
    // A file gets what the row holds.
    let csv = prints(&server, &["--output", "csv"], "SELECT E'\\x1b' AS a;\n");
    assert_eq!(csv, "a\n\u{1b}\n");
}

/// A terminal with a shell at the other end.
struct Terminal {
    file: std::fs::File,
    child: std::process::Child,
    /// Everything that was shown so far.
    shown: String,
}

impl Terminal {
    fn open(server: &Server) -> Terminal {
        let (mut ours, mut theirs) = (0, 0);
        let size = libc::winsize {
            ws_row: 40,
            ws_col: 120,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        // SAFETY: the call fills in two descriptors, which nobody else owns.
        let (ours, theirs) = unsafe {
            let done = libc::openpty(
                &mut ours,
                &mut theirs,
                std::ptr::null_mut(),
                std::ptr::null(),
                &size,
            );
            assert_eq!(done, 0, "no terminal");
            libc::fcntl(ours, libc::F_SETFL, libc::O_NONBLOCK);
            (OwnedFd::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs))
        };
        let end = || Stdio::from(theirs.try_clone().expect("a descriptor"));
        let state = server.directory.with_extension("state");
        let child = Command::new(binary())
            .args(["sql", "--port", &server.port.to_string()])
            .env("TERM", "xterm")
            .env("XDG_STATE_HOME", state)
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .expect("orbit sql");
        Terminal {
            file: ours.into(),
            child,
            shown: String::new(),
        }
    }

    fn press(&mut self, keys: &str) {
        self.file.write_all(keys.as_bytes()).expect("the keys");
    }

    /// Waits until this is shown after what was waited for before.
    fn wait(&mut self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut bytes = [0; 4096];
        loop {
            if plain(&self.shown).contains(text) {
                self.shown.clear();
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{text:?} is not in {:?}",
                self.shown
            );
            match self.file.read(&mut bytes) {
                Ok(length) => {
                    let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
                    // The editor asks where the cursor is.
                    for _ in text.matches("\u{1b}[6n") {
                        self.press("\u{1b}[1;1R");
                    }
                    self.shown.push_str(&text);
                }
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What is shown without the sequences that say where and how.
fn plain(shown: &str) -> String {
    let mut out = String::new();
    let mut characters = shown.chars();
    while let Some(character) = characters.next() {
        if character != '\u{1b}' {
            out.push(character);
        } else if characters.next() == Some('[') {
            for end in characters.by_ref() {
                if end.is_ascii_alphabetic() {
                    break;
                }
            }
        }
    }
    out
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_is_shown_the_transaction_and_gets_names_completed() {
    let server = Server::start().await;
    let client = server.connect().await;
    client
        .batch_execute("CREATE TABLE remarkable (id int, peculiar text); INSERT INTO remarkable VALUES (77, 'x')")
        .await
        .expect("a table");
    tokio::task::spawn_blocking(move || {
        let mut terminal = Terminal::open(&server);
        terminal.wait("orbit=> ");
        terminal.press("BEGIN;\r");
        terminal.wait("orbit=*> ");
        terminal.press("SELECT nonsense;\r");
        terminal.wait("orbit=!> ");
        terminal.press("ROLLBACK;\r");
        terminal.wait("orbit=> ");
        terminal.press("SELECT id + 1000 FROM rem\t");
        terminal.wait("remarkable");
        terminal.press(";\r");
        terminal.wait("1077");
        terminal.wait("orbit=> ");
        terminal.press("SELECT 4\r");
        terminal.wait("orbit-> ");
        terminal.press("  + 38;\r");
        terminal.wait("42");
        terminal.press("\\q\r");
        let ended = terminal.child.wait().expect("its end");
        assert!(ended.success());
    })
    .await
    .expect("the conversation");
}

fn doctor(options: &[&str]) -> (Option<i32>, Vec<serde_json::Value>) {
    let output = orbit(&[&["doctor", "--output", "json"], options].concat());
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    (
        output.status.code(),
        found.as_array().expect("findings").clone(),
    )
}

fn finding<'a>(found: &'a [serde_json::Value], check: &str) -> &'a serde_json::Value {
    let one = found.iter().find(|finding| finding["check"] == check);
    one.unwrap_or_else(|| panic!("no finding about {check} in {found:?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_finds_what_is_wrong_and_says_what_to_do() {
    let mut server = Server::start().await;
    let directory = server.directory.clone();
    let data_dir = ["--data-dir", text(&directory)];
    let (_, found) = doctor(&data_dir);
    assert_eq!(finding(&found, "store")["found"], "a node has it open");
    assert!(
        finding(&found, "disk flush")["found"]
            .as_str()
            .is_some_and(|f| f.contains("p99"))
    );
    let profile = finding(&found, "profile");
    assert!(
        profile["found"]
            .as_str()
            .is_some_and(|why| why.contains("of memory"))
    );
    for check in [
        "memory",
        "profile",
        "open files",
        "clock",
        "directory rights",
        "identity",
    ] {
        let level = finding(&found, check)["level"].as_str().expect("a level");
        assert_ne!(level, "problem", "{check}: {found:?}");
    }
    server.stop();
    let (_, found) = doctor(&data_dir);
    let store = finding(&found, "store");
    assert!(
        store["level"] == "ok"
            && store["found"]
                .as_str()
                .is_some_and(|f| f.starts_with("opens"))
    );
    assert_eq!(finding(&found, "clock and store")["level"], "ok");
    // Somebody else's port, open rights, a copy.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its number").port();
    let config = directory.with_extension("toml");
    std::fs::write(&config, format!("[listen]\npg_port = {port}\n")).expect("a configuration");
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o755)).expect("rights");
    let (code, found) = doctor(&[&data_dir[..], &["--config", text(&config)]].concat());
    assert_eq!(code, Some(1));
    for (check, level, advice) in [
        ("port of PostgreSQL", "problem", "listen.pg_port"),
        ("directory rights", "warning", "chmod 700"),
    ] {
        let one = finding(&found, check);
        assert_eq!(one["level"], level, "{one}");
        assert!(
            one["what to do"]
                .as_str()
                .is_some_and(|text| text.contains(advice)),
            "{one}"
        );
    }
    let copy = directory.with_extension("copy");
    let copied = Command::new("cp")
        .arg("-a")
        .args([&directory, &copy])
        .status();
    assert!(copied.expect("cp runs").success());
    let (code, found) = doctor(&["--data-dir", text(&copy)]);
    assert_eq!(
        (code, &finding(&found, "identity")["level"]),
        (Some(1), &"problem".into())
    );
    std::fs::write(&config, "[listen]\npg_prt = 1\n").expect("a configuration");
    let (code, told) = fails(&["doctor", "--config", text(&config)]);
    assert!(code == 1 && told.contains("pg_port"), "{code}: {told}");
}
