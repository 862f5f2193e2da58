use super::*;
use orbit_core::state;

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend_from_slice(&i32::try_from(body.len() + 4).unwrap().to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

fn receive(input: &mut Input, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let space = input.space(false);
        let taken = space.len().min(bytes.len());
        space[..taken].copy_from_slice(&bytes[..taken]);
        input.received(taken);
        bytes = &bytes[taken..];
    }
}

fn small() -> Input {
    Input::new(1000, 50_000)
}

#[test]
fn messages_come_out_as_they_went_in_however_they_were_cut() {
    let mut stream = message(b'Q', b"SELECT 1\0");
    stream.extend(message(b'S', b""));
    stream.extend(message(b'B', &[7; 20_000]));
    for piece in [1, 2, 3, 7, 1000, stream.len()] {
        let mut input = small();
        let mut seen = Vec::new();
        for bytes in stream.chunks(piece) {
            receive(&mut input, bytes);
            while let Some(item) = input.next().unwrap() {
                let Item::Message(kind, body) = item else {
                    panic!("{item:?}");
                };
                seen.push((kind, body.to_vec()));
            }
        }
        assert_eq!(seen.len(), 3, "pieces of {piece}");
        assert_eq!(seen[0], (b'Q', b"SELECT 1\0".to_vec()));
        assert_eq!(seen[1], (b'S', Vec::new()));
        assert_eq!(seen[2], (b'B', vec![7; 20_000]));
    }
}

#[test]
fn copy_data_are_handed_on_as_they_come() {
    let mut input = small();
    let mut stream = message(b'd', b"");
    stream.extend(message(b'd', b"1\tone\n2\ttwo\n"));
    stream.extend(message(b'c', b""));
    let mut copied = Vec::new();
    let mut done = false;
    for bytes in stream.chunks(4) {
        receive(&mut input, bytes);
        while let Some(item) = input.next().unwrap() {
            match item {
                Item::CopyPiece(piece) => copied.extend_from_slice(piece),
                Item::Message(b'c', b"") => done = true,
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(copied, b"1\tone\n2\ttwo\n");
    assert!(done);
}

#[test]
fn a_flood_of_empty_copy_data_needs_no_stack() {
    let mut input = small();
    let flood = message(b'd', b"").repeat(200_000);
    receive(&mut input, &flood);
    assert_eq!(input.next().unwrap(), None);
}

#[test]
fn a_statement_too_long_is_skipped_without_being_held() {
    let mut input = small();
    let mut header = vec![b'Q'];
    header.extend_from_slice(&(1_i32 << 30).to_be_bytes());
    receive(&mut input, &header);
    assert_eq!(
        input.next().unwrap(),
        Some(Item::TooLong(b'Q', (1 << 30) - 4))
    );
    let mut left = (1 << 30) - 4;
    let zeros = vec![0; 1 << 20];
    while left > 0 {
        let now = left.min(zeros.len());
        for bytes in zeros[..now].chunks(8192) {
            receive(&mut input, bytes);
            assert_eq!(input.next().unwrap(), None);
        }
        left -= now;
    }
    assert!(input.held_bytes() < 64 * 1024);
    receive(&mut input, &message(b'S', b""));
    assert_eq!(input.next().unwrap(), Some(Item::Message(b'S', b"")));
}

#[test]
fn memory_follows_what_arrived_not_what_was_announced() {
    let mut input = Input::new(64 << 20, 64 << 20);
    let mut header = vec![b'B'];
    header.extend_from_slice(&(60_i32 << 20).to_be_bytes());
    receive(&mut input, &header);
    receive(&mut input, &[0; 1000]);
    assert_eq!(input.next().unwrap(), None);
    input.space(false);
    assert!(input.held_bytes() < 64 * 1024);
}

#[test]
fn the_buffer_is_given_back_after_a_large_message() {
    let mut input = small();
    receive(&mut input, &message(b'B', &[1; 40_000]));
    assert!(matches!(
        input.next().unwrap(),
        Some(Item::Message(b'B', _))
    ));
    assert!(input.held_bytes() >= 40_000);
    input.rest(false);
    assert!(input.held_bytes() <= 8192);
}

#[test]
fn nonsense_ends_the_conversation() {
    let cases: [(&[u8], &str); 6] = [
        (b"z\0\0\0\x04", "invalid frontend message type 122"),
        (b"p\0\0\0\x04", "invalid frontend message type 112"),
        (b"S\0\0\0\x03", "invalid message length"),
        (b"S\xff\xff\xff\xff", "invalid message length"),
        (b"S\x80\0\0\0", "invalid message length"),
        (b"E\x7f\0\0\0", "invalid message length"),
    ];
    for (bytes, message) in cases {
        let mut input = small();
        receive(&mut input, bytes);
        let error = input.next().unwrap_err();
        assert_eq!(error.state(), state::PROTOCOL_VIOLATION);
        assert_eq!(error.message(), message);
    }
}
