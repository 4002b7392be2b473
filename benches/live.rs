//! How planning on the running machine grows with the registry values that it looks at: 100 and 10,000 in turn, medians, and the slope;
//! in the same run, what the system takes to list the values.
//! On Windows, or with Cargo's runner under Wine: `cargo bench --bench live --target x86_64-pc-windows-gnu`. It writes below
//! `HKLM\SOFTWARE\trueup bench`, and removes that again.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench tells its figures, and stops where it cannot measure"
)]

#[cfg(windows)]
fn main() {
    windows::main();
}

#[cfg(not(windows))]
fn main() {
    println!("skipped: only a running Windows, or Wine, has a registry of its own");
}

#[cfg(windows)]
mod windows {
    use std::fmt::Write as _;
    use std::time::{Duration, Instant};

    use trueup::apply::{Basis as _, DocumentBasis};
    use trueup::document::{Desired, FileReader, LoadOptions, ReadError, load};
    use trueup::machine::NoSecrets;
    use trueup::machine::local::LocalMachine;
    use trueup::plan::PlanOptions;
    use windows_registry::LOCAL_MACHINE;

    const KEY: &str = r"SOFTWARE\trueup bench";
    const SIZES: [u32; 2] = [100, 10_000];
    const RUNS: usize = 20;

    struct Text(String);

    impl FileReader for Text {
        fn read(&mut self, _: &str, _: usize) -> Result<Vec<u8>, ReadError> {
            Ok(self.0.clone().into_bytes())
        }
    }

    /// A key with so many values, and the document that asks for them.
    fn prepared(size: u32) -> Desired {
        let key = LOCAL_MACHINE.create(format!(r"{KEY}\{size}")).unwrap();
        let mut text = format!("version: 1\nregistry:\n  HKLM\\{KEY}\\{size}:\n    values:\n");
        for number in 0..size {
            key.set_u32(format!("Value{number}"), number).unwrap();
            writeln!(text, "      Value{number}: {number}").unwrap();
        }
        let loaded = load(&mut Text(text), &["bench.yaml".into()], &LoadOptions::default());
        loaded.unwrap_or_else(|_| std::process::abort()).desired
    }

    fn planned(machine: &LocalMachine, desired: &Desired) -> Duration {
        let since = Instant::now();
        let basis = DocumentBasis { desired, options: PlanOptions::at(jiff::Timestamp::now()) };
        let plan = basis.plan(&basis.facts(machine, &NoSecrets).unwrap()).unwrap();
        let took = since.elapsed();
        assert!(!plan.has_operations(), "all is as it is asked for");
        took
    }

    /// The same values by the system's own enumeration, and nothing else.
    fn listed(size: u32) -> Duration {
        let since = Instant::now();
        let key = LOCAL_MACHINE.open(format!(r"{KEY}\{size}")).unwrap();
        let count = key.values().unwrap().count();
        let took = since.elapsed();
        assert_eq!(u32::try_from(count), Ok(size));
        took
    }

    /// The medians of both sizes, and what one value more costs.
    fn tell(what: &str, times: [Vec<Duration>; 2]) -> f64 {
        let [few, many] = times.map(|mut times| {
            times.sort();
            times.into_iter().nth(RUNS / 2).unwrap().as_secs_f64() * 1e3
        });
        let slope = (many - few) * 1e3 / f64::from(SIZES[1] - SIZES[0]);
        println!(
            "{what}: {} values {few:.2} ms, {} values {many:.2} ms, slope {slope:.2} µs a value",
            SIZES[0], SIZES[1]
        );
        slope
    }

    pub fn main() {
        let machine = LocalMachine::open().unwrap();
        let documents = SIZES.map(prepared);
        let mut plans = SIZES.map(|_| Vec::with_capacity(RUNS));
        let mut lists = SIZES.map(|_| Vec::with_capacity(RUNS));
        for _ in 0..RUNS {
            for (at, size) in SIZES.into_iter().enumerate() {
                if let (Some(document), Some(plans), Some(lists)) =
                    (documents.get(at), plans.get_mut(at), lists.get_mut(at))
                {
                    lists.push(listed(size));
                    plans.push(planned(&machine, document));
                }
            }
        }
        LOCAL_MACHINE.remove_tree(KEY).unwrap();
        let listing = tell("RegEnumValueW alone", lists);
        let planning = tell("plan", plans);
        println!("plan beyond the listing: {:.2} µs a value", planning - listing);
    }
}
