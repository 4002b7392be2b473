//! Makes runs that stop before their end, as a power cut would leave them.

use trueup::apply::{ApplyOptions, Basis as _, DocumentBasis, Progress, apply};
use trueup::document::{Desired, FileReader, LoadOptions, ReadError, load};
use trueup::formats::hold::HoldKey;
use trueup::machine::SecretSource;
use trueup::machine::faulty::{Fault, FaultyMachine};
use trueup::machine::image::{DirtyHives, ImageMachine};
use trueup::model::operation::Hold;
use trueup::model::secret::SecretReference;
use trueup::plan::PlanOptions;
use zeroize::Zeroizing;

use crate::program::{AS_OF, Folder};

/// When a run stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Everything was written ahead, and nothing of it is on the machine.
    BeforeTheHive,
    /// The hive was replaced, and the journal does not know.
    AfterTheHive,
}

struct Silent;

impl Progress for Silent {
    fn phase(&mut self, _: &'static str, _: usize) {}
}

struct OneSecret<'s>(&'s str);

impl SecretSource for OneSecret<'_> {
    fn resolve(&self, _: &SecretReference) -> Result<Zeroizing<String>, String> {
        Ok(Zeroizing::new(self.0.to_owned()))
    }
}

struct OnDisk<'f>(&'f Folder);

impl FileReader for OnDisk<'_> {
    fn read(&mut self, name: &str, _: usize) -> Result<Vec<u8>, ReadError> {
        Ok(self.0.read(name))
    }
}

fn desired(folder: &Folder, document: &str) -> Desired {
    load(&mut OnDisk(folder), &[document.to_owned()], &LoadOptions::default()).expect("it loads").desired
}

/// Applies a document of the folder to its image in this process, and stops.
pub fn stop(folder: &Folder, document: &str, secret: &str, key: Option<&HoldKey>, stop: Stop) {
    let desired = desired(folder, document);
    let as_of = AS_OF.parse().expect("it is a time");
    let hold = Hold::of(key);
    let basis = DocumentBasis { desired: &desired, options: PlanOptions { hold, ..PlanOptions::at(as_of) } };
    let secrets = OneSecret(secret);
    let options = ApplyOptions {
        hold: key,
        ..ApplyOptions::new("somebody@elsewhere (process 7)", jiff::Timestamp::now(), &secrets)
    };
    let image = ImageMachine::open(&folder.path("image"), DirtyHives::Refuse).expect("it is a volume");
    let facts = basis.facts(&image, &secrets).expect("it is observed");
    let plan = basis.plan(&facts).expect("there is an order");
    let has_key = folder.path("image/ProgramData/trueup/fingerprint.key").exists();
    // What is held and the key of fingerprints come first. Then the journal is opened, begun and synced; each step is staged; the
    // commit is made ready, written ahead and synced.
    let first = usize::from(basis.has_secrets() && !has_key) + usize::from(key.is_some());
    let written_ahead = first + 3 + plan.operations().count() + 1 + 2;
    let (fault, at) = match stop {
        Stop::BeforeTheHive => (Fault::StopBefore, written_ahead + 1),
        Stop::AfterTheHive => (Fault::StopAfter, written_ahead + 1),
    };
    let faulty = FaultyMachine::new(&image, fault, at);
    let stopped = apply(&faulty, &basis, &plan, &facts, &options, &mut Silent).expect_err("it stops");
    assert!(stopped.to_string().contains("trying to commit"), "{stopped}");
}
