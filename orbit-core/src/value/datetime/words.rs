//! The words that dates and intervals are written with.

/// 1 to 12; any beginning of at least three letters.
pub(super) fn month(word: &str) -> Option<u32> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    if word == "sept" {
        return Some(9);
    }
    let at = MONTHS
        .iter()
        .position(|month| word == *month || word == &month[..3])?;
    u32::try_from(at + 1).ok()
}

/// Days of the week say nothing that the date doesn't.
pub(super) fn is_weekday(word: &str) -> bool {
    const DAYS: [&str; 7] = [
        "sunday",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
    ];
    matches!(word, "tues" | "weds" | "thur" | "thurs")
        || DAYS.iter().any(|day| word == *day || word == &day[..3])
}

/// Seconds east of UTC, for the abbreviations that PostgreSQL's default set has.
pub(super) fn zone_abbreviation(word: &str) -> Option<i32> {
    const MINUTE: i32 = 60;
    const HOUR: i32 = 3600;
    Some(match word {
        "z" | "utc" | "gmt" | "ut" | "uct" | "zulu" | "wet" => 0,
        "bst" | "west" | "cet" | "met" | "mez" => HOUR,
        "cest" | "mest" | "mesz" | "eet" | "sast" | "cetdst" | "metdst" => 2 * HOUR,
        "eest" | "msk" | "eat" | "idt" | "eetdst" => 3 * HOUR,
        "ist" => 2 * HOUR,
        "msd" | "get" | "gst" => 4 * HOUR,
        "irst" => 3 * HOUR + 30 * MINUTE,
        "irdt" => 4 * HOUR + 30 * MINUTE,
        "aft" => 4 * HOUR + 30 * MINUTE,
        "pkt" | "uzt" | "tjt" | "yekt" => 5 * HOUR,
        "npt" => 5 * HOUR + 45 * MINUTE,
        "pkst" | "almt" | "omst" | "novt" | "bdt" => 6 * HOUR,
        "mmt" => 6 * HOUR + 30 * MINUTE,
        "ict" | "krat" => 7 * HOUR,
        "hkt" | "sgt" | "myt" | "irkt" | "pht" | "awst" | "ulat" => 8 * HOUR,
        "jst" | "kst" | "yakt" | "awdt" => 9 * HOUR,
        "acst" => 9 * HOUR + 30 * MINUTE,
        "aest" | "chst" | "vlat" | "kdt" => 10 * HOUR,
        "acdt" => 10 * HOUR + 30 * MINUTE,
        "aedt" | "magt" => 11 * HOUR,
        "nzst" | "fjt" => 12 * HOUR,
        "nzdt" => 13 * HOUR,
        "azot" => -HOUR,
        "fnt" => -2 * HOUR,
        "brst" => -2 * HOUR,
        "ndt" => -2 * HOUR - 30 * MINUTE,
        "nst" => -3 * HOUR - 30 * MINUTE,
        "adt" | "brt" | "art" | "clst" | "uyt" => -3 * HOUR,
        "ast" | "edt" | "clt" | "bot" | "pyt" => -4 * HOUR,
        "est" | "cdt" | "pet" | "cot" | "act" => -5 * HOUR,
        "cst" | "mdt" | "galt" => -6 * HOUR,
        "mst" | "pdt" => -7 * HOUR,
        "pst" | "akdt" => -8 * HOUR,
        "akst" => -9 * HOUR,
        "hst" => -10 * HOUR,
        _ => return None,
    })
}

/// What a number in an interval counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
    Decade,
    Century,
    Millennium,
}

pub(super) fn unit(word: &str) -> Option<Unit> {
    Some(match word {
        "us" | "usec" | "usecs" | "usecond" | "useconds" | "microsecon" | "microsecond"
        | "microseconds" => Unit::Microsecond,
        "ms" | "msec" | "msecs" | "mseconds" | "millisecon" | "millisecond" | "milliseconds" => {
            Unit::Millisecond
        }
        "s" | "sec" | "secs" | "second" | "seconds" => Unit::Second,
        "m" | "min" | "mins" | "minute" | "minutes" => Unit::Minute,
        "h" | "hr" | "hrs" | "hour" | "hours" => Unit::Hour,
        "d" | "day" | "days" => Unit::Day,
        "w" | "week" | "weeks" => Unit::Week,
        "mon" | "mons" | "month" | "months" => Unit::Month,
        "y" | "yr" | "yrs" | "year" | "years" => Unit::Year,
        "dec" | "decs" | "decade" | "decades" => Unit::Decade,
        "c" | "cent" | "century" | "centuries" => Unit::Century,
        "mil" | "mils" | "millennium" | "millennia" => Unit::Millennium,
        _ => return None,
    })
}
