//! Groups of an image: read from its SAM, changed by the running machine only.

use trueup::machine::Machine as _;
use trueup::machine::image::{DirtyHives, ImageMachine, sample};
use trueup::machine::snapshot::{self, SnapshotMachine};
use trueup::model::probe::{Answer, Probe};
use trueup::model::sid::Sid;
use trueup::model::time::FileTime;
use trueup::report::json;

use crate::world::{desired, facts, plan, start, told, try_apply};

fn image() -> (tempfile::TempDir, ImageMachine) {
    let folder = tempfile::tempdir().unwrap();
    sample::make(folder.path(), "ACS-SRV01", FileTime(0x01DC_0000_0000_0000)).unwrap();
    let machine = ImageMachine::open(folder.path(), DirtyHives::Refuse).unwrap();
    (folder, machine)
}

#[test]
fn what_differs_is_left_for_the_running_machine() {
    let (folder, image) = image();
    let desired = desired(
        r"accounts:
  Administrators: { members: ['ACS-SRV01\svc-acs', 'CORP\Server Admins'], lacks: [operator] }
  Remote Desktop Users: { members: ['.\svc-acs'], exclusive: true }
  Access Control Operators: { members: [operator], report_unmanaged: true }
  Remote Management Users: { members: [nobody] }
  Hyper-V Administrators: { members: [operator] }
",
    );
    let planned = plan(&image, &desired);
    assert_eq!(
        told(&planned),
        [
            r#"» accounts.Administrators["CORP\Server Admins"] accounts.unknown_account: `CORP\Server Admins` is not known here; the running machine asks its domain, or name it by its SID"#,
            r#"» accounts["Remote Desktop Users"][".\svc-acs"] accounts.not_member; accounts.deferred: the running machine changes who is in a group"#,
            r#"» accounts["Remote Desktop Users"].operator accounts.not_named; accounts.deferred: the running machine changes who is in a group"#,
            r#"! accounts["Remote Management Users"].nobody accounts.unknown_account: the machine does not know `nobody`; name the account by its SID"#,
            r#"! accounts["Hyper-V Administrators"] accounts.no_group: there is no such local group, and trueup makes none"#,
            r#"! accounts["Hyper-V Administrators"].operator accounts.no_group: there is no such local group, and trueup makes none"#,
        ]
    );
    let listed: Vec<String> = planned.unmanaged.iter().map(ToString::to_string).collect();
    assert_eq!(listed, [r#"accounts["Access Control Operators"].svc-acs"#]);
    assert_eq!(planned.operations().count(), 0);

    let captured = snapshot::to_json(&facts(&image, &desired), &[], start()).unwrap();
    let snapshot = SnapshotMachine::from_json(&captured).unwrap();
    assert_eq!(json::plan(&plan(&snapshot, &desired)).unwrap(), json::plan(&planned).unwrap());

    let sam = folder.path().join("Windows/System32/config/SAM");
    let before = std::fs::read(&sam).unwrap();
    let _ = try_apply(&image, &desired);
    assert_eq!(std::fs::read(&sam).unwrap(), before, "the SAM is never written");
}

#[test]
fn names_and_members_are_those_of_the_hive() {
    let (_folder, image) = image();
    let of = |name: &str| image.account(name).unwrap().unwrap_or_else(|| panic!("{name}"));
    let operators = of("Access Control Operators");
    let (service, operator) = (of("svc-acs"), of("operator"));
    assert_eq!(image.probe(&Probe::Members { group: operators }), Ok(Answer::Members(vec![service, operator])));
    assert_eq!(image.probe(&Probe::Member { group: Sid::ADMINISTRATORS, member: service }), Ok(Answer::Flag(true)));
    assert_eq!(image.probe(&Probe::Member { group: Sid::USERS, member: Sid::SYSTEM }), Ok(Answer::Flag(false)));
    assert_eq!(image.probe(&Probe::AccountName { sid: service }), Ok(Answer::Name("svc-acs".into())));
    assert_eq!(image.probe(&Probe::AccountName { sid: Sid::USERS }), Ok(Answer::Name("Users".into())));
    let foreign: Sid = "S-1-5-21-7-8-9-500".parse().unwrap();
    assert_eq!(image.probe(&Probe::AccountName { sid: foreign }), Ok(Answer::Elsewhere));
    assert_eq!(image.probe(&Probe::Members { group: foreign }), Ok(Answer::Absent));
    let parts: Vec<u32> = service.sub_authorities().iter().copied().take(4).chain([4711]).collect();
    let gone = Sid::new(5, &parts).unwrap();
    assert_eq!(image.probe(&Probe::AccountName { sid: gone }), Ok(Answer::Absent));
    assert_eq!(image.probe(&Probe::MembersChangeable), Ok(Answer::Flag(false)));
}
