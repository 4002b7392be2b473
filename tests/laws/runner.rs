//! Runs a law over generated cases: how many, from which seed, and what is told when one breaks it.

use std::fmt::Debug;

use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

/// The seed of a run that asks for nothing else: the same cases everywhere.
const SEED: u64 = 20_260_101;

pub type Law = Result<(), TestCaseError>;

fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// The cases asked for on the command line.
fn asked_cases() -> Option<u32> {
    asked("TRUEUP_LAW_CASES").or_else(|| asked("PROPTEST_CASES")).and_then(|cases| u32::try_from(cases).ok())
}

pub fn rng(seed: u64) -> TestRng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)
}

/// Runs `look` over so many cases from the seed that is always the same, whatever was asked for.
pub fn look_at<S: Strategy>(cases: u32, strategy: &S, mut look: impl FnMut(S::Value)) {
    let mut runner = TestRunner::new_with_rng(Config::default(), rng(SEED));
    for _ in 0..cases {
        look(strategy.new_tree(&mut runner).expect("cases can be made").current());
    }
}

/// Runs `law` over `cases` cases, or over as many as were asked for.
pub fn check<S: Strategy>(cases: u32, strategy: &S, law: impl Fn(S::Value) -> Law)
where
    S::Value: Debug,
{
    check_weighed(cases, 1, strategy, law);
}

/// As [`check`], where a case does the work of `weight` cases: when more are asked for, so many fewer are run.
pub fn check_weighed<S: Strategy>(cases: u32, weight: u32, strategy: &S, law: impl Fn(S::Value) -> Law)
where
    S::Value: Debug,
{
    let (cases, fresh) = match asked_cases() {
        Some(asked) => ((asked / weight).max(1), jiff::Timestamp::now().as_nanosecond().unsigned_abs() as u64),
        None => (cases, SEED),
    };
    let seed = asked("TRUEUP_LAW_SEED").unwrap_or(fresh);
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: asked("TRUEUP_LAW_SHRINK").map_or(2_000, |most| most as u32),
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, rng(seed));
    if let Err(broken) = runner.run(strategy, law) {
        panic!("TRUEUP_LAW_SEED={seed} TRUEUP_LAW_CASES={} breaks it again\n{broken}", cases.saturating_mul(weight));
    }
}
