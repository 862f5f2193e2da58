//! A pattern as the tree its groups are looked for in, and which parts want to be long.
//!
//! The rules are those of PostgreSQL's own parser: a part prefers what its first quantified
//! atom prefers, alternatives prefer the longest, and a quantifier overrules what is in it.

use super::parse::{Alternatives, CAPTURES, Item, LONG, MIXED, SHORT};
use std::ops::Range;

const EITHER: u8 = LONG | SHORT;

fn up(flags: u8) -> u8 {
    let mixed = if flags & EITHER == EITHER { MIXED } else { 0 };
    flags & (MIXED | CAPTURES) | mixed
}

fn messy(flags: u8) -> bool {
    flags & (MIXED | CAPTURES) != 0
}

fn combine(first: u8, second: u8) -> u8 {
    let prefers = match first & EITHER {
        0 => second & EITHER,
        prefers => prefers,
    };
    up(first | second) | prefers
}

/// What a text is matched by: a piece of the pattern, maybe so many times.
#[derive(Clone, Debug)]
pub struct Piece {
    pub span: Range<usize>,
    pub times: Option<(u32, Option<u32>)>,
}

#[derive(Debug)]
pub struct Part {
    pub flags: u8,
    pub piece: Piece,
    pub kind: Kind,
}

#[derive(Debug)]
pub enum Kind {
    /// Nothing to look for inside.
    Leaf,
    Pair(Box<Part>, Box<Part>),
    Alternatives(Vec<Part>),
    /// Any number of times, up to one.
    Times(Box<Part>, Option<u32>),
    /// A group, or only a pair of parentheses.
    Group(Option<usize>, Box<Part>),
}

fn piece(span: Range<usize>) -> Piece {
    Piece { span, times: None }
}

fn of_item(item: &Item) -> u8 {
    item.group.as_ref().map_or(0, |group| {
        let captures = if group.capture.is_some() { CAPTURES } else { 0 };
        flags(&group.inner) | captures
    })
}

fn is_nothing(item: &Item) -> bool {
    item.most == Some(0)
}

fn is_capture(item: &Item) -> bool {
    item.group
        .as_ref()
        .is_some_and(|group| group.capture.is_some())
}

/// The flags of the first parts that have nothing to look for, and how many they are.
fn plain_parts(flagged: &[(&Item, u8)]) -> (u8, usize) {
    let mut flags = 0;
    for (count, (item, of_atom)) in flagged.iter().enumerate() {
        if is_nothing(item) {
            continue;
        }
        let with = flags | item.prefers | of_atom;
        if is_capture(item) || messy(up(with)) {
            return (flags, count);
        }
        flags = with;
    }
    (flags, flagged.len())
}

/// What alternatives prefer.
pub fn flags(alternatives: &Alternatives) -> u8 {
    match alternatives.branches.as_slice() {
        [only] => {
            let flagged: Vec<(&Item, u8)> = only.iter().map(|item| (item, of_item(item))).collect();
            of_branch(&flagged)
        }
        several => several.iter().fold(LONG, |flags, branch| {
            let flagged: Vec<(&Item, u8)> =
                branch.iter().map(|item| (item, of_item(item))).collect();
            flags | up(flags | of_branch(&flagged))
        }),
    }
}

/// From the last messy part to the first, so that long patterns need no stack.
fn of_branch(flagged: &[(&Item, u8)]) -> u8 {
    let mut starts = Vec::new();
    let mut rest = flagged;
    let mut flags = loop {
        let (flags, count) = plain_parts(rest);
        let Some(((item, of_atom), behind)) = rest.get(count..).and_then(<[_]>::split_first) else {
            break flags;
        };
        starts.push((flags, combine(item.prefers, *of_atom)));
        rest = behind;
    };
    let mut is_last = rest.is_empty();
    for (before, part) in starts.into_iter().rev() {
        let with_rest = if is_last {
            part
        } else {
            part | combine(part, flags)
        };
        is_last = false;
        flags = before | combine(before, with_rest);
    }
    flags
}

pub fn build(alternatives: &Alternatives) -> Part {
    match alternatives.branches.as_slice() {
        [only] => branch(only, alternatives.span.clone()),
        several => {
            let flags = flags(alternatives);
            let kind = match messy(flags) {
                false => Kind::Leaf,
                true => Kind::Alternatives(several.iter().map(|items| of_items(items)).collect()),
            };
            Part {
                flags,
                piece: piece(alternatives.span.clone()),
                kind,
            }
        }
    }
}

fn of_items(items: &[Item]) -> Part {
    let span = match (items.first(), items.last()) {
        (Some(first), Some(last)) => first.span.start..last.span.end,
        _ => 0..0,
    };
    branch(items, span)
}

fn branch(items: &[Item], span: Range<usize>) -> Part {
    let flagged: Vec<(&Item, u8)> = items.iter().map(|item| (item, of_item(item))).collect();
    let (before, count) = plain_parts(&flagged);
    let Some((item, behind)) = items.get(count..).and_then(<[Item]>::split_first) else {
        return Part {
            flags: before,
            piece: piece(span),
            kind: Kind::Leaf,
        };
    };
    let of_atom = flagged.get(count).map_or(0, |(_, flags)| *flags);
    let messy_part = atom(item, of_atom);
    let mut flags = combine(item.prefers, of_atom);
    let from = item.span.start..span.end;
    let with_rest = match behind {
        [] => Part {
            flags,
            piece: piece(from),
            kind: Kind::Group(None, Box::new(messy_part)),
        },
        behind => {
            let rest = of_items(behind);
            flags |= combine(flags, rest.flags);
            Part {
                flags,
                piece: piece(from),
                kind: Kind::Pair(Box::new(messy_part), Box::new(rest)),
            }
        }
    };
    if count == 0 {
        return with_rest;
    }
    Part {
        flags: before | combine(before, with_rest.flags),
        piece: piece(span.clone()),
        kind: Kind::Pair(
            Box::new(Part {
                flags: before,
                piece: piece(span.start..item.span.start),
                kind: Kind::Leaf,
            }),
            Box::new(with_rest),
        ),
    }
}

/// An atom with its quantifier.
fn atom(item: &Item, of_atom: u8) -> Part {
    let once = || Part {
        flags: of_atom,
        piece: piece(item.atom.clone()),
        kind: match &item.group {
            None => Kind::Leaf,
            Some(group) => Kind::Group(group.capture, Box::new(build(&group.inner))),
        },
    };
    let flags = combine(item.prefers, of_atom);
    let part = |kind| Part {
        flags,
        piece: piece(item.span.clone()),
        kind,
    };
    let same = item.prefers == 0
        || of_atom & (EITHER | MIXED) == 0
        || item.prefers == of_atom & (EITHER | MIXED);
    match (item.least, item.most) {
        (1, Some(1)) if same => once(),
        _ if of_atom & CAPTURES == 0 => part(Kind::Leaf),
        (0, most) => part(Kind::Times(Box::new(once()), most)),
        // The last time by itself, and the others before it.
        (least, most) => {
            let before = Part {
                flags: flags & EITHER,
                piece: Piece {
                    span: item.atom.clone(),
                    times: Some((least - 1, most.map(|most| most.saturating_sub(1)))),
                },
                kind: Kind::Leaf,
            };
            part(Kind::Pair(Box::new(before), Box::new(once())))
        }
    }
}
