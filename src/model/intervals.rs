//! Sets of things that follow one another, as ranges. Each set has one form (sorted, ranges neither touch nor overlap), so
//! equal sets are equal values.

use core::net::{Ipv4Addr, Ipv6Addr};

/// Something with a neighbour on each side.
pub trait Step: Copy + Ord {
    /// The next one; none after the last.
    fn next(self) -> Option<Self>;

    /// The one before; none before the first.
    fn previous(self) -> Option<Self>;
}

/// A set of ranges, both ends included.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Intervals<T>(Vec<(T, T)>);

impl<T: Step> Intervals<T> {
    /// The set without members.
    pub const EMPTY: Self = Self(Vec::new());

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ranges in their order, first and last.
    pub fn ranges(&self) -> &[(T, T)] {
        &self.0
    }

    pub fn contains(&self, member: T) -> bool {
        let at = self.0.partition_point(|(_, last)| *last < member);
        self.0.get(at).is_some_and(|(first, _)| *first <= member)
    }

    /// Whether all of the other set is in this one.
    pub fn includes(&self, other: &Self) -> bool {
        other.difference(self).is_empty()
    }

    /// Whether the sets have a member in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        other.0.iter().any(|(first, last)| self.touched(*first, *last).next().is_some())
    }

    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.0.iter().chain(&other.0).copied().collect()
    }

    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let common = self.0.iter().flat_map(|&(first, last)| {
            other.touched(first, last).map(move |&(from, to)| (first.max(from), last.min(to)))
        });
        common.collect()
    }

    /// What is in this set and not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        for &(first, last) in &self.0 {
            let mut begin = Some(first);
            for &(from, to) in other.touched(first, last) {
                let before = begin.zip(from.previous()).filter(|(begin, end)| begin <= end);
                left.extend(before);
                begin = to.next();
            }
            left.extend(begin.filter(|begin| *begin <= last).map(|begin| (begin, last)));
        }
        Self(left)
    }

    /// The ranges that have a member in common with this one.
    fn touched(&self, first: T, last: T) -> impl Iterator<Item = &(T, T)> {
        let at = self.0.partition_point(|(_, end)| *end < first);
        self.0.iter().skip(at).take_while(move |(begin, _)| *begin <= last)
    }
}

impl<T: Step> FromIterator<(T, T)> for Intervals<T> {
    /// Collects ranges in any order; of each, the smaller end is the first.
    fn from_iter<I: IntoIterator<Item = (T, T)>>(ranges: I) -> Self {
        let mut ranges: Vec<(T, T)> = ranges.into_iter().map(|(one, other)| (one.min(other), one.max(other))).collect();
        ranges.sort_unstable();
        let mut merged: Vec<(T, T)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some((_, end)) if end.next().is_none_or(|next| first <= next) => *end = last.max(*end),
                _ => merged.push((first, last)),
            }
        }
        Self(merged)
    }
}

impl<T> Default for Intervals<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl Step for u16 {
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }

    fn previous(self) -> Option<Self> {
        self.checked_sub(1)
    }
}

impl Step for Ipv4Addr {
    fn next(self) -> Option<Self> {
        self.to_bits().checked_add(1).map(Self::from_bits)
    }

    fn previous(self) -> Option<Self> {
        self.to_bits().checked_sub(1).map(Self::from_bits)
    }
}

impl Step for Ipv6Addr {
    fn next(self) -> Option<Self> {
        self.to_bits().checked_add(1).map(Self::from_bits)
    }

    fn previous(self) -> Option<Self> {
        self.to_bits().checked_sub(1).map(Self::from_bits)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn set(ranges: &[(u16, u16)]) -> Intervals<u16> {
        ranges.iter().copied().collect()
    }

    #[test]
    fn ranges_that_touch_are_one() {
        for (ranges, expected) in [
            (&[(5, 5), (6, 9)][..], &[(5, 9)][..]),
            (&[(6, 9), (1, 4), (5, 5)], &[(1, 9)]),
            (&[(1, 9), (3, 4)], &[(1, 9)]),
            (&[(9, 1)], &[(1, 9)]),
            (&[(1, 2), (4, 5)], &[(1, 2), (4, 5)]),
            (&[(0, u16::MAX), (u16::MAX, u16::MAX)], &[(0, u16::MAX)]),
        ] {
            assert_eq!(set(ranges).ranges(), expected, "{ranges:?}");
        }
    }

    #[test]
    fn nothing_is_beyond_the_ends() {
        let all = set(&[(0, u16::MAX)]);
        assert!(all.difference(&all).is_empty());
        assert_eq!(all.difference(&set(&[(0, 0), (u16::MAX, u16::MAX)])), set(&[(1, u16::MAX - 1)]));
        assert_eq!(Ipv4Addr::BROADCAST.next(), None);
        assert_eq!(Ipv6Addr::UNSPECIFIED.previous(), None);
    }

    fn sets() -> impl Strategy<Value = (Intervals<u16>, BTreeSet<u16>)> {
        let near = prop_oneof![0u16..40, u16::MAX - 20..=u16::MAX];
        prop::collection::vec((near, 0u16..6), 0..8).prop_map(|found| {
            let ranges: Vec<_> = found.iter().map(|(first, more)| (*first, first.saturating_add(*more))).collect();
            (ranges.iter().copied().collect(), ranges.iter().flat_map(|(first, last)| *first..=*last).collect())
        })
    }

    proptest! {
        #[test]
        fn does_what_sets_of_single_members_do((a, plain_a) in sets(), (b, plain_b) in sets()) {
            let plain = |set: &Intervals<u16>| -> BTreeSet<u16> {
                set.ranges().iter().flat_map(|(first, last)| *first..=*last).collect()
            };
            prop_assert_eq!(plain(&a), plain_a.clone());
            prop_assert_eq!(plain(&a.union(&b)), &plain_a | &plain_b);
            prop_assert_eq!(plain(&a.intersection(&b)), &plain_a & &plain_b);
            prop_assert_eq!(plain(&a.difference(&b)), &plain_a - &plain_b);
            prop_assert_eq!(a.includes(&b), plain_a.is_superset(&plain_b));
            prop_assert_eq!(a.overlaps(&b), !plain_a.is_disjoint(&plain_b));
            prop_assert_eq!(a == b, plain_a == plain_b);
            for result in [a.union(&b), a.intersection(&b), a.difference(&b)] {
                prop_assert_eq!(&result, &result.ranges().iter().copied().collect());
            }
            for member in 0..60 {
                prop_assert_eq!(a.contains(member), plain_a.contains(&member));
            }
        }
    }
}
