//! The same requirements on an image, on a snapshot of it and on a machine in memory that holds the same.

use trueup::machine::image::{DirtyHives, ImageMachine, sample};
use trueup::machine::snapshot::{self, SnapshotMachine};
use trueup::model::time::FileTime;
use trueup::report::json;

use super::world::{desired, facts, plan, start, told};

const DOCUMENT: &str = r"
requires:
  windows: { os: { version: '>=2016, <=2022', build: '>=20348', edition: [ServerStandard], installation: [server] } }
  framework: { dotnet: '>=4.8' }
  server: { software: { name: Access Control Server, version: '>=2.90', publisher: Example AG } }
  database: { sql_server: '>=2017, <=2019' }
  jdk: { java: { version: 11, kind: jdk } }
  web: { iis: '>=7' }
  radius: { role: network_policy_server }
  member: { role: { name: domain_controller, absent: true } }
  settings: { file: 'C:\Windows\System32\drivers\etc\hosts' }
  runtime: { dotnet_runtime: 8 }
  elsewhere: { file: 'Q:\data' }
  room: { disk: 40GiB }
  rights: { admin: true }
";

#[test]
fn an_image_answers_what_it_holds_and_defers_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    sample::make(folder.path(), "ACS-SRV01", FileTime(0x01DC_0000_0000_0000)).unwrap();
    let image = ImageMachine::open(folder.path(), DirtyHives::Refuse).unwrap();
    let desired = desired(DOCUMENT);
    let planned = plan(&image, &desired);
    let told = told(&planned);
    let begins: Vec<&str> = told.iter().map(|line| line.split(": ").next().unwrap_or_default()).collect();
    assert_eq!(
        begins,
        [
            "! requires.runtime requires.unmet",
            "» requires.elsewhere requires.unsupported",
            "» requires.room requires.unsupported",
            "» requires.rights requires.unsupported",
        ],
        "{told:#?}"
    );

    let captured = snapshot::to_json(&facts(&image, &desired), &[], start()).unwrap();
    let snapshot = SnapshotMachine::from_json(&captured).unwrap();
    assert_eq!(json::plan(&plan(&snapshot, &desired)).unwrap(), json::plan(&planned).unwrap());
}
