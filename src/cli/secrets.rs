//! Secrets from the environment, from files and from programs, each looked up once; and the key of the sealed hold.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;

use zeroize::Zeroizing;

use super::files;
use super::terminal::Terminal;
use crate::error::Failure;
use crate::formats::hold::HoldKey;
use crate::machine::SecretSource;
use crate::model::secret::SecretReference;

/// The longest secret that is read from a file or a program, in bytes.
const MAX_SECRET_BYTES: u64 = 64 << 10;
/// A key file holds 64 hex digits and perhaps a line break.
const MAX_KEY_FILE_BYTES: u64 = 1 << 10;

/// Whether programs may be run for secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandSecrets {
    Allowed,
    Refused,
}

impl CommandSecrets {
    pub const fn of(allowed: bool) -> Self {
        if allowed { Self::Allowed } else { Self::Refused }
    }
}

type Resolved = Result<Zeroizing<String>, String>;

/// Where this process finds secrets. What was found once is kept until the process ends: a program is not run twice, and what was
/// compared is what is written.
pub struct Secrets {
    commands: CommandSecrets,
    known: RefCell<HashMap<SecretReference, Resolved>>,
}

impl Secrets {
    pub fn new(commands: CommandSecrets) -> Self {
        Self { commands, known: RefCell::default() }
    }
}

impl SecretSource for Secrets {
    fn resolve(&self, reference: &SecretReference) -> Resolved {
        if let Some(known) = self.known.borrow().get(reference) {
            return known.clone();
        }
        let resolved = resolve(reference, self.commands);
        self.known.borrow_mut().insert(reference.clone(), resolved.clone());
        resolved
    }
}

fn resolve(reference: &SecretReference, commands: CommandSecrets) -> Resolved {
    let text = match reference {
        SecretReference::Env(name) => {
            Zeroizing::new(std::env::var(name).map_err(|_| "the variable is not set, or is not text".to_owned())?)
        }
        SecretReference::File(path) => {
            let bytes = files::read(Path::new(path), MAX_SECRET_BYTES).map_err(|failure| failure.message)?;
            text_of(bytes).ok_or("the file is not UTF-8")?
        }
        SecretReference::Command(_) if commands == CommandSecrets::Refused => {
            return Err("programs are run only with --allow-commands".into());
        }
        SecretReference::Command(words) => command(words)?,
    };
    if text.contains('\0') { Err("the secret holds a NUL character".into()) } else { Ok(text) }
}

fn command(words: &[String]) -> Resolved {
    let (program, arguments) = words.split_first().ok_or("the command is empty")?;
    let output = std::process::Command::new(program)
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| format!("the program cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(format!("the program ended with {}", output.status));
    }
    Ok(text_of(output.stdout).ok_or("what the program printed is not UTF-8")?)
}

/// The bytes as text, without one line break at its end.
fn text_of(bytes: Vec<u8>) -> Option<Zeroizing<String>> {
    let bytes = Zeroizing::new(bytes);
    let text = std::str::from_utf8(&bytes).ok()?;
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    Some(Zeroizing::new(text.to_owned()))
}

/// Whether a key file that is not there is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingKey {
    Make,
    Refuse,
}

/// The key of the sealed hold, from the file that the user names.
///
/// # Errors
/// The file lies inside the image that it protects, cannot be read, or is no key.
pub fn hold_key(
    file: Option<&Path>,
    machine: &str,
    missing: MissingKey,
    terminal: &Terminal,
) -> Result<Option<HoldKey>, Failure> {
    let Some(file) = file else { return Ok(None) };
    refuse_inside(file, machine)?;
    if missing == MissingKey::Make && !file.exists() {
        let mut bytes = Zeroizing::new([0; HoldKey::BYTES]);
        getrandom::fill(&mut *bytes)
            .map_err(|error| Failure::failed("this host gives no random numbers").because(error))?;
        let key = HoldKey::new(*bytes);
        files::write_secret_new(file, key.to_text().as_bytes())?;
        terminal.note(&format!(
            "Made a new key of the sealed hold in {}: keep it apart from the machine\n",
            file.display()
        ));
        return Ok(Some(key));
    }
    let text = Zeroizing::new(files::read(file, MAX_KEY_FILE_BYTES)?);
    let key = std::str::from_utf8(&text).ok().and_then(HoldKey::from_text);
    key.map(Some).ok_or_else(|| {
        Failure::invalid(format!("{} is no key of a sealed hold", file.display()))
            .hint("a key is 64 hex digits; name a file that is not there yet, and apply makes one")
    })
}

/// A key beside what it seals protects nothing.
fn refuse_inside(file: &Path, machine: &str) -> Result<(), Failure> {
    let Some(folder) = machine.strip_prefix("image:") else { return Ok(()) };
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (Path::new(folder).canonicalize(), parent.canonicalize()) {
        (Ok(image), Ok(parent)) if parent.starts_with(&image) => {
            Err(Failure::invalid(format!("the key {} lies inside the image that it is to protect", file.display()))
                .hint("name a file outside of it"))
        }
        _ => Ok(()),
    }
}

/// Who is at work: user, host and process.
pub fn owner() -> String {
    let variable = |names: [&str; 2]| names.iter().find_map(|name| std::env::var(name).ok());
    let user = variable(["USER", "USERNAME"]).or_else(|| variable(["LOGNAME", "USERPROFILE"]));
    let host = host().or_else(|| variable(["HOSTNAME", "COMPUTERNAME"]));
    let known =
        |text: Option<String>, unknown: &str| text.filter(|text| !text.is_empty()).unwrap_or(unknown.to_owned());
    format!("{}@{} (process {})", known(user, "somebody"), known(host, "this host"), std::process::id())
}

#[cfg(unix)]
fn host() -> Option<String> {
    rustix::system::uname().nodename().to_str().ok().map(str::to_owned)
}

#[cfg(not(unix))]
fn host() -> Option<String> {
    None
}
