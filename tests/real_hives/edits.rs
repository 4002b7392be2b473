//! One document over five real hives: what it names is written, and every other key and value stays as it was.

use trueup::formats::regf::Hive;

use super::dump::{Edit, complaints, ours, theirs};
use super::image::{BCD, NTUSER, SAM, SECURITY, SID, SYSTEM, document, image};
use super::witnesses::{hivexsh, strict};
use crate::program::{AS_OF, Folder, changes};

const HIVES: [(&str, &str); 5] =
    [("SYSTEM_WIN_10_1709", SYSTEM), ("SAM", SAM), ("SECURITY", SECURITY), ("BCD", BCD), ("NTUSER.DAT", NTUSER)];
const PROTOCOLS: &str = r"\ControlSet001\Control\SecurityProviders\SCHANNEL\Protocols";

/// `@` is replaced by a blob of 20,000 bytes, `#` by the user's SID.
const DOCUMENT: &str = r"
  HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.0\Client: { values: { Enabled: 0, DisabledByDefault: 1 } }
  HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.0\Server: { values: { Enabled: 0, DisabledByDefault: 1 } }
  HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.1\Client: { values: { Enabled: 0, DisabledByDefault: 1 } }
  HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.1\Server: { values: { Enabled: 0, DisabledByDefault: 1 } }
  hklm\system\CURRENTCONTROLSET\Services\http\parameters: { values: { MaxRequestBytes: { dword: 0x8000 } } }
  HKLM\SYSTEM\CurrentControlSet\Control\Lsa:
    values: { LIMITBLANKPASSWORDUSE: 0, Bounds: absent, NoLmHash: '1', Notification Packages: [scecli, rassfm], Größe: groß }
  HKLM\SYSTEM\ControlSet001\Control\ProductOptions: { values: { ProductPolicy: { binary: '@' } } }
  HKLM\SYSTEM\CurrentControlSet\Services\Beep: { values: { Blob: { binary: '@' } } }
  HKLM\SYSTEM\CurrentControlSet\Services\3ware: { ensure: absent }
  HKLM\SYSTEM\CurrentControlSet\Services\zz1394: { renamed_from: HKLM\SYSTEM\CurrentControlSet\Services\1394ohci, values: { Start: 4 } }
  HKLM\SYSTEM\CurrentControlSet\Control\Windows: { security: { grant: [{ to: 'IIS AppPool\PMAdmin', rights: full }] } }
  HKLM\SAM\SAM: { values: { ServerDomainUpdates: { binary: 'fe 02' }, Added: 7 } }
  HKLM\SAM\SAM\RXACT: { ensure: absent }
  HKLM\SAM\SAM\Domains\Account\Users\Names\Visitor: { renamed_from: HKLM\SAM\SAM\Domains\Account\Users\Names\Guest }
  HKLM\SAM\SAM\New\Deeper: { values: { A: [x, y] } }
  HKLM\SECURITY\Cache: { values: { NL$5: absent, Added: { none: '00 ff' } } }
  HKLM\SECURITY\Policy\Accounts\S-1-1-0\ActSysAc: { values: { (default): { none: '07 00 00 00' } } }
  HKLM\SECURITY\Policy\LastPassDone: { renamed_from: HKLM\SECURITY\Policy\LastPassCompleted }
  HKLM\SECURITY\RXACT: { ensure: absent }
  HKLM\BCD00000000\Description: { values: { TreatAsSystem: 0, GuidCache: absent, Added: { qword: 0x1122334455667788 } } }
  HKLM\BCD00000000\Objects\{0ce4991b-e6b3-4b16-b23c-5e0d9250e5d9}: { ensure: absent }
  HKLM\BCD00000000\Objects\{4636856e-540f-4170-a130-a84776f4c655}: { renamed_from: 'HKLM\BCD00000000\Objects\{4636856e-540f-4170-a130-a84776f4c654}' }
  HKU\Preston\Environment: { values: { TEMP: { expand: '%USERPROFILE%\Temp' }, TMP: absent, Days: '30' } }
  HKU\#\Console: { values: { ColorTable00: 0x102030 } }
  HKU\#\Identities: { ensure: absent }
  HKU\#\EUDC kept: { renamed_from: HKU\#\EUDC }
";

fn text(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

fn number(number: u32) -> Vec<u8> {
    number.to_le_bytes().to_vec()
}

fn blob() -> Vec<u8> {
    (0..20_000_u32).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect()
}

/// The same as the document, hive by hive.
fn edits(place: &str) -> Vec<Edit> {
    use Edit::{Create, Put, Remove, RemoveTree, Rename, Secure};
    const LSA: &str = r"\ControlSet001\Control\Lsa";
    let protocol = |keys: [&'static str; 3]| {
        let values = |key| [Put(key, "Enabled", 4, number(0)), Put(key, "DisabledByDefault", 4, number(1))];
        keys.map(Create).into_iter().chain(values(keys[1])).chain(values(keys[2]))
    };
    match place {
        SYSTEM => protocol([
            r"\ControlSet001\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.0",
            r"\ControlSet001\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.0\Client",
            r"\ControlSet001\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.0\Server",
        ])
        .chain(protocol([
            r"\ControlSet001\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.1",
            r"\ControlSet001\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.1\Client",
            r"\ControlSet001\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.1\Server",
        ]))
        .chain([
            Put(r"\ControlSet001\Services\HTTP\Parameters", "MaxRequestBytes", 4, number(0x8000)),
            Put(LSA, "LimitBlankPasswordUse", 4, number(0)),
            Remove(LSA, "Bounds"),
            Put(LSA, "NoLmHash", 1, text("1")),
            Put(LSA, "Notification Packages", 7, text("scecli\0rassfm\0")),
            Put(LSA, "Größe", 1, text("groß")),
            Put(r"\ControlSet001\Control\ProductOptions", "ProductPolicy", 3, blob()),
            Put(r"\ControlSet001\Services\Beep", "Blob", 3, blob()),
            RemoveTree(r"\ControlSet001\Services\3ware"),
            Rename(r"\ControlSet001\Services\1394ohci", r"\ControlSet001\Services\zz1394"),
            Put(r"\ControlSet001\Services\zz1394", "Start", 4, number(4)),
            Secure(r"\ControlSet001\Control\Windows"),
        ])
        .collect(),
        SAM => vec![
            Put(r"\SAM", "ServerDomainUpdates", 3, vec![0xFE, 2]),
            Put(r"\SAM", "Added", 4, number(7)),
            RemoveTree(r"\SAM\RXACT"),
            Rename(r"\SAM\Domains\Account\Users\Names\Guest", r"\SAM\Domains\Account\Users\Names\Visitor"),
            Create(r"\SAM\New"),
            Create(r"\SAM\New\Deeper"),
            Put(r"\SAM\New\Deeper", "A", 7, text("x\0y\0")),
        ],
        SECURITY => vec![
            Remove(r"\Cache", "NL$5"),
            Put(r"\Cache", "Added", 0, vec![0, 0xFF]),
            Put(r"\Policy\Accounts\S-1-1-0\ActSysAc", "", 0, number(7)),
            Rename(r"\Policy\LastPassCompleted", r"\Policy\LastPassDone"),
            RemoveTree(r"\RXACT"),
        ],
        BCD => vec![
            Put(r"\Description", "TreatAsSystem", 4, number(0)),
            Remove(r"\Description", "GuidCache"),
            Put(r"\Description", "Added", 11, 0x1122_3344_5566_7788_u64.to_le_bytes().to_vec()),
            RemoveTree(r"\Objects\{0ce4991b-e6b3-4b16-b23c-5e0d9250e5d9}"),
            Rename(
                r"\Objects\{4636856e-540f-4170-a130-a84776f4c654}",
                r"\Objects\{4636856e-540f-4170-a130-a84776f4c655}",
            ),
        ],
        NTUSER => vec![
            Put(r"\Environment", "TEMP", 2, text(r"%USERPROFILE%\Temp")),
            Remove(r"\Environment", "TMP"),
            Put(r"\Environment", "Days", 1, text("30")),
            Put(r"\Console", "ColorTable00", 4, number(0x0010_2030)),
            RemoveTree(r"\Identities"),
            Rename(r"\EUDC", r"\EUDC kept"),
        ],
        _ => Vec::new(),
    }
}

#[test]
fn what_is_named_is_written_and_nothing_else() {
    let Some(folder) = image(&HIVES) else { return };
    let hex: String = blob().iter().map(|byte| format!("{byte:02x}")).collect();
    document(&folder, &DOCUMENT.replace('@', &hex).replace('#', SID));
    let before = folder.states("image");
    let strict_before: Vec<_> = HIVES.map(|(_, place)| strict(&folder.path(&format!("image/{place}")))).into();

    let machine = ["-m", "image:image", "--accept-dirty", "--as-of", AS_OF];
    let run = |command: &[&str]| folder.run(&[command, &machine].concat());
    run(&["plan", "site.yaml", "--detailed-exitcode"]).exits(2);
    assert_eq!(changes(&before, &folder.states("image")), "", "a plan writes nothing");
    let applied = run(&["apply", "site.yaml", "--auto-approve"]).exits(0);
    applied.says(&[" 0 failed, 0 skipped", "planning again finds nothing to do"]);

    let settled = folder.states("image");
    for ((_, place), strict_before) in HIVES.into_iter().zip(strict_before) {
        compare(&before[place].bytes, &settled[place].bytes, place);
        if let (Some(before), Some(after)) = (strict_before, strict(&folder.path(&format!("image/{place}")))) {
            let new: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
            assert!(new.is_empty(), "{place}: {new:?}");
            assert!(!after.contains(&"dirty seq".to_owned()), "{place} is clean");
        }
    }
    let untouched = |name: &&String| !HIVES.iter().any(|(_, place)| name == place) && !name.contains("ProgramData");
    for name in before.keys().filter(untouched).filter(|name| !name.ends_with('/')) {
        assert!(before[name] == settled[name], "{name} is not the document's business");
    }
    hivexsh_reads(&folder);

    run(&["apply", "site.yaml", "--auto-approve"]).exits(0).says(&["Nothing to do"]);
    run(&["plan", "site.yaml", "--detailed-exitcode"]).exits(0);
    assert_eq!(changes(&settled, &folder.states("image")), "", "the second run writes nothing");
}

fn compare(before: &[u8], after: &[u8], place: &str) {
    let edits = edits(place);
    let (was, is) = (ours(before), ours(after));
    let found = complaints(&was, &is, &edits);
    assert!(found.is_empty(), "{place}: {found:#?}");
    if place == SYSTEM {
        // Windows made `Protocols` by inheritance, from a key with the same entries.
        let above = access(after, PROTOCOLS);
        for name in ["TLS 1.0", r"TLS 1.0\Client", r"TLS 1.1\Server"] {
            assert_eq!(access(after, &format!("{PROTOCOLS}\\{name}")), above);
        }
    }
    if let (Some(was), Some(is)) = (theirs(before), theirs(after)) {
        assert!(was.len() > 10, "{place} is not empty");
        let found = complaints(&was, &is, &edits);
        assert!(found.is_empty(), "{place}, as python-registry sees it: {found:#?}");
    }
}

/// The access list of a key's security descriptor.
fn access(hive: &[u8], path: &str) -> Vec<u8> {
    let hive = Hive::open_dirty(hive).unwrap();
    let names: Vec<&str> = path.split('\\').skip(1).collect();
    let descriptor = hive.key(&names).unwrap().unwrap().security().unwrap().to_vec();
    let at = usize::try_from(u32::from_le_bytes(descriptor[16..20].try_into().unwrap())).unwrap();
    let length = usize::from(u16::from_le_bytes(descriptor[at + 2..at + 4].try_into().unwrap()));
    descriptor[at..at + length].to_vec()
}

fn hivexsh_reads(folder: &Folder) {
    let cases = [
        (
            SYSTEM,
            r"cd \ControlSet001\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.0\Client",
            "lsval",
            "\"Enabled\"=dword:00000000\n\"DisabledByDefault\"=dword:00000001\n",
        ),
        (SYSTEM, r"cd \ControlSet001\Services\HTTP\Parameters", "lsval", "\"MaxRequestBytes\"=dword:00008000\n"),
        (SYSTEM, r"cd \ControlSet001\Control\Lsa", "lsval NoLmHash", "1\n"),
        (SYSTEM, r"cd \ControlSet001\Control\Lsa", "lsval Notification Packages", "scecli\nrassfm\n\n"),
        (SAM, r"cd \SAM\New\Deeper", "lsval A", "x\ny\n\n"),
        (SECURITY, r"cd \Policy\Accounts\S-1-1-0\ActSysAc", "lsval", "\"@\"=hex(0):07,00,00,00\n"),
        (BCD, r"cd \Description", "lsval Added", "1234605616436508552\n"),
        (NTUSER, r"cd \Environment", "lsval TEMP", "%USERPROFILE%\\Temp\n"),
        (NTUSER, r"cd \Environment", "lsval Days", "30\n"),
    ];
    for (place, go, look, expected) in cases {
        let Some(said) = hivexsh(&folder.path(&format!("image/{place}")), &format!("{go}\n{look}\n")) else { return };
        assert_eq!(said, expected, "{place} {go} {look}");
    }
}
