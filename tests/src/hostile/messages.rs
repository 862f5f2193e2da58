//! Protocol messages as no driver sends them.

use super::raw::{message, query, startup};

/// Bytes for a connection, and the words (see [`super::raw::Answer::word`]) that are
/// right for them.
#[derive(Clone, Debug)]
pub struct Spoiled {
    pub name: String,
    pub bytes: Vec<u8>,
    /// The startup packet itself is spoiled: nothing is sent before.
    pub first: bool,
    /// More is announced than sent: the client ends its side.
    pub cut: bool,
    pub right: &'static [&'static str],
}

const VIOLATION: &[&str] = &["08P01"];

/// What drivers send, well formed.
fn good() -> Vec<(&'static str, u8, Vec<u8>)> {
    let parse = b"s\0SELECT $1::int, $2::text\0\0\x02\0\0\0\x17\0\0\0\x19".to_vec();
    let bind = b"p\0s\0\0\x02\0\0\0\x01\0\x02\0\0\0\x011\0\0\0\x04text\0\x01\0\0".to_vec();
    vec![
        ("Parse", b'P', parse),
        ("Bind", b'B', bind),
        ("Execute", b'E', b"portal\0\0\0\0\x05".to_vec()),
        ("Describe statement", b'D', b"Sstatement\0".to_vec()),
        ("Describe portal", b'D', b"Pportal\0".to_vec()),
        ("Close statement", b'C', b"Sstatement\0".to_vec()),
        ("Close portal", b'C', b"Pportal\0".to_vec()),
        ("Query", b'Q', b"SELECT 'hello', 1 + 1\0".to_vec()),
    ]
}

pub fn all() -> Vec<Spoiled> {
    let mut all = Vec::new();
    let mut add = |name: String, bytes: Vec<u8>, right| {
        all.push(Spoiled {
            name,
            bytes,
            first: false,
            cut: false,
            right,
        });
    };
    for (name, kind, body) in good() {
        for length in 0..body.len() {
            let bytes = message(kind, &body[..length]);
            add(format!("{name} of {length} bytes"), bytes, VIOLATION);
        }
        for more in [1usize, 2, 7, 500] {
            let bytes = message(kind, &[&body[..], &vec![0; more][..]].concat());
            add(format!("{name} and {more} bytes"), bytes, VIOLATION);
        }
        for wrong in [0i32, 1, 3, -1, i32::MIN, i32::MAX, 0x4000_0000] {
            let mut bytes = message(kind, &body);
            bytes[1..5].copy_from_slice(&wrong.to_be_bytes());
            // Huge, but not over the end of what may be announced: skipped, and never ends.
            let right: &[&str] = if wrong > 3 {
                &["08P01", "54000", "gone"]
            } else {
                VIOLATION
            };
            add(format!("{name} of announced {wrong}"), bytes, right);
        }
    }
    for kind in 0..=255u8 {
        if !b"BCDEFHPQSXcdf".contains(&kind) {
            add(format!("kind {kind}"), message(kind, b"abc\0"), VIOLATION);
        }
    }
    // Counts that lie.
    for count in [3i16, 100, i16::MAX, -1, i16::MIN] {
        let count_bytes = count.to_be_bytes();
        let bind = [b"\0\0", &count_bytes[..], &[0, 0, 0, 0]].concat();
        add(
            format!("Bind of {count} formats"),
            message(b'B', &bind),
            VIOLATION,
        );
        let bind = [b"\0\0\0\0", &count_bytes[..], &[0, 0]].concat();
        add(
            format!("Bind of {count} values"),
            message(b'B', &bind),
            VIOLATION,
        );
        let bind = [b"\0\0\0\0\0\0", &count_bytes[..]].concat();
        add(
            format!("Bind of {count} results"),
            message(b'B', &bind),
            VIOLATION,
        );
        let parse = [b"\0SELECT 1\0", &count_bytes[..]].concat();
        add(
            format!("Parse of {count} types"),
            message(b'P', &parse),
            VIOLATION,
        );
    }
    for length in [-2i32, i32::MIN, i32::MAX, 1 << 30, 2] {
        let bind = [b"\0\0\0\0\0\x01", &length.to_be_bytes()[..], b"\0\0"].concat();
        add(
            format!("Bind of a value of {length}"),
            message(b'B', &bind),
            VIOLATION,
        );
    }
    let parse = |name: &str, sql: &str, types: &[i32]| {
        let mut body = [name.as_bytes(), b"\0", sql.as_bytes(), b"\0"].concat();
        body.extend((types.len() as i16).to_be_bytes());
        for oid in types {
            body.extend(oid.to_be_bytes());
        }
        message(b'P', &body)
    };
    let bind = |formats: &[i16], values: &[Option<&[u8]>], results: &[i16]| {
        let mut body = b"\0\0".to_vec();
        body.extend((formats.len() as i16).to_be_bytes());
        formats
            .iter()
            .for_each(|format| body.extend(format.to_be_bytes()));
        body.extend((values.len() as i16).to_be_bytes());
        for value in values {
            match value {
                None => body.extend((-1i32).to_be_bytes()),
                Some(value) => {
                    body.extend((value.len() as i32).to_be_bytes());
                    body.extend(*value);
                }
            }
        }
        body.extend((results.len() as i16).to_be_bytes());
        results
            .iter()
            .for_each(|format| body.extend(format.to_be_bytes()));
        message(b'B', &body)
    };
    let execute = |limit: i32| message(b'E', &[&b"\0"[..], &limit.to_be_bytes()].concat());
    for limit in [-1, i32::MIN, i32::MAX, 0, 1, 1_000_000_000] {
        let sql = "SELECT * FROM generate_series(1, 100)";
        let bytes = [parse("", sql, &[]), bind(&[], &[], &[]), execute(limit)].concat();
        add(format!("max_rows of {limit}"), bytes, &["ok"]);
    }
    // Binary values of every length for types that have one.
    for oid in [
        16, 17, 20, 21, 23, 25, 26, 114, 700, 701, 1007, 1009, 1043, 1082, 1083, 1114, 1184, 1186,
        1231, 1266, 1700, 2950, 3802,
    ] {
        for length in [0usize, 1, 3, 5, 9, 13, 17, 33, 100] {
            for fill in [0u8, 0x7f, 0xff] {
                let value = vec![fill; length];
                let bytes = [
                    parse("", "SELECT $1", &[oid]),
                    bind(&[1], &[Some(&value)], &[1]),
                    execute(0),
                ]
                .concat();
                let right: &[&str] = // A wrong version of jsonb is XX000 in PostgreSQL, too.
                &["ok", "22", "08P01", "42", "0A000", "54", "XX000"];
                add(format!("type {oid} of {length} x {fill}"), bytes, right);
            }
        }
    }
    // A binary array that announces what it doesn't hold.
    for (dimensions, size) in [
        (1i32, i32::MAX),
        (i32::MAX, 1),
        (-1, 1),
        (7, 1),
        (1, -1),
        (6, 1 << 20),
    ] {
        let mut value = [dimensions, 0, 23].map(i32::to_be_bytes).concat();
        for _ in 0..dimensions.clamp(0, 8) {
            value.extend([size, 1].map(i32::to_be_bytes).concat());
        }
        let bytes = [
            parse("", "SELECT $1", &[1007]),
            bind(&[1], &[Some(&value)], &[1]),
            execute(0),
        ]
        .concat();
        add(
            format!("array of {dimensions} x {size}"),
            bytes,
            &["ok", "22", "54", "08P01"],
        );
    }
    for (formats, values, results, right) in [
        (&[2][..], 1usize, &[][..], &["22023", "08P01", "0A000"][..]),
        (&[-1], 1, &[], &["22023", "08P01", "0A000"]),
        (&[0, 0, 0], 1, &[], VIOLATION),
        (&[], 0, &[], VIOLATION),
        (&[], 2, &[], VIOLATION),
        (&[], 1, &[0, 1, 0], VIOLATION),
        (&[], 1, &[7], &["22023", "08P01", "0A000"]),
    ] {
        let values = vec![Some(&b"1"[..]); values];
        let bytes = [
            parse("", "SELECT $1::int", &[]),
            bind(formats, &values, results),
            execute(0),
        ]
        .concat();
        add(
            format!("formats {formats:?} {results:?}, {} values", values.len()),
            bytes,
            right,
        );
    }
    for oid in [1, 2, 705, 2276, 2278, 99_999_999, -1, i32::MIN, i32::MAX] {
        let bytes = [
            parse("", "SELECT $1", &[oid]),
            bind(&[0], &[Some(b"1")], &[]),
            execute(0),
        ]
        .concat();
        add(
            format!("unknown type {oid}"),
            bytes,
            &["ok", "42", "22", "0A000", "08P01"],
        );
    }
    // In no order at all.
    add(
        "Execute of nothing".into(),
        message(b'E', b"none\0\0\0\0\0"),
        &["34000"],
    );
    add(
        "Bind of nothing".into(),
        message(b'B', b"\0none\0\0\0\0\0\0\0"),
        &["26000"],
    );
    add(
        "Describe of nothing".into(),
        message(b'D', b"Snone\0"),
        &["26000"],
    );
    add(
        "Describe of no portal".into(),
        message(b'D', b"Pnone\0"),
        &["34000"],
    );
    add(
        "Describe of a thing".into(),
        message(b'D', b"Xnone\0"),
        VIOLATION,
    );
    add(
        "Close of a thing".into(),
        message(b'C', b"Xnone\0"),
        VIOLATION,
    );
    add(
        "Close of nothing".into(),
        message(b'C', b"Snone\0"),
        &["ok"],
    );
    add("CopyData outside".into(), message(b'd', b"1\t2\n"), &["ok"]);
    add("CopyDone outside".into(), message(b'c', b""), &["ok"]);
    add("CopyFail outside".into(), message(b'f', b"why\0"), &["ok"]);
    add(
        "a password outside".into(),
        message(b'p', b"secret\0"),
        VIOLATION,
    );
    add(
        "a function call".into(),
        message(b'F', &[0; 12]),
        &["0A000", "08P01", "42883"],
    );
    add("the startup again".into(), startup(), VIOLATION);
    add(
        "a request for TLS".into(),
        vec![0, 0, 0, 8, 4, 210, 22, 47],
        VIOLATION,
    );
    add(
        "HTTP".into(),
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        VIOLATION,
    );
    add("zeroes".into(), vec![0; 10_000], VIOLATION);
    add("ones".into(), vec![255; 10_000], VIOLATION);
    add(
        "a thousand Syncs".into(),
        message(b'S', b"").repeat(1000),
        &["ok"],
    );
    add(
        "a thousand Flushes".into(),
        message(b'H', b"").repeat(1000),
        &["ok"],
    );
    add(
        "a thousand Executes".into(),
        execute(0).repeat(1000),
        &["34000"],
    );
    add(
        "a query with a zero byte in it".into(),
        message(b'Q', b"SELECT 1\0 + 1\0"),
        VIOLATION,
    );
    add(
        "a query that is no UTF-8".into(),
        message(b'Q', b"SELECT '\xff\xfe'\0"),
        &["22021"],
    );
    add(
        "a query of half a letter".into(),
        message(b'Q', b"SELECT '\xc3\0"),
        &["22021"],
    );
    add(
        "a surrogate".into(),
        message(b'Q', b"SELECT '\xed\xa0\x80'\0"),
        &["22021"],
    );
    add(
        "an overlong zero".into(),
        message(b'Q', b"SELECT '\xc0\x80'\0"),
        &["22021"],
    );
    add(
        "a name that is no UTF-8".into(),
        message(b'P', b"\xff\0SELECT 1\0\0\0"),
        &["22021", "ok"],
    );
    add(
        "a value that is no UTF-8".into(),
        [
            parse("", "SELECT $1::text", &[]),
            bind(&[0], &[Some(b"\xff")], &[]),
        ]
        .concat(),
        &["22021"],
    );
    add(
        "a value with a zero byte".into(),
        [
            parse("", "SELECT $1::text", &[]),
            bind(&[0], &[Some(b"a\0b")], &[]),
        ]
        .concat(),
        &["22021", "08P01"],
    );
    add(
        "parameters by the thousand".into(),
        parse("", &format!("SELECT ${}", 65_536), &[]),
        &["42", "54", "08P01"],
    );
    add(
        "parameter zero".into(),
        parse("", "SELECT $0", &[]),
        &["42P02", "42601"],
    );
    add(
        "parameter of many digits".into(),
        parse("", "SELECT $99999999999999999999", &[]),
        &["42", "54", "08P01", "22003"],
    );
    add("an empty query".into(), query(""), &["ok"]);
    add(
        "two statements in Parse".into(),
        parse("", "SELECT 1; SELECT 2", &[]),
        &["42601"],
    );
    add(
        "COPY by a query, then another query".into(),
        [query("COPY h (id) FROM STDIN"), query("SELECT 1")].concat(),
        VIOLATION,
    );
    add(
        "COPY with a row in pieces and a failure".into(),
        [
            query("COPY h (id) FROM STDIN"),
            message(b'd', b"99"),
            message(b'd', b"x"),
            message(b'c', b""),
        ]
        .concat(),
        &["22P02"],
    );
    // The startup packet itself.
    let packet = |body: &[u8]| [&(body.len() as i32 + 4).to_be_bytes()[..], body].concat();
    let mut start = |name: &str, bytes: Vec<u8>, right| {
        all.push(Spoiled {
            name: format!("startup: {name}"),
            bytes,
            first: true,
            cut: false,
            right,
        });
    };
    for length in [-1, 0, 3, 4, 5, 7, 10_005, i32::MIN, i32::MAX] {
        start(
            &format!("length {length}"),
            [&i32::to_be_bytes(length)[..], &[0; 12]].concat(),
            &["08P01", "gone", "0A000"],
        );
    }
    for version in [0i32, 1 << 16, 2 << 16, 4 << 16, -1, 12345] {
        start(
            &format!("version {version}"),
            packet(&[&version.to_be_bytes()[..], b"user\0x\0\0"].concat()),
            &["0A000", "08P01"],
        );
    }
    let body = startup()[4..].to_vec();
    for length in 4..body.len() {
        start(
            &format!("{length} bytes"),
            packet(&body[..length]),
            &["08P01", "28000"],
        );
    }
    start("no user", packet(b"\0\x03\0\0database\0x\0\0"), &["28000"]);
    start("nothing", packet(b"\0\x03\0\0\0"), &["28000"]);
    start(
        "more behind",
        packet(&[&body[..], b"more"].concat()),
        VIOLATION,
    );
    start(
        "no UTF-8",
        packet(b"\0\x03\0\0user\0\xff\0\0"),
        &["22021", "28000", "08P01"],
    );
    start(
        "an unknown setting",
        packet(b"\0\x03\0\0user\0orbit\0nothing_like_it\0x\0\0"),
        &["42704"],
    );
    start(
        "a wrong setting",
        packet(b"\0\x03\0\0user\0orbit\0statement_timeout\0x\0\0"),
        &["22023"],
    );
    start(
        "wrong options",
        packet(b"\0\x03\0\0user\0orbit\0options\0--\0\0"),
        &["42601"],
    );
    start(
        "replication",
        packet(b"\0\x03\0\0user\0orbit\0replication\0true\0\0"),
        &["0A000"],
    );
    start(
        "TLS asked for thrice",
        [0, 0, 0, 8, 4, 210, 22, 47].repeat(3),
        &["08P01", "gone"],
    );
    start(
        "a cancel request too short",
        packet(&[4, 210, 22, 46, 0, 0]),
        VIOLATION,
    );
    start(
        "a cancel request for nobody",
        packet(&[4, 210, 22, 46, 0, 0, 0, 1, 0, 0, 0, 1]),
        &["gone"],
    );
    start(
        "HTTP",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        &["08P01", "gone"],
    );
    start(
        "a TLS hello",
        vec![22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3, 0, 0, 0, 0],
        &["08P01", "gone"],
    );
    // Cut off in the middle, with the rest announced.
    for (name, kind, body) in good() {
        let whole = message(kind, &body);
        for length in (1..whole.len()).step_by(3) {
            all.push(Spoiled {
                name: format!("{name} cut after {length} bytes"),
                bytes: whole[..length].to_vec(),
                first: false,
                cut: true,
                right: &["gone"],
            });
        }
    }
    all
}
