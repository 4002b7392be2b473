//! Which services need which: the dependants of some, and an order in which to stop and start them.
//! Cycles and services that are not there are answered, not errors: the registry may hold both.

use std::collections::{BTreeMap, BTreeSet};

use super::name::ServiceName;

/// The services of a machine with what each needs.
#[derive(Clone, Debug, Default)]
pub struct DependencyGraph {
    /// What each service needs; those that are only needed are no keys here.
    needs: BTreeMap<ServiceName, BTreeSet<ServiceName>>,
    /// Who needs each service.
    needed_by: BTreeMap<ServiceName, BTreeSet<ServiceName>>,
}

/// In which order services stop and start.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct RestartOrder {
    /// Dependants first; of those that do not need each other, by name.
    pub stop: Vec<ServiceName>,
    /// The reverse.
    pub start: Vec<ServiceName>,
    /// Of the services asked for, those that are not there.
    pub missing: Vec<ServiceName>,
}

impl DependencyGraph {
    /// Makes a graph of services, each with what it needs.
    pub fn new(services: impl IntoIterator<Item = (ServiceName, Vec<ServiceName>)>) -> Self {
        let mut graph = Self::default();
        for (name, needs) in services {
            for needed in &needs {
                graph.needed_by.entry(needed.clone()).or_default().insert(name.clone());
            }
            graph.needs.entry(name).or_default().extend(needs);
        }
        graph
    }

    /// Whether there is a service of this name.
    pub fn contains(&self, name: &ServiceName) -> bool {
        self.needs.contains_key(name)
    }

    /// The services by name, each with what it needs.
    pub fn services(&self) -> impl Iterator<Item = (&ServiceName, impl Iterator<Item = &ServiceName>)> {
        self.needs.iter().map(|(name, needs)| (name, needs.iter()))
    }

    /// All services that need one of these, directly or not, sorted by name; these themselves are not among them.
    pub fn dependants(&self, of: &[ServiceName]) -> Vec<ServiceName> {
        let asked: BTreeSet<&ServiceName> = of.iter().collect();
        let mut reached = asked.clone();
        let mut pending: Vec<&ServiceName> = of.iter().collect();
        while let Some(name) = pending.pop() {
            let dependants = self.needed_by.get(name).into_iter().flatten();
            pending.extend(dependants.filter(|dependant| reached.insert(dependant)));
        }
        reached.difference(&asked).map(|name| (*name).clone()).collect()
    }

    /// The order for these services and all their dependants.
    pub fn restart_order(&self, of: &[ServiceName]) -> RestartOrder {
        let (present, missing): (BTreeSet<&ServiceName>, BTreeSet<&ServiceName>) =
            of.iter().partition(|name| self.needs.contains_key(*name));
        // The spelling of the graph, which is that of the machine.
        let known = |name: &ServiceName| self.needs.get_key_value(name).map(|(known, _)| known.clone());
        let dependants = self.dependants(of);
        let set: BTreeSet<ServiceName> = present.into_iter().chain(&dependants).filter_map(known).collect();
        let stop = self.stop_order(&set);
        let start = stop.iter().rev().cloned().collect();
        RestartOrder { stop, start, missing: missing.into_iter().cloned().collect() }
    }

    /// The services of a set, each after those of the set that need it, as far as that is possible.
    fn stop_order(&self, set: &BTreeSet<ServiceName>) -> Vec<ServiceName> {
        // How many of the set still need each; a service that needs itself does not count.
        let mut waiting: BTreeMap<&ServiceName, usize> = BTreeMap::new();
        for name in set {
            let dependants = self.needed_by.get(name).into_iter().flatten();
            waiting.insert(name, dependants.filter(|other| *other != name && set.contains(*other)).count());
        }
        let mut ready: BTreeSet<&ServiceName> =
            waiting.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect();
        let mut order = Vec::with_capacity(set.len());
        while !waiting.is_empty() {
            // In a cycle nobody is ready: all of it goes at once, by name.
            let next = match ready.pop_first() {
                Some(next) => BTreeSet::from([next]),
                None => self.first_cycle(&waiting),
            };
            for name in &next {
                waiting.remove(name);
            }
            order.extend(next.iter().map(|name| (*name).clone()));
            for needed in next.iter().filter_map(|name| self.needs.get(*name)).flatten() {
                let Some((needed, count)) = set.get(needed).and_then(|name| Some((name, waiting.get_mut(name)?)))
                else {
                    continue;
                };
                *count = count.saturating_sub(1);
                if *count == 0 {
                    ready.insert(needed);
                }
            }
        }
        order
    }

    /// Services that need each other, and that no service outside of them needs.
    fn first_cycle<'n>(&self, waiting: &BTreeMap<&'n ServiceName, usize>) -> BTreeSet<&'n ServiceName> {
        let Some(mut candidate) = waiting.keys().next().copied() else { return BTreeSet::new() };
        loop {
            let above = reachable(candidate, &self.needed_by, waiting);
            let below = reachable(candidate, &self.needs, waiting);
            match above.difference(&below).next() {
                // It is not in the cycle; each step goes further up, so there is a last one.
                Some(dependant) => candidate = dependant,
                None => return above,
            }
        }
    }
}

/// What is reached by an edge from one service, itself included, among those that wait.
fn reachable<'n>(
    from: &'n ServiceName,
    edges: &BTreeMap<ServiceName, BTreeSet<ServiceName>>,
    waiting: &BTreeMap<&'n ServiceName, usize>,
) -> BTreeSet<&'n ServiceName> {
    let mut reached = BTreeSet::from([from]);
    let mut pending = vec![from];
    while let Some(name) = pending.pop() {
        for next in edges.get(name).into_iter().flatten() {
            if let Some((next, _)) = waiting.get_key_value(next)
                && reached.insert(next)
            {
                pending.push(next);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(text: &str) -> Vec<ServiceName> {
        text.split_whitespace().map(|name| name.parse().unwrap()).collect()
    }

    fn shown(names: &[ServiceName]) -> String {
        names.iter().map(ServiceName::as_str).collect::<Vec<_>>().join(" ")
    }

    /// `a: b c` for each service, in lines.
    fn graph(text: &str) -> DependencyGraph {
        let services = text.lines().map(|line| {
            let (name, needs) = line.split_once(':').unwrap();
            (name.trim().parse().unwrap(), names(needs))
        });
        DependencyGraph::new(services.collect::<Vec<_>>())
    }

    #[test]
    fn orders() {
        let product = "AcsServer: RPCSS MSSQLSERVER\nAcsBroker:\nAcsFeed: acsserver ACSBROKER\nAcsWeb: AcsServer HTTP\n\
                       RpcSs: DcomLaunch\nDcomLaunch:\nHTTP:\nMSSQLSERVER:";
        for (services, of, dependants, stop, missing) in [
            (product, "AcsServer", "AcsFeed AcsWeb", "AcsFeed AcsWeb AcsServer", ""),
            (product, "ACSSERVER", "AcsFeed AcsWeb", "AcsFeed AcsWeb AcsServer", ""),
            (product, "AcsBroker AcsServer", "AcsFeed AcsWeb", "AcsFeed AcsBroker AcsWeb AcsServer", ""),
            (product, "AcsFeed AcsServer", "AcsWeb", "AcsFeed AcsWeb AcsServer", ""),
            (product, "HTTP", "AcsWeb", "AcsWeb HTTP", ""),
            (product, "AcsFeed", "", "AcsFeed", ""),
            (product, "DcomLaunch", "AcsFeed AcsServer AcsWeb RpcSs", "AcsFeed AcsWeb AcsServer RpcSs DcomLaunch", ""),
            (product, "Gone HTTP", "AcsWeb", "AcsWeb HTTP", "Gone"),
            (product, "", "", "", ""),
            // Needed, but not there itself.
            ("a: gone", "gone", "a", "a", "gone"),
            ("a: a", "a", "", "a", ""),
            ("a: b\nb: a", "a", "b", "a b", ""),
            ("a: b\nb: c\nc: a\nd: c\ne: d", "a", "b c d e", "e d a b c", ""),
            // What a cycle needs waits for all of it.
            ("a:\nx: y a\ny: x", "a", "x y", "x y a", ""),
            ("b: c\nc: b a\na: d\nd: a", "d", "a b c", "b c a d", ""),
            // Named twice, in either list.
            ("a: b b\nb:\na: c\nc:", "b c", "a", "a b c", ""),
            ("", "x", "", "", "x"),
        ] {
            let (graph, of) = (graph(services), names(of));
            assert_eq!(shown(&graph.dependants(&of)), dependants, "{services}: {of:?}");
            let order = graph.restart_order(&of);
            assert_eq!(
                (shown(&order.stop).as_str(), shown(&order.missing).as_str()),
                (stop, missing),
                "{services}: {of:?}"
            );
            assert!(order.start.iter().rev().eq(&order.stop));
        }
    }

    #[test]
    fn a_long_chain_takes_no_stack() {
        let name = |number: u32| format!("s{number:06}").parse::<ServiceName>().unwrap();
        let graph = DependencyGraph::new((0..50_000).map(|number| (name(number), vec![name(number + 1)])));
        let order = graph.restart_order(&[name(50_000)]);
        assert_eq!((order.stop.len(), order.missing.len()), (50_000, 1));
        assert_eq!(order.stop.first(), Some(&name(0)));
    }

    proptest! {
        #[test]
        fn dependants_stop_first_except_within_a_cycle(
            edges in prop::collection::vec((0u32..10, 0u32..10), 0..24), of in prop::collection::vec(0u32..12, 0..4),
        ) {
            let name = |number: u32| format!("s{number}").parse::<ServiceName>().unwrap();
            let services = (0..10).map(|number| {
                (name(number), edges.iter().filter(|(from, _)| *from == number).map(|(_, to)| name(*to)).collect())
            });
            let graph = DependencyGraph::new(services);
            let of: Vec<_> = of.into_iter().map(name).collect();
            let order = graph.restart_order(&of);
            let place = |wanted: u32| order.stop.iter().position(|known| *known == name(wanted));
            let distinct: BTreeSet<_> = order.stop.iter().collect();
            prop_assert_eq!(distinct.len(), order.stop.len());
            prop_assert_eq!(&graph.restart_order(&of), &order);
            for needed in 0..10 {
                let Some(last) = place(needed) else { continue };
                for dependant in (0..10).filter(|other| graph.dependants(&[name(needed)]).contains(&name(*other))) {
                    let in_cycle = graph.dependants(&[name(dependant)]).contains(&name(needed));
                    let first = place(dependant);
                    prop_assert!(first.is_some(), "{} is left running", dependant);
                    prop_assert!(in_cycle || first < Some(last), "{} after {}", dependant, needed);
                }
            }
        }
    }
}
