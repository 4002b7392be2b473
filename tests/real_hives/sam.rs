//! Local groups of a real machine, beside what an independent reader finds in the same hive.

use trueup::machine::Machine as _;
use trueup::machine::image::{DirtyHives, ImageMachine};
use trueup::model::probe::{Answer, Probe};
use trueup::model::sid::Sid;

use super::image::image;
use super::witnesses::python;

/// Prints each group's SID, its name and its members' SIDs, and each account's SID and name, straight from the bytes.
const SCRIPT: &str = r#"
import struct, sys
from Registry import Registry

hive = Registry.Registry(sys.argv[1])

def text(sid):
    count = sid[1]
    numbers = struct.unpack_from('<%dI' % count, sid, 8)
    return 'S-1-%d-%s' % (int.from_bytes(sid[2:8], 'big'), '-'.join(map(str, numbers))), 8 + 4 * count

machine = text(hive.open('SAM\\Domains\\Account').value('V').raw_data()[-24:])[0]
for domain, above in (('Account', machine), ('Builtin', 'S-1-5-32')):
    for key in hive.open('SAM\\Domains\\%s\\Aliases' % domain).subkeys():
        if key.name() in ('Members', 'Names'):
            continue
        record = key.value('C').raw_data()
        relative, = struct.unpack_from('<I', record, 0)
        assert int(key.name(), 16) == relative
        name_at, name_length = struct.unpack_from('<II', record, 0x10)
        name = record[0x34 + name_at:0x34 + name_at + name_length].decode('utf-16-le')
        at, length, count = struct.unpack_from('<III', record, 0x28)
        members, rest = [], record[0x34 + at:0x34 + at + length]
        for _ in range(count):
            sid, size = text(rest)
            members.append(sid)
            rest = rest[size:]
        print('group', '%s-%d' % (above, relative), name, ','.join(sorted(members)), sep='|')
    for key in hive.open('SAM\\Domains\\%s\\Users\\Names' % domain).subkeys():
        print('user', '%s-%d' % (above, key.value('(default)').value_type()), key.name(), '', sep='|')
"#;

#[test]
fn groups_are_those_that_another_reader_finds() {
    let Some(folder) = image(&[("SAM", "Windows/System32/config/SAM")]) else { return };
    let folder_of_image = folder.path("image");
    let hive = folder_of_image.join("Windows/System32/config/SAM");
    let arguments = ["-c".as_ref(), SCRIPT.as_ref(), hive.as_os_str()];
    let Some(expected) = python("Registry", &arguments) else { return };
    let machine = ImageMachine::open(&folder_of_image, DirtyHives::Refuse).unwrap();
    let mut found = String::new();
    let mut groups = 0;
    for line in expected.lines() {
        let [kind, sid, name, _] = line.split('|').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let of: Sid = sid.parse().unwrap();
        assert_eq!(machine.probe(&Probe::AccountName { sid: of }), Ok(Answer::Name(name.into())));
        assert_eq!(machine.account(name), Ok(Some(of)), "{name}");
        let mut members = Vec::new();
        if kind == "group" {
            groups += 1;
            let Ok(Answer::Members(all)) = machine.probe(&Probe::Members { group: of }) else { panic!("{line}") };
            for member in &all {
                assert_eq!(machine.probe(&Probe::Member { group: of, member: *member }), Ok(Answer::Flag(true)));
            }
            members = all.iter().map(ToString::to_string).collect();
            members.sort_unstable();
        } else {
            assert_eq!(machine.probe(&Probe::Members { group: of }), Ok(Answer::Absent));
        }
        found.push_str(&format!("{kind}|{sid}|{name}|{}\n", members.join(",")));
    }
    assert_eq!(found, expected);
    assert!(groups > 10, "{groups} groups");
}
