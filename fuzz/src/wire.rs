//! The wire decoder, compiled from the server's own sources: the server as a whole
//! brings DataFusion along, which would be instrumented for nothing.

#![allow(dead_code)]

#[path = "../../orbit-server/src/pg/errors.rs"]
mod errors;
#[path = "../../orbit-server/src/pg/frontend.rs"]
mod frontend;
#[path = "../../orbit-server/src/pg/input.rs"]
mod input;

use input::{Input, Item};

pub const WORDS: &[&str] = &[
    "Q\0\0\0\x0dSELECT 1\0",
    "P\0\0\0\x09\0\0\0\0",
    "B\0\0\0\x0c\0\0\0\0\0\0\0\0",
    "E\0\0\0\x09\0\0\0\0\0",
    "D\0\0\0\x06S\0",
    "C\0\0\0\x06P\0",
    "S\0\0\0\x04",
    "H\0\0\0\x04",
    "d\0\0\0\x08abc\n",
    "c\0\0\0\x04",
    "f\0\0\0\x05\0",
    "X\0\0\0\x04",
    "F\0\0\0\x10",
];

/// The first byte says in what pieces the rest arrives.
pub fn run(data: &[u8]) {
    let Some((&piece, stream)) = data.split_first() else {
        return;
    };
    let mut input = Input::new(1 << 12, 1 << 14);
    let mut rest = stream;
    let mut taken = 0usize;
    while !rest.is_empty() {
        let space = input.space(piece & 1 == 1);
        assert!(!space.is_empty());
        let count = usize::from(piece / 2 + 1).min(space.len()).min(rest.len());
        space[..count].copy_from_slice(&rest[..count]);
        input.received(count);
        rest = &rest[count..];
        loop {
            match input.next() {
                Err(_) => return,
                Ok(None) => break,
                Ok(Some(Item::Message(kind, body))) => {
                    taken += body.len();
                    message(kind, body);
                }
                Ok(Some(Item::CopyPiece(bytes))) => taken += bytes.len(),
                Ok(Some(Item::TooLong(_, length))) => assert!(length > 1 << 12),
            }
        }
        input.rest(false);
    }
    assert!(taken <= stream.len());
}

fn message(kind: u8, body: &[u8]) {
    use frontend::tag;
    match kind {
        tag::PARSE => {
            if let Ok(parse) = frontend::parse(body) {
                let _ = frontend::utf8(parse.sql);
                assert!(parse.types.iter().count() <= body.len() / 4);
            }
        }
        tag::BIND => {
            if let Ok(bind) = frontend::bind(body) {
                let mut params = bind.params;
                for _ in 0..bind.params.len() {
                    params.next().expect("walked once already");
                }
                for formats in [bind.param_formats, bind.result_formats] {
                    (0..=formats.len()).for_each(|at| {
                        formats.at(at);
                    });
                }
            }
        }
        tag::EXECUTE => {
            let _ = frontend::execute(body);
        }
        tag::DESCRIBE | tag::CLOSE => {
            let _ = frontend::target("DESCRIBE", body);
        }
        _ => {
            let _ = frontend::string(body).map(frontend::utf8);
        }
    }
}
