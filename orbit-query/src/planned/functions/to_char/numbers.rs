//! Templates of numbers: `FM999,990.00`, `S99`, `L9G999D99`, `9.99EEEE`, `RN`.

use orbit_core::value::Numeric;
use orbit_core::{Error, Result, state};

#[derive(Clone, Copy, PartialEq)]
enum Digit {
    Nine,
    Zero,
    Comma,
    Text(char),
    /// A sign in a place of its own.
    Mark(Mark),
}

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    Minus,
    Plus,
    Either,
}

impl Mark {
    fn shown(self, negative: bool, fill: bool) -> Option<char> {
        match (self, negative) {
            (Mark::Minus | Mark::Either, true) => Some('-'),
            (Mark::Plus | Mark::Either, false) => Some('+'),
            _ => fill.then_some(' '),
        }
    }
}

#[derive(Default)]
struct Template {
    whole: Vec<Digit>,
    fraction: Vec<Digit>,
    point: bool,
    fill: bool,
    sign: Sign,
    /// Blanks before and behind: the currency's sign in the C locale.
    currency: (usize, usize),
    ordinal: Option<bool>,
    roman: bool,
    exponent: bool,
    /// Behind a V: by how many places the value is shifted to the left.
    shift: Option<i32>,
    tail: String,
}

#[derive(Default, PartialEq, Clone, Copy)]
enum Sign {
    #[default]
    Plain,
    Leading,
    Trailing,
    Angle,
    /// Where a mark says it.
    Marked,
}

fn template(text: &str) -> Result<Template> {
    let mut found = Template {
        fill: true,
        ..Template::default()
    };
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let starts = |word: &str| {
            rest.as_bytes()
                .get(..word.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(word.as_bytes()))
        };
        let eat = |n: usize| rest.get(n..).unwrap_or("");
        if starts("FM") {
            found.fill = false;
            rest = eat(2);
            continue;
        }
        if starts("EEEE") {
            found.exponent = true;
            rest = eat(4);
            continue;
        }
        if starts("TH") {
            found.ordinal = Some(rest.starts_with('T'));
            rest = eat(2);
            continue;
        }
        if starts("RN") {
            found.roman = true;
            rest = eat(2);
            continue;
        }
        if starts("PR") {
            found.sign = Sign::Angle;
            rest = eat(2);
            continue;
        }
        let mark = if starts("MI") {
            Some(Mark::Minus)
        } else if starts("SG") {
            Some(Mark::Either)
        } else if starts("PL") {
            Some(Mark::Plus)
        } else {
            None
        };
        if let Some(mark) = mark {
            let into = if found.point {
                &mut found.fraction
            } else {
                &mut found.whole
            };
            into.push(Digit::Mark(mark));
            if mark != Mark::Plus {
                found.sign = Sign::Marked;
            }
            rest = eat(2);
            continue;
        }
        if let Some(quoted) = rest.strip_prefix('"') {
            let into = if found.point {
                &mut found.fraction
            } else {
                &mut found.whole
            };
            let mut letters = quoted.chars();
            while let Some(letter) = letters.next() {
                match letter {
                    '"' => break,
                    '\\' => into.extend(letters.next().map(Digit::Text)),
                    other => into.push(Digit::Text(other)),
                }
            }
            rest = letters.as_str();
            continue;
        }
        rest = &rest[letter.len_utf8()..];
        let before_digits = found.whole.is_empty() && !found.point;
        let into = if found.point {
            &mut found.fraction
        } else {
            &mut found.whole
        };
        match letter {
            '.' | 'D' | 'd' if found.shift.is_some() => return Err(shifted_point()),
            'V' | 'v' if found.point => return Err(shifted_point()),
            'V' | 'v' => found.shift = found.shift.or(Some(0)),
            '9' => {
                found.shift = found.shift.map(|places| places.saturating_add(1));
                into.push(Digit::Nine);
            }
            '0' => into.push(Digit::Zero),
            ',' | 'G' | 'g' => into.push(Digit::Comma),
            '.' | 'D' | 'd' if found.point => {
                return Err(Error::new(state::SYNTAX_ERROR, "multiple decimal points"));
            }
            '.' | 'D' | 'd' => found.point = true,
            'S' | 's' => {
                found.sign = if found.whole.is_empty() && !found.point {
                    Sign::Leading
                } else {
                    Sign::Trailing
                };
            }
            'L' | 'l' if before_digits => found.currency.0 += 1,
            'L' | 'l' if rest.is_empty() => found.currency.1 += 1,
            'L' | 'l' => into.push(Digit::Text(' ')),
            other => into.push(Digit::Text(other)),
        }
    }
    Ok(found)
}

fn shifted_point() -> Error {
    Error::new(
        state::SYNTAX_ERROR,
        "cannot use \"V\" and decimal point together",
    )
}

fn power_of_ten(places: i32) -> Result<Numeric> {
    Numeric::parse(&format!("1e{places}"))
}

/// Of a float: the shifted value is rounded as floats are.
pub fn format_float(value: f64, text: &str) -> Result<String> {
    let mut template = template(text)?;
    if let Some(places) = template.shift.take() {
        let shifted = (value * 10f64.powi(places)).round_ties_even();
        return format_by(&Numeric::from_f64(shifted), &template);
    }
    format_by(&Numeric::from_f64(value), &template)
}

pub fn format(value: &Numeric, text: &str) -> Result<String> {
    let template = template(text)?;
    match template.shift {
        Some(places) if value.is_finite() => {
            format_by(&value.mul(&power_of_ten(places)?)?, &template)
        }
        _ => format_by(value, &template),
    }
}

fn format_by(value: &Numeric, template: &Template) -> Result<String> {
    if template.roman {
        return Ok(roman(value, template.fill));
    }
    let places = template
        .fraction
        .iter()
        .filter(|digit| matches!(digit, Digit::Nine | Digit::Zero))
        .count();
    if template.exponent {
        let number = value.to_f64();
        let shown = format!("{number:.places$e}");
        let (mantissa, exponent) = shown.split_once('e').unwrap_or((&shown, "0"));
        let power: i32 = exponent.parse().unwrap_or(0);
        let sign = if number < 0.0 { "" } else { " " };
        let shown = format!(
            "{sign}{mantissa}e{}{:02}",
            if power < 0 { '-' } else { '+' },
            power.abs()
        );
        return Ok(if template.fill {
            shown
        } else {
            shown.trim_start().to_owned()
        });
    }
    let rounded = value.round(places as i32);
    let negative = rounded.signum() < 0;
    let shown = rounded.abs().to_string();
    let (whole, fraction) = shown.split_once('.').unwrap_or((&shown, ""));
    let slots = template
        .whole
        .iter()
        .filter(|digit| matches!(digit, Digit::Nine | Digit::Zero))
        .count();
    let whole = if whole == "0" && slots > 0 { "" } else { whole };
    let overflow = whole.len() > slots;
    let mut digits: Vec<Option<char>> = vec![None; slots.saturating_sub(whole.len())];
    digits.extend(whole.chars().take(slots).map(Some));
    let mut body = String::new();
    // Where the number begins, and its sign stands.
    let mut sign_at = None;
    let mut started = false;
    let mut at = 0;
    // A value below 1 shows its 0 only where the template has one, or has no fraction.
    let zero_from = template
        .whole
        .iter()
        .filter(|d| matches!(d, Digit::Nine | Digit::Zero))
        .position(|d| *d == Digit::Zero);
    for digit in &template.whole {
        match digit {
            Digit::Nine | Digit::Zero => {
                let forced = zero_from.is_some_and(|from| at >= from);
                let last_zero =
                    at + 1 == slots && !template.point && !started && digits[at].is_none();
                let blank = !overflow && digits[at].is_none() && !forced && !last_zero;
                if !blank && sign_at.is_none() {
                    sign_at = Some(body.len());
                }
                match (overflow, digits[at]) {
                    (true, _) => body.push('#'),
                    (false, Some(value)) => {
                        started = true;
                        body.push(value);
                    }
                    (false, None) if forced || last_zero => {
                        started = true;
                        body.push('0');
                    }
                    (false, None) if template.fill => body.push(' '),
                    (false, None) => {}
                }
                at += 1;
            }
            Digit::Comma if started || overflow => body.push(','),
            Digit::Comma if template.fill => body.push(' '),
            Digit::Comma => {}
            Digit::Text(letter) => body.push(*letter),
            Digit::Mark(mark) => body.extend(mark.shown(negative, template.fill)),
        }
    }
    if template.point {
        if !started && slots > 0 && zero_from.is_none() && !overflow && places == 0 {
            if template.fill {
                body.pop();
            }
            sign_at = Some(body.len());
            body.push('0');
        }
        sign_at = sign_at.or(Some(body.len()));
        body.push('.');
        let mut decimals = fraction.chars();
        let mut tail = String::new();
        let mut signs = String::new();
        for digit in &template.fraction {
            match digit {
                Digit::Nine | Digit::Zero => tail.push(if overflow {
                    '#'
                } else {
                    decimals.next().unwrap_or('0')
                }),
                Digit::Comma => tail.push(','),
                Digit::Text(letter) => tail.push(*letter),
                Digit::Mark(mark) => signs.extend(mark.shown(negative, template.fill)),
            }
        }
        if !template.fill {
            // FM drops the trailing zeros that only a 9 asked for.
            let keep = template
                .fraction
                .iter()
                .rposition(|digit| *digit == Digit::Zero)
                .map_or(0, |at| at + 1);
            while tail.len() > keep && tail.ends_with('0') {
                tail.pop();
            }
        }
        body.push_str(&tail);
        body.push_str(&signs);
    }
    let has_marks = |digits: &[Digit]| digits.iter().any(|digit| matches!(digit, Digit::Mark(_)));
    let ends_in_mark = has_marks(&template.whole) || has_marks(&template.fraction);
    let sign_at = sign_at.unwrap_or_else(|| match ends_in_mark {
        true => 0,
        false => body.len() - body.trim_start().len(),
    });
    let (blanks, number) = body.split_at_checked(sign_at).unwrap_or(("", &body));
    let mut out = match template.sign {
        Sign::Plain => {
            let sign = match (negative, template.fill) {
                (true, _) => "-",
                (false, true) => " ",
                (false, false) => "",
            };
            format!("{blanks}{sign}{number}")
        }
        Sign::Leading => format!("{blanks}{}{number}", if negative { '-' } else { '+' }),
        Sign::Trailing => format!("{blanks}{number}{}", if negative { '-' } else { '+' }),
        Sign::Marked => format!("{blanks}{number}"),
        Sign::Angle if negative => format!("{blanks}<{number}>"),
        Sign::Angle => format!("{blanks} {number} "),
    };
    let unnumbered = negative || template.point || overflow;
    if let (Some(upper), false) = (template.ordinal, unnumbered) {
        let n = rounded.to_i64().unwrap_or(0);
        let suffix = match (n % 100, n % 10) {
            (11..=13, _) => "th",
            (_, 1) => "st",
            (_, 2) => "nd",
            (_, 3) => "rd",
            _ => "th",
        };
        out.push_str(&if upper {
            suffix.to_uppercase()
        } else {
            suffix.to_owned()
        });
    }
    out.push_str(&template.tail);
    let shown = if template.fill { &out } else { out.trim() };
    let (before, behind) = template.currency;
    Ok(format!(
        "{}{shown}{}",
        " ".repeat(before),
        " ".repeat(behind)
    ))
}

fn roman(value: &Numeric, fill: bool) -> String {
    const STEPS: [(i64, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let mut left = value.round(0).to_i64().unwrap_or(0);
    let mut out = String::new();
    if !(1..4000).contains(&left) {
        out = "#".repeat(15);
    }
    for (step, letters) in STEPS {
        while left >= step && out.len() < 15 {
            out.push_str(letters);
            left -= step;
        }
    }
    if fill { format!("{out:>15}") } else { out }
}

/// Digits, sign and point of a text; the rest is decoration.
pub fn parse(input: &str, text: &str) -> Result<Numeric> {
    let template = template(text)?;
    if template.exponent {
        return Err(Error::new(
            state::FEATURE_NOT_SUPPORTED,
            "\"EEEE\" not supported for input",
        ));
    }
    let mut kept = String::new();
    let mut negative = false;
    for letter in input.chars() {
        match letter {
            '0'..='9' | '.' => kept.push(letter),
            '-' | '<' => negative = true,
            _ => {}
        }
    }
    if kept.is_empty() {
        return Err(Error::new(
            state::INVALID_TEXT_REPRESENTATION,
            format!("invalid input syntax for type numeric: \"{input}\""),
        ));
    }
    let mut value = Numeric::parse(&kept)?;
    if let Some(places) = template.shift {
        value = value.mul(&power_of_ten(places.saturating_neg())?)?;
        value = value.round(16);
    }
    Ok(if negative { value.neg() } else { value })
}
