//! Who an ordinal stands for, and the one order that all sites give to stamps.

use crate::ids::{Incarnation, Lane, SiteId, SiteOrdinal};
use crate::row::Stamp;
use std::cmp::Ordering;
use std::collections::HashMap;

/// A writer: one life of a site's data directory, in one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    pub site: SiteId,
    pub incarnation: Incarnation,
    pub lane: Lane,
}

/// What ordinals of this node stand for. They are given out densely, from 1 on.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    by_ordinal: Vec<Option<Origin>>,
    ordinals: HashMap<Origin, SiteOrdinal>,
}

impl Origins {
    pub fn insert(&mut self, ordinal: SiteOrdinal, origin: Origin) {
        let place = ordinal.0 as usize;
        if place >= self.by_ordinal.len() {
            self.by_ordinal.resize(place + 1, None);
        }
        if let Some(slot) = self.by_ordinal.get_mut(place) {
            *slot = Some(origin);
        }
        self.ordinals.insert(origin, ordinal);
    }

    pub fn origin(&self, ordinal: SiteOrdinal) -> Option<Origin> {
        self.by_ordinal.get(ordinal.0 as usize).copied().flatten()
    }

    pub fn ordinal(&self, origin: &Origin) -> Option<SiteOrdinal> {
        self.ordinals.get(origin).copied()
    }

    /// The ordinal that the next new origin gets.
    pub fn next(&self) -> SiteOrdinal {
        SiteOrdinal(self.by_ordinal.len().max(1) as u32)
    }

    /// The order of two stamps, the same at every site: by time, then by who wrote. Ordinals
    /// differ from node to node and decide nothing.
    pub fn order(&self, one: Stamp, other: Stamp) -> Ordering {
        one.hlc
            .cmp(&other.hlc)
            .then_with(|| match one.site == other.site {
                true => Ordering::Equal,
                false => self.origin(one.site).cmp(&self.origin(other.site)),
            })
    }

    /// Whether one site wrote both, in one incarnation: whoever wrote the later one had
    /// seen the earlier one.
    pub fn same_site(&self, one: SiteOrdinal, other: SiteOrdinal) -> bool {
        let of = |ordinal| {
            self.origin(ordinal)
                .map(|origin| (origin.site, origin.incarnation))
        };
        one == other || (of(one).is_some() && of(one) == of(other))
    }
}
