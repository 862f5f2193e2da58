use super::exchange::{Exchange, Failure, PLAIN, PLUS};
use super::*;

const CLIENT_FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const SERVER_FIRST: &str =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const CLIENT_LAST: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const SERVER_LAST: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

/// RFC 7677, section 3: user `user`, password `pencil`.
fn verifier() -> Verifier {
    let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
    Verifier::with_salt("pencil", &salt, ITERATIONS)
}

fn exchange(admits: bool, end_point: Option<&[u8]>) -> Exchange {
    Exchange::with_nonce(
        verifier(),
        admits,
        end_point.map(<[u8]>::to_vec),
        SERVER_NONCE.to_owned(),
    )
}

#[test]
fn the_example_of_the_standard_goes_through() {
    let mut exchange = exchange(true, None);
    assert_eq!(
        exchange.first(PLAIN, CLIENT_FIRST.as_bytes()).unwrap(),
        SERVER_FIRST
    );
    assert_eq!(exchange.last(CLIENT_LAST.as_bytes()).unwrap(), SERVER_LAST);
}

#[test]
fn a_wrong_proof_and_a_role_that_may_not_in_fail_alike() {
    let wrong = CLIENT_LAST.replace("p=dHzb", "p=eHzb");
    for (admits, last) in [(true, wrong.as_str()), (false, CLIENT_LAST)] {
        let mut exchange = exchange(admits, None);
        exchange.first(PLAIN, CLIENT_FIRST.as_bytes()).unwrap();
        assert_eq!(exchange.last(last.as_bytes()), Err(Failure::Rejected));
    }
}

#[test]
fn nothing_passes_but_the_right_words_in_the_right_order() {
    for bad in [
        "",
        "n",
        "n,,",
        "n,,n=user",
        "n,,n=user,r=",
        "n,,r=abc,n=user",
        "n,a=root,n=user,r=abc",
        "n,,m=ext,n=user,r=abc",
        "p=tls-unique,,n=user,r=abc",
        "p=tls-server-end-point,,n=user,r=abc",
        "x,,n=user,r=abc",
        "n,,n=user,r=a\u{7}c",
    ] {
        let answer = exchange(true, None).first(PLAIN, bad.as_bytes());
        assert!(matches!(answer, Err(Failure::Malformed(_))), "{bad:?}");
    }
    assert!(exchange(true, None).first("PLAIN", b"").is_err());
    assert!(exchange(true, None).last(CLIENT_LAST.as_bytes()).is_err());
    for bad in [
        "",
        "c=biws",
        ",p=",
        // Another header, another nonce, a short proof.
        &CLIENT_LAST.replace("c=biws", "c=eSws"),
        &CLIENT_LAST.replace("k0,p", "k1,p"),
        &CLIENT_LAST.replace("ndVQ=", ""),
    ] {
        let mut exchange = exchange(true, None);
        exchange.first(PLAIN, CLIENT_FIRST.as_bytes()).unwrap();
        let answer = exchange.last(bad.as_bytes());
        assert!(matches!(answer, Err(Failure::Malformed(_))), "{bad:?}");
    }
}

/// The client's part, for what the standard gives no example of.
fn client_last(header: &[u8], client_first_bare: &str, server_first: &str) -> String {
    let nonce = server_first.split(',').next().unwrap();
    let unproved = format!("c={},{nonce}", STANDARD.encode(header));
    let everything = format!("{client_first_bare},{server_first},{unproved}");
    let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
    let mut salted = [0; 32];
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        ITERATIONS,
        &salt,
        b"pencil",
        &mut salted,
    );
    let mut proof = mac(&salted, b"Client Key");
    let signature = mac(&hash(&proof), everything.as_bytes());
    proof.iter_mut().zip(signature).for_each(|(a, b)| *a ^= b);
    format!("{unproved},p={}", STANDARD.encode(proof))
}

#[test]
fn channel_binding_ties_the_proof_to_the_certificate() {
    let first = "p=tls-server-end-point,,n=,r=abc";
    let header = b"p=tls-server-end-point,,".to_vec();
    for (seen, fine) in [(&b"hash of the certificate"[..], true), (b"another", false)] {
        let mut exchange = exchange(true, Some(b"hash of the certificate"));
        assert_eq!(exchange.mechanisms(), [PLUS, PLAIN]);
        let answer = exchange.first(PLUS, first.as_bytes()).unwrap();
        let last = client_last(&[&header[..], seen].concat(), "n=,r=abc", &answer);
        assert_eq!(exchange.last(last.as_bytes()).is_ok(), fine);
    }
    // A client that was led to believe that this server can't bind is told so.
    let led = exchange(true, Some(b"x")).first(PLAIN, b"y,,n=,r=abc");
    assert!(matches!(led, Err(Failure::Malformed(_))));
    assert!(exchange(true, None).first(PLAIN, b"y,,n=,r=abc").is_ok());
}

#[test]
fn verifiers_are_read_as_they_are_written_and_nothing_else_is() {
    let text = verifier().to_string();
    assert!(text.starts_with("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"));
    assert_eq!(Verifier::parse(&text), Some(verifier()));
    assert_eq!(to_store(&text).unwrap(), Some(text.clone()));
    assert_eq!(to_store("").unwrap(), None);
    for password in ["pencil", "SCRAM-SHA-256$0:AA==$AA==:AA==", "md5abc"] {
        let stored = to_store(password).unwrap().unwrap();
        assert!(Verifier::parse(&stored).is_some());
        assert!(!stored.contains(password));
    }
    assert_ne!(to_store("pencil").unwrap(), to_store("pencil").unwrap());
}

#[test]
fn a_made_up_salt_is_the_same_every_time_and_tells_nothing() {
    let one = Verifier::made_up(b"secret", "ada");
    assert_eq!(one, Verifier::made_up(b"secret", "ada"));
    assert_ne!(one.salt, Verifier::made_up(b"secret", "bob").salt);
    assert_ne!(one.salt, Verifier::made_up(b"other", "ada").salt);
    assert_eq!(one.salt.len(), verifier().salt.len());
    assert_eq!(one.iterations, verifier().iterations);
}
