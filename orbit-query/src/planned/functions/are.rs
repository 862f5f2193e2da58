//! PostgreSQL's advanced regular expressions.
//!
//! Its rule is not that of the `regex` crate, which takes the first alternative that fits:
//! a match begins as early as it can, and then is the longest there is (or the shortest,
//! if the first quantifier asks for that). So the crate tells whether and where a match
//! begins, an automaton that follows all alternatives at once tells where it ends, and the
//! groups are found inside by [`dissect`]. One match is found in time linear in the text it
//! looks at; each of many may have to look to the text's end (`a*b|a`).

mod automaton;
mod bracket;
mod dissect;
mod parse;
mod tree;

pub use parse::Options;

pub use automaton::Memo;

use automaton::{Automaton, Way};
use dissect::Dissector;
use lru::LruCache;
use orbit_core::Result;
use parse::{Parsed, SHORT};
use regex::Regex;
use std::cell::{OnceCell, RefCell};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::rc::Rc;

const CACHED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(31);
/// With more groups than these the crate's own rule finds them.
const MOST_GROUPS: usize = 64;

type Key = (String, Options);

thread_local! {
    static COMPILED: RefCell<LruCache<Key, Rc<Are>>> = RefCell::new(LruCache::new(CACHED));
}

pub struct Are {
    parsed: Parsed,
    regex: Regex,
    shortest: bool,
    whole: OnceCell<Option<Automaton>>,
    groups: OnceCell<Option<Dissector>>,
}

/// A match, and its groups behind it.
pub type Found = Vec<Option<Range<usize>>>;

/// The pattern in the syntax of the crate; it matches the same texts, at other lengths.
pub fn translated(pattern: &str, options: Options) -> Result<String> {
    let parsed = parse::parse(pattern, options)?;
    Ok(match parsed.insensitive {
        true => format!("(?i:{})", parsed.text),
        false => parsed.text,
    })
}

/// A compiled pattern, from this thread's recent ones.
pub fn compiled(pattern: &str, options: Options) -> Result<Rc<Are>> {
    COMPILED.with(|cache| {
        let mut cache = cache.borrow_mut();
        let key = (pattern.to_owned(), options);
        if let Some(known) = cache.get(&key) {
            return Ok(Rc::clone(known));
        }
        let parsed = parse::parse(pattern, options)?;
        let are = Rc::new(Are {
            regex: super::pattern::build(&parsed.text, parsed.insensitive)?,
            shortest: tree::flags(&parsed.tree) & SHORT != 0,
            parsed,
            whole: OnceCell::new(),
            groups: OnceCell::new(),
        });
        cache.put(key, Rc::clone(&are));
        Ok(are)
    })
}

impl Are {
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// How many groups there are in parentheses.
    pub fn groups(&self) -> usize {
        self.parsed.groups
    }

    /// The first match from a byte on, alone.
    pub fn find_at(&self, text: &str, at: usize) -> Option<Range<usize>> {
        self.find_next(text, at, &mut Memo::default())
    }

    /// The same for one of many matches of a text.
    pub fn find_next(&self, text: &str, at: usize, memo: &mut Memo) -> Option<Range<usize>> {
        let found = self.regex.find_at(text, at)?;
        let whole = self.whole.get_or_init(|| {
            Automaton::new(&self.parsed.text, self.parsed.insensitive, Way::Forward)
        });
        let end = whole
            .as_ref()
            .and_then(|whole| whole.end(text, found.start(), self.shortest, memo));
        Some(found.start()..end.unwrap_or(found.end()))
    }

    /// The first match from a byte on, with its groups.
    pub fn captures_at(&self, text: &str, at: usize) -> Option<Found> {
        let whole = self.find_at(text, at)?;
        Some(self.captures_in(text, whole))
    }

    /// The groups of a match that was found.
    pub fn captures_in(&self, text: &str, whole: Range<usize>) -> Found {
        let mut found: Found = vec![None; self.groups() + 1];
        if self.groups() > 0 {
            let dissector = self.groups.get_or_init(|| {
                (self.groups() <= MOST_GROUPS).then(|| Dissector::new(&self.parsed))
            });
            let exact = dissector
                .as_ref()
                .is_some_and(|dissector| dissector.groups(text, whole.clone(), &mut found));
            if !exact {
                self.nearly(text, &whole, &mut found);
            }
        }
        if let Some(first) = found.first_mut() {
            *first = Some(whole);
        }
        found
    }

    /// The groups as the crate finds them, where no automaton could be had.
    fn nearly(&self, text: &str, whole: &Range<usize>, found: &mut Found) {
        let Some(captures) = self.regex.captures_at(text, whole.start) else {
            return;
        };
        for (place, group) in found.iter_mut().enumerate() {
            *group = captures
                .get(place)
                .map(|group| group.range())
                .filter(|group| group.end <= whole.end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(text: &str, pattern: &str) -> Vec<String> {
        let are = compiled(pattern, Options::default()).unwrap();
        let found = are.captures_at(text, 0).unwrap_or_default();
        let text = |range: Option<Range<usize>>| range.map_or("-", |range| &text[range]).to_owned();
        found.into_iter().map(text).collect()
    }

    #[test]
    fn the_longest_alternative_wins() {
        assert_eq!(groups("abcd", "a|ab|abc"), ["abc"]);
        assert_eq!(groups("ab", "(a|ab)(b?)"), ["ab", "ab", ""]);
        assert_eq!(groups("xabcy", "(a|ab)(c|bcd)?"), ["abc", "ab", "c"]);
        assert_eq!(groups("foobar", "x"), [""; 0]);
    }

    #[test]
    fn the_first_quantifier_decides_for_all() {
        assert_eq!(
            groups("abc01234xyz", r"(.*?)(\d+)(.*)"),
            ["abc0", "abc", "0", ""]
        );
        assert_eq!(groups("XY1234Z", "Y*?([0-9]{1,3})"), ["Y1", "1"]);
        assert_eq!(groups("XY1234Z", "Y*([0-9]{1,3})"), ["Y123", "123"]);
        assert_eq!(
            groups("abc01234xyz", r"(?:(.*?)(\d+)(.*)){1,1}"),
            ["abc01234xyz", "abc", "01234", "xyz"]
        );
    }

    #[test]
    fn repeated_groups_tell_of_their_last_time() {
        assert_eq!(groups("aab", "(a|ab)*"), ["aab", "ab"]);
        assert_eq!(groups("abcd", "(a|b|cd)+"), ["abcd", "cd"]);
        assert_eq!(groups("é1é2", r"([^\d]\d)*"), ["é1é2", "é2"]);
    }
}
