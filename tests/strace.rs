//! What the program asks of the system, as `strace` sees it: every file is written, waited for, renamed into place and its folder
//! waited for, in this order and after the journal; commands that only look open nothing for writing.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests are not seen as tests"
)]

mod program;

use std::path::Path;
use std::process::Command;

use program::{AS_OF, Folder, binary};
use trueup::machine::image::sample;
use trueup::model::time::FileTime;

const CALLS: &str = "open,openat,openat2,creat,write,pwrite64,writev,pwritev,pwritev2,fsync,fdatasync,sync_file_range,syncfs,rename,renameat,renameat2,ftruncate,truncate,unlink,unlinkat,mkdir,mkdirat,link,linkat,symlink,symlinkat,chmod,fchmod,fchmodat,chown,fchown,fchownat,utimensat,sendfile,copy_file_range,mmap";
const DOCUMENT: &str = "version: 1
registry:
  HKLM\\SYSTEM\\CurrentControlSet\\Services\\HTTP\\Parameters: { values: { MaxRequestBytes: 0x8000 } }
  HKLM\\SOFTWARE\\Vendor: { values: { Server: a.corp.example, Token: { sz: { env: TOKEN } } } }
";
const RECORD: &str = "image/ProgramData/trueup";
const CONFIG: &str = "image/Windows/System32/config";

/// One call that succeeded.
#[derive(Debug)]
struct Call {
    name: String,
    rest: String,
}

impl Call {
    /// `123 fsync(5</x/y>) = 0`; none for signals, exits and calls that failed.
    fn parse(line: &str) -> Option<Self> {
        let line = line.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
        let (name, rest) = line.split_once('(')?;
        let result = rest.rsplit_once(" = ")?.1;
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        (is_name && !result.starts_with('-')).then(|| Self { name: name.into(), rest: rest.into() })
    }

    /// The path of the first open file among the arguments.
    fn file(&self) -> &str {
        let path = self.rest.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
        path.map_or("", |(path, _)| path)
    }

    /// The texts in quotes among the arguments.
    fn quoted(&self) -> Vec<&str> {
        self.rest.split('"').skip(1).step_by(2).collect()
    }

    fn is_write(&self) -> bool {
        matches!(&*self.name, "write" | "pwrite64" | "writev" | "pwritev" | "pwritev2" | "sendfile" | "copy_file_range")
    }

    fn is_sync(&self) -> bool {
        matches!(&*self.name, "fsync" | "fdatasync")
    }

    fn is_rename(&self) -> bool {
        self.name.starts_with("rename")
    }

    /// Whether it changes something that has a name, but for devices and pipes.
    fn changes(&self) -> bool {
        let file = self.file();
        match &*self.name {
            "open" | "openat" | "openat2" | "creat" => {
                ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"].iter().any(|flag| self.rest.contains(flag))
                    && !self.quoted().iter().any(|path| path.starts_with("/dev/") || path.starts_with("/proc/"))
            }
            "mmap" => self.rest.contains("MAP_SHARED") && self.rest.contains("PROT_WRITE") && file.starts_with('/'),
            "fsync" | "fdatasync" | "sync_file_range" | "syncfs" => false,
            _ if self.is_write() => file.starts_with('/') && !file.starts_with("/dev/"),
            _ => true,
        }
    }
}

fn traced(folder: &Folder, arguments: &[&str]) -> Vec<Call> {
    let log = folder.path("strace.log");
    let output = Command::new("strace")
        .args(["-f", "-y", "-s", "4096", "-e", &format!("trace={CALLS}"), "-o"])
        .arg(&log)
        .arg(binary())
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("TOKEN", "a token")
        .current_dir(folder.path(""))
        .output()
        .unwrap_or_else(|error| panic!("strace cannot be started ({error}); `.ci/setup packages` installs it"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !said.contains("PTRACE") && !said.contains("ptrace("),
        "this host lets nobody trace a process, and the order of writes cannot be seen: {said}"
    );
    assert_eq!(output.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&output.stdout));
    let calls: Vec<Call> = std::fs::read_to_string(&log).unwrap().lines().filter_map(Call::parse).collect();
    assert!(calls.len() > 20, "strace saw next to nothing");
    calls
}

fn image() -> Folder {
    let folder = Folder::new();
    sample::make(&folder.path("image"), "ACS-SRV01", FileTime(134_143_776_000_000_000)).unwrap();
    folder.write("site.yaml", DOCUMENT);
    folder
}

fn apply(folder: &Folder, more: &[&str]) -> Vec<Call> {
    traced(folder, &[&["apply", "site.yaml", "-m", "image:image", "--as-of", AS_OF, "--auto-approve"], more].concat())
}

/// The files that were renamed into place, in this order, by their paths below `folder`.
fn replaced(folder: &Folder, calls: &[Call]) -> Vec<String> {
    let root = folder.path("").canonicalize().unwrap();
    let mut replaced = Vec::new();
    for (at, call) in calls.iter().enumerate().filter(|(_, call)| call.is_rename()) {
        let quoted = call.quoted();
        let [from, to] = quoted[..] else { panic!("{call:?}") };
        let place = Path::new(call.file());
        let (temporary, target) = (place.join(from), place.join(to));
        let name = target.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        let is_of = |call: &&Call| Path::new(call.file()) == temporary;
        let before = &calls[..at];
        let written = before.iter().rposition(|call| call.is_write() && is_of(&call));
        let synced = before.iter().rposition(|call| call.is_sync() && is_of(&call));
        assert!(written.is_some() && written < synced, "{name}: written at {written:?}, waited for at {synced:?}");
        let changed = before.iter().rposition(|call| matches!(&*call.name, "fchmod" | "fchown") && is_of(&call));
        assert!(changed < synced, "{name}: its mode or owner were set after it was waited for");
        // Nothing else is changed between the rename and the wait for its folder.
        let next =
            calls[at + 1..].iter().find(|call| call.is_sync() || call.changes()).expect("the folder is waited for");
        assert!(next.is_sync() && same(next.file(), place), "{name}: after the rename comes {next:?}");
        replaced.push(name);
    }
    replaced
}

/// An open folder is shown as itself or as its own entry `.`.
fn same(file: &str, folder: &Path) -> bool {
    Path::new(file) == folder
}

fn position(calls: &[Call], fits: impl Fn(&Call) -> bool) -> usize {
    calls.iter().position(fits).expect("there is such a call")
}

#[test]
fn every_file_is_durable_before_it_takes_its_place_and_the_journal_before_all() {
    let folder = image();
    let calls = apply(&folder, &[]);
    let replaced = replaced(&folder, &calls);
    let config = |name: &str| format!("{CONFIG}/{name}");
    let record = |name: &str| format!("{RECORD}/{name}");
    assert_eq!(replaced, [record("fingerprint.key"), config("SYSTEM"), config("SOFTWARE"), record("record.json")]);

    let is_journal = |call: &Call| call.file().ends_with(".jsonl");
    let of = |event: &str| {
        let event = format!("\\\"event\\\":\\\"{event}\\\"");
        let written = calls.iter().rposition(|call| call.is_write() && is_journal(call) && call.rest.contains(&event));
        let written = written.unwrap_or_else(|| panic!("{event} is written"));
        let synced =
            calls[written..].iter().position(|call| call.is_sync() && is_journal(call)).expect("it is waited for");
        (written, written + synced)
    };
    let renamed = |name: &str| position(&calls, |call| call.is_rename() && call.quoted().last() == Some(&name));
    let folder_synced = |name: &str| {
        let rename = renamed(name);
        rename + position(&calls[rename..], Call::is_sync)
    };
    // The journal has its name on the disk before anything is replaced.
    let made = position(&calls, |call| {
        call.name.starts_with("open") && call.quoted().iter().any(|path| path.ends_with(".jsonl"))
    });
    let named = made + position(&calls[made..], Call::is_sync);
    assert!(calls[named].file().ends_with("/journal") && named < of("begin").0, "{:?}", calls[named]);
    assert!(of("commit").1 < renamed("SYSTEM"), "what will be done is durable before it is done");
    assert!(folder_synced("SOFTWARE") < of("committed").0, "what is done is durable before it is told");
    assert!(of("record").1 < renamed("record.json"));
    assert!(folder_synced("record.json") < of("end").0);
    assert_eq!(
        calls[of("end").1..]
            .iter()
            .filter(|call| call.changes() && call.name != "write")
            .map(|call| &call.name)
            .collect::<Vec<_>>(),
        ["ftruncate"],
        "then only the lock's file is emptied"
    );
    // Before the journal's commit nothing is changed but what is trueup's own and the temporary files beside the hives.
    let root = folder.path("").canonicalize().unwrap();
    for call in calls[..of("commit").1].iter().filter(|call| call.changes()) {
        let path = Path::new(call.file());
        let is_own = path.starts_with(root.join(RECORD))
            || path.starts_with(root.join("image/ProgramData"))
            || path == root.join("image");
        assert!(is_own || path.starts_with("/dev") || call.file().contains("pipe:"), "{call:?}");
    }
}

#[test]
fn commands_that_look_open_nothing_for_writing() {
    let folder = image();
    let look = |folder: &Folder| {
        for arguments in [
            &["plan", "site.yaml", "-m", "image:image"][..],
            &["drift", "site.yaml", "-m", "image:image"],
            &["history", "-m", "image:image"],
            &["capture", "-m", "image:image", "--for", "site.yaml"],
        ] {
            let changing: Vec<Call> = traced(folder, arguments).into_iter().filter(Call::changes).collect();
            assert!(changing.is_empty(), "{arguments:?}: {changing:#?}");
        }
    };
    apply(&folder, &[]);
    let before = folder.states("image");
    look(&folder);
    // Nothing to do: the second run looks only.
    let changing: Vec<Call> = apply(&folder, &[]).into_iter().filter(Call::changes).collect();
    assert!(changing.is_empty(), "{changing:#?}");
    assert_eq!(program::changes(&before, &folder.states("image")), "");
}
