use super::civil::{civil_from_days, days_from_civil, days_in_month};
use super::*;
use crate::value::text::FormatSettings;
use proptest::prelude::*;

fn show(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn days_and_calendar_agree_over_all_of_time() {
    assert_eq!(days_from_civil(1970, 1, 1), 0);
    assert_eq!(days_from_civil(-4713, 11, 24), MIN_DAY);
    assert_eq!(days_from_civil(5_874_897, 12, 31), MAX_DAY);
    let mut day = days_from_civil(-1, 1, 1);
    for year in -1..2500 {
        for month in 1..=12 {
            for of_month in 1..=days_in_month(year, month) {
                assert_eq!(civil_from_days(day), (year, month, of_month));
                assert_eq!(days_from_civil(year, month, of_month), day);
                day += 1;
            }
        }
    }
}

#[test]
fn words_for_now_follow_the_transactions_start_and_the_zone() {
    // 2024-07-01 02:00 UTC is still the 30th of June in New York.
    let settings = FormatSettings {
        time_zone: chrono_tz::America::New_York,
        now_micros: Some(1_719_799_200_000_000),
        ..FormatSettings::default()
    };
    let date = |text: &str| {
        let days = parse_date(text, &settings).unwrap();
        show(|out| write_date(days, out))
    };
    assert_eq!(date("today"), "2024-06-30");
    assert_eq!(date("now"), "2024-06-30");
    assert_eq!(date("tomorrow"), "2024-07-01");
    assert_eq!(date("yesterday"), "2024-06-29");
    let moment = |text: &str| parse_timestamptz(text, &settings).unwrap();
    assert_eq!(moment("now"), 1_719_799_200_000_000);
    let zone = settings.time_zone;
    assert_eq!(
        show(|out| write_timestamptz(moment("today"), zone, out)),
        "2024-06-30 00:00:00-04"
    );
    let noon = moment("tomorrow 12:00");
    assert_eq!(
        show(|out| write_timestamptz(noon, zone, out)),
        "2024-07-01 12:00:00-04"
    );
    assert_eq!(parse_time("now", &settings).unwrap(), 22 * MICROS_PER_HOUR);
}

#[test]
fn timestamps_end_where_their_count_does() {
    let settings = FormatSettings::default();
    assert!(parse_timestamp("294246-12-31 23:59:59.999999", &settings).is_ok());
    let error = parse_timestamp("294248-01-01", &settings).unwrap_err();
    assert_eq!(error.message(), "timestamp out of range: \"294248-01-01\"");
}

#[test]
fn zones_are_found_in_any_case() {
    assert_eq!(find_zone("europe/berlin"), Some(chrono_tz::Europe::Berlin));
    assert_eq!(find_zone("UTC"), Some(chrono_tz::UTC));
    assert_eq!(find_zone("Mars/Olympus"), None);
}

proptest! {
    /// The path for ISO texts and the general one read the same.
    #[test]
    fn both_ways_of_reading_agree(micros in -62_135_596_800_000_000i64..253_402_300_799_000_000) {
        let text = show(|out| write_timestamp(micros, out));
        let settings = FormatSettings::default();
        prop_assert_eq!(parse_timestamp(&text, &settings).unwrap(), micros);
        // A blank in front sends it the general way.
        prop_assert_eq!(parse_timestamp(&format!(" {text}"), &settings).unwrap(), micros);
        let zoned = show(|out| write_timestamptz(micros, chrono_tz::Asia::Kolkata, out));
        prop_assert_eq!(parse_timestamptz(&zoned, &settings).unwrap(), micros);
        prop_assert_eq!(parse_timestamptz(&format!(" {zoned}"), &settings).unwrap(), micros);
    }

    #[test]
    fn local_times_lead_back_to_their_moment(micros in -62_135_596_800_000_000i64..253_402_300_799_000_000) {
        // Kathmandu has had no overlaps since its zone was defined; Lord Howe has half hours of them.
        for zone in [chrono_tz::Asia::Kathmandu, chrono_tz::Australia::Lord_Howe] {
            let local = micros + i64::from(offset_at(zone, micros)) * MICROS_PER_SECOND;
            let back = local_to_utc(zone, local);
            prop_assert!((back - micros).abs() <= MICROS_PER_HOUR);
        }
    }
}
