use super::*;

fn start_packet(version: i32, pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    for (name, value) in pairs {
        for text in [name, value] {
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
    }
    body.push(0);
    body
}

fn started(body: &[u8]) -> Start {
    match packet(body).unwrap() {
        Packet::Start(start) => start,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_start_names_user_database_and_settings() {
    let start = started(&start_packet(
        VERSION,
        &[
            ("user", "ada"),
            ("application_name", "psql"),
            ("client_encoding", "UTF8"),
        ],
    ));
    assert_eq!(
        (start.user.as_str(), start.database.as_str()),
        ("ada", "ada")
    );
    assert_eq!(start.application, "psql");
    assert_eq!(
        start.settings,
        [("client_encoding".to_owned(), "UTF8".to_owned())]
    );
    assert_eq!(start.negotiate, None);
    let start = started(&start_packet(
        VERSION,
        &[("user", "ada"), ("database", "db")],
    ));
    assert_eq!(start.database, "db");
}

#[test]
fn newer_minor_versions_and_options_are_negotiated_down() {
    let start = started(&start_packet(VERSION + 2, &[("user", "a")]));
    assert_eq!(start.negotiate, Some(vec![]));
    let start = started(&start_packet(VERSION, &[("user", "a"), ("_pq_.x", "1")]));
    assert_eq!(start.negotiate, Some(vec!["_pq_.x".to_owned()]));
}

#[test]
fn requests_for_encryption_and_cancelling() {
    let code = |low: i32| ((1234 << 16) | low).to_be_bytes();
    assert_eq!(packet(&code(5679)).unwrap(), Packet::Tls);
    assert_eq!(packet(&code(5680)).unwrap(), Packet::Gss);
    let cancel = [code(5678), 7_i32.to_be_bytes(), (-9_i32).to_be_bytes()].concat();
    assert_eq!(
        packet(&cancel).unwrap(),
        Packet::Cancel { pid: 7, secret: -9 }
    );
    for cut in 0..cancel.len() {
        assert!(packet(&cancel[..cut]).is_err());
    }
}

#[test]
fn what_is_not_a_start_is_refused() {
    let version_2 = packet(&start_packet(2 << 16, &[])).unwrap_err();
    assert_eq!(version_2.state(), state::FEATURE_NOT_SUPPORTED);
    let nobody = packet(&start_packet(VERSION, &[("database", "d")])).unwrap_err();
    assert_eq!(nobody.state(), state::INVALID_AUTHORIZATION);
    let replica = packet(&start_packet(
        VERSION,
        &[("user", "a"), ("replication", "true")],
    ));
    assert_eq!(replica.unwrap_err().state(), state::FEATURE_NOT_SUPPORTED);
    let whole = start_packet(VERSION, &[("user", "ada")]);
    for cut in 0..whole.len() {
        let error = packet(&whole[..cut]).unwrap_err();
        assert_eq!(error.state(), state::PROTOCOL_VIOLATION, "cut at {cut}");
    }
}

#[test]
fn options_are_settings_in_the_form_of_switches() {
    let start = started(&start_packet(
        VERSION,
        &[
            ("user", "a"),
            (
                "options",
                r"-c statement_timeout=5s  --work-mem=4MB -csearch_path=a,\ b",
            ),
        ],
    ));
    let expected = [
        ("statement_timeout", "5s"),
        ("work_mem", "4MB"),
        ("search_path", "a, b"),
    ];
    assert_eq!(
        start.settings,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    for bad in ["-c", "-c x", "-x", "word"] {
        let refused = packet(&start_packet(VERSION, &[("user", "a"), ("options", bad)]));
        assert_eq!(refused.unwrap_err().state(), state::SYNTAX_ERROR, "{bad}");
    }
}
