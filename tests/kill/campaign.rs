//! Kills the program again and again, finishes or undoes what was left, and looks whether all is as it must be.

use std::collections::BTreeMap;
use std::process::Child;
use std::time::{Duration, Instant};

use trueup::apply::{Basis as _, DocumentBasis, RunOutcome, history};
use trueup::document::{Desired, FileReader, LoadOptions, ReadError, load};
use trueup::machine::{Machine as _, NoSecrets, RunName};
use trueup::plan::PlanOptions;

use super::large::{self, Side};
use super::look::{Content, Moment, content, differences, machine, moment};
use crate::program::{Folder, Run};

const KILLS: usize = 25;
const SEED: u64 = 0x7472_7565;
/// One recovery in so many is killed too.
const KILLED_RECOVERIES: usize = 4;
/// What a recovery is killed at most.
const KILLS_OF_ONE: usize = 3;

/// So many runs are remembered, and down to so many they are forgotten.
const MOST_RUNS: usize = 60;
const KEPT_RUNS: usize = 20;

const JOURNALS: &str = "image/ProgramData/trueup/journal";
const IMAGE: [&str; 2] = ["-m", "image:image"];

#[test]
fn a_program_killed_at_any_time_leaves_what_can_be_finished_or_undone() {
    let kills = number("TRUEUP_KILLS").unwrap_or(KILLS as u64) as usize;
    let seed = number("TRUEUP_KILL_SEED").unwrap_or(SEED);
    let started = Instant::now();
    let mut campaign = Campaign::new(seed);
    println!("seed {seed}; an undisturbed run takes {:?}", campaign.usual);
    while campaign.tally.kills < kills {
        campaign.round();
    }
    println!("{}\n{:.0} s", campaign.tally, started.elapsed().as_secs_f64());
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

/// What happened so far.
#[derive(Default)]
struct Tally {
    kills: usize,
    moments: BTreeMap<Moment, usize>,
    finished: usize,
    undone: usize,
    /// By moment, kills of recoveries.
    recoveries: BTreeMap<Moment, usize>,
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{} kills: {:?}", self.kills, self.moments)?;
        writeln!(f, "recovered by finishing: {}, by undoing: {}", self.finished, self.undone)?;
        write!(f, "of the kills, while recovering: {:?}", self.recoveries)
    }
}

struct Campaign {
    folder: Folder,
    random: Box<dyn FnMut(usize) -> usize>,
    /// How long a run takes that nobody kills.
    usual: Duration,
    wanted: [Content; 2],
    desired: [Desired; 2],
    here: Side,
    tally: Tally,
}

impl Campaign {
    fn new(seed: u64) -> Self {
        let folder = large::folder();
        apply(&folder, Side::B, &[]).exits(0);
        let b = content(&folder);
        let start = Instant::now();
        apply(&folder, Side::A, &[]).exits(0).says(&["0 failed, 0 skipped"]);
        let usual = start.elapsed();
        let a = content(&folder);
        assert!(differences(&a, &b).len() > 200);
        apply(&folder, Side::B, &[]).exits(0);
        assert_eq!(differences(&content(&folder), &b), [""; 0], "each document leads to one state");
        let desired = Side::BOTH.map(|side| desired(&folder, side));
        let random = Box::new(seeded(seed));
        Self { folder, random, usual, wanted: [a, b], desired, here: Side::B, tally: Tally::default() }
    }

    /// Starts towards the other document, kills, and finishes or undoes.
    fn round(&mut self) {
        self.forget_old();
        let (from, to) = (self.here, self.here.other());
        let runs = self.runs();
        let moment = self.kill(&arguments(to, &[]), &runs);
        *self.tally.moments.entry(moment).or_default() += 1;
        let context = format!("kill {} at {moment:?} on the way from {from:?} to {to:?}", self.tally.kills);
        let finish = (self.random)(2) == 0;
        let recovery: Vec<&str> = if finish {
            arguments(to, &["--resume"])
        } else {
            [&["apply", "--undo", "--auto-approve"][..], &IMAGE].concat()
        };
        if (self.random)(KILLED_RECOVERIES) == 0 {
            for _ in 0..=(self.random)(KILLS_OF_ONE) {
                let runs = self.runs();
                let again = self.kill(&recovery, &runs);
                *self.tally.moments.entry(again).or_default() += 1;
                *self.tally.recoveries.entry(again).or_default() += 1;
            }
        }
        let context = format!("{context}, then {recovery:?}");
        let run = self.folder.run(&recovery);
        // The recovery that was killed may have come to its end before.
        match run.code {
            0 => {}
            4 if !finish && run.stderr.contains("no run stopped before its end") => {}
            code => self.broken(&format!("{context}: exit code {code}\n{}{}", run.stdout, run.stderr)),
        }
        let found = content(&self.folder);
        let at = |side: Side| found == self.wanted[side as usize];
        let is_nothing = run.code == 4;
        let reached = if finish || (is_nothing && at(to)) { to } else { from };
        // A run that had ended before it could be killed is not undone by a recovery that finds nothing.
        let may_be_ended = is_nothing && matches!(moment, Moment::Ended);
        if !at(reached) || (!finish && reached == to && !may_be_ended) {
            let wanted = &self.wanted[reached as usize];
            self.broken(&format!("{context}: not at {reached:?}: {:?}", differences(&found, wanted)));
        }
        *(if finish { &mut self.tally.finished } else { &mut self.tally.undone }) += 1;
        self.check(reached, &context);
        self.here = reached;
    }

    /// Starts the program and kills it: at any time of its run, or at any time after its journal is there.
    fn kill(&mut self, arguments: &[&str], runs: &[RunName]) -> Moment {
        let mut child = self
            .folder
            .command(arguments)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let whole = self.usual.as_micros() as usize;
        if (self.random)(2) == 0 {
            std::thread::sleep(Duration::from_micros((self.random)(whole + whole / 10) as u64));
        } else {
            let start = Instant::now();
            while start.elapsed() < self.usual * 2 && !has_ended(&mut child) && journals(&self.folder) <= runs.len() {
                std::thread::sleep(Duration::from_micros(200));
            }
            std::thread::sleep(Duration::from_micros((self.random)(whole * 2 / 3) as u64));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        self.tally.kills += 1;
        moment(&self.folder.path("image"), runs)
    }

    /// Removes old journals, which would only make each look at the history take longer.
    fn forget_old(&self) {
        let runs = self.runs();
        let old = if runs.len() > MOST_RUNS { runs.len() - KEPT_RUNS } else { 0 };
        for run in &runs[..old] {
            std::fs::remove_file(self.folder.path(&format!("{JOURNALS}/{run}.jsonl"))).unwrap();
        }
    }

    fn runs(&self) -> Vec<RunName> {
        machine(&self.folder.path("image")).runs().unwrap()
    }

    /// Looks at everything beside the hives' content.
    fn check(&self, side: Side, context: &str) {
        let told = self.folder.run(&[&["history"][..], &IMAGE].concat()).exits(0);
        assert!(!told.stdout.contains("STOPPED"), "{context}: {}", told.stdout);
        let image = machine(&self.folder.path("image"));
        for run in history(&image).unwrap() {
            if let RunOutcome::Unreadable { why } = &run.outcome {
                assert_eq!(why, "it stopped before its first line was whole", "{context}: {}", run.run);
            }
        }
        image.record().unwrap().expect("there is a record");
        let basis = DocumentBasis { desired: &self.desired[side as usize], options: PlanOptions::at(as_of()) };
        let plan = basis.plan(&basis.facts(&image, &NoSecrets).unwrap()).unwrap();
        assert_eq!(plan.operations().count(), 0, "{context}");
        let left: Vec<_> = self
            .folder
            .states("image/Windows/System32/config")
            .into_keys()
            .filter(|name| name.starts_with(".trueup-"))
            .collect();
        assert!(left.len() <= 1, "{context}: {left:?}");
    }

    fn broken(&self, why: &str) -> ! {
        let kept = std::env::temp_dir().join(format!("trueup-kill-{}", std::process::id()));
        let _ = std::process::Command::new("cp").arg("-a").arg(self.folder.path("")).arg(&kept).status();
        panic!("{why}\nthe folder is kept as {}\n{}", kept.display(), self.tally);
    }
}

fn as_of() -> jiff::Timestamp {
    crate::program::AS_OF.parse().unwrap()
}

fn arguments<'a>(side: Side, more: &[&'a str]) -> Vec<&'a str> {
    [&["apply", side.file(), "--auto-approve"][..], &IMAGE, more].concat()
}

fn apply(folder: &Folder, side: Side, more: &[&str]) -> Run {
    folder.run(&arguments(side, more))
}

fn has_ended(child: &mut Child) -> bool {
    child.try_wait().unwrap().is_some()
}

fn journals(folder: &Folder) -> usize {
    std::fs::read_dir(folder.path(JOURNALS)).map_or(0, Iterator::count)
}

fn desired(folder: &Folder, side: Side) -> Desired {
    struct Document(Vec<u8>);
    impl FileReader for Document {
        fn read(&mut self, _: &str, _: usize) -> Result<Vec<u8>, ReadError> {
            Ok(self.0.clone())
        }
    }
    let file = side.file().to_owned();
    load(&mut Document(folder.read(&file)), &[file], &LoadOptions::default()).expect("it is a document").desired
}

/// Picks numbers below a bound, the same ones for the same seed (Steele et al., SplitMix64).
fn seeded(mut seed: u64) -> impl FnMut(usize) -> usize {
    move |bound| {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound.max(1) as u64) as usize
    }
}
