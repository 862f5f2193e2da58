use super::{Inet, abbreviated};
use crate::types::SqlType;
use crate::value::arbitrary::inet;
use proptest::prelude::*;

fn shown(inet: &Inet, always: bool) -> String {
    let mut out = Vec::new();
    inet.write(always, &mut out);
    String::from_utf8(out).unwrap()
}

fn read(text: &str, sql_type: &SqlType) -> Option<String> {
    let inet = Inet::parse(text, sql_type).ok()?;
    Some(shown(&inet, *sql_type == SqlType::Cidr))
}

/// What PostgreSQL 15 answers.
#[test]
fn texts_are_read_and_written_as_postgresql_does() {
    for (text, as_inet, as_cidr) in [
        ("10.0.0.1", Some("10.0.0.1"), Some("10.0.0.1/32")),
        ("10.0.0.1/32", Some("10.0.0.1"), Some("10.0.0.1/32")),
        ("10.0.0.1/24", Some("10.0.0.1/24"), None),
        ("10.1", None, Some("10.1.0.0/16")),
        ("10.1/16", Some("10.1.0.0/16"), Some("10.1.0.0/16")),
        ("10.1/8", Some("10.1.0.0/8"), None),
        ("10.1/24", None, Some("10.1.0.0/24")),
        ("1.2.3.4.", Some("1.2.3.4"), None),
        ("1.2.3./24", Some("1.2.3.0/24"), None),
        ("0x0a01", None, Some("10.1.0.0/16")),
        ("0xa", None, Some("160.0.0.0/16")),
        ("224", None, Some("224.0.0.0/4")),
        ("192.168", None, Some("192.168.0.0/24")),
        ("256.0.0.1", None, None),
        ("1.2.3.4/33", None, None),
        ("1.2.3.4.5", None, None),
        ("", None, None),
        ("/8", None, None),
        (" 1.2.3.4", None, None),
        ("::", Some("::"), Some("::/128")),
        ("::1", Some("::1"), Some("::1/128")),
        (
            "2001:db8::/32",
            Some("2001:db8::/32"),
            Some("2001:db8::/32"),
        ),
        (
            "2001:DB8:0:0:1:0:0:1",
            Some("2001:db8::1:0:0:1"),
            Some("2001:db8::1:0:0:1/128"),
        ),
        (
            "::ffff:1.2.3.4",
            Some("::ffff:1.2.3.4"),
            Some("::ffff:1.2.3.4/128"),
        ),
        ("::1.2.3.4/96", Some("::1.2.3.4/96"), None),
        ("::1.2/96", Some("::1.2.0.0/96"), None),
        (
            "1:2:3:4:5:6:7:8",
            Some("1:2:3:4:5:6:7:8"),
            Some("1:2:3:4:5:6:7:8/128"),
        ),
        (
            "1:2:3:4:5:6:7::",
            Some("1:2:3:4:5:6:7:0"),
            Some("1:2:3:4:5:6:7:0/128"),
        ),
        ("1:2:3:4:5:6:7:8::", None, None),
        ("1::2::3", None, None),
        (":1", None, None),
        ("1:", None, None),
        ("::12345", None, None),
        ("::1/129", None, None),
        ("::1/064", None, None),
    ] {
        assert_eq!(read(text, &SqlType::Inet).as_deref(), as_inet, "{text}");
        assert_eq!(read(text, &SqlType::Cidr).as_deref(), as_cidr, "{text}");
    }
}

#[test]
fn networks_are_abbreviated_as_postgresql_does() {
    for (text, expected) in [
        ("10.1.0.0/16", "10.1/16"),
        ("10.1.2.3", "10.1.2.3/32"),
        ("0.0.0.0/0", "0/0"),
        ("10.128.0.0/9", "10.128/9"),
        ("2001:db8::/32", "2001:db8/32"),
        ("::/0", "::/0"),
    ] {
        let mut out = Vec::new();
        abbreviated(&Inet::parse(text, &SqlType::Cidr).unwrap(), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{text}");
    }
}

#[test]
fn masks_reach_both_ends() {
    let all = Inet::new(true, u128::MAX, 0).unwrap();
    assert_eq!((all.net_mask(), all.host_mask()), (0, u128::MAX));
    let one = Inet::new(true, 1, 128).unwrap();
    assert_eq!((one.net_mask(), one.host_mask()), (u128::MAX, 0));
    let half = Inet::new(false, 0x0a00_0001, 8).unwrap();
    assert_eq!(
        (half.net_mask(), half.host_mask()),
        (0xff00_0000, 0x00ff_ffff)
    );
    assert_eq!(
        half.common_bits(&Inet::new(false, 0x0a80_0000, 32).unwrap()),
        8
    );
    assert!(Inet::new(false, 0, 33).is_none());
    assert!(Inet::new(false, 1 << 32, 32).is_none());
}

proptest! {
    #[test]
    fn text_is_read_back(inet in inet()) {
        for always in [false, true] {
            let again = Inet::parse(&shown(&inet, always), &SqlType::Inet).unwrap();
            prop_assert_eq!(inet, again);
        }
        let network = inet.to_network();
        prop_assert_eq!(network, Inet::parse(&shown(&network, true), &SqlType::Cidr).unwrap());
    }

    #[test]
    fn stored_bytes_sort_as_addresses_do(a in inet(), b in inet()) {
        let bytes = |inet: &Inet| {
            let mut out = Vec::new();
            inet.encode(&mut out);
            out
        };
        prop_assert_eq!(a.cmp(&b), bytes(&a).cmp(&bytes(&b)));
        prop_assert_eq!(Inet::decode(&bytes(&a)), Some(a));
        prop_assert!(a == b || !bytes(&b).starts_with(&bytes(&a)));
    }

    #[test]
    fn the_binary_form_is_read_back(inet in inet()) {
        let mut out = Vec::new();
        inet.send(false, &mut out);
        prop_assert_eq!(Inet::receive(&out, &SqlType::Inet).unwrap(), inet);
    }

    #[test]
    fn no_text_breaks_the_reader(text in "[0-9a-fx:./]{0,30}") {
        for sql_type in [SqlType::Inet, SqlType::Cidr] {
            let _ = Inet::parse(&text, &sql_type);
        }
    }
}
