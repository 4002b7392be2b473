//! `trueup init`.

use super::arguments::InitOptions;
use super::terminal::Terminal;
use super::{Outcome, files};
use crate::document::schema_text;
use crate::error::{Exit, Failure};

const DOCUMENT: &str = include_str!("templates/init.trueup.yaml");
const GITHUB: &str = include_str!("templates/pipeline-github.yml");
const GITLAB: &str = include_str!("templates/pipeline-gitlab.yml");

pub fn run(options: &InitOptions, terminal: &Terminal) -> Outcome {
    let schema = schema_text();
    let parts = [
        ("server.trueup.yaml", DOCUMENT),
        ("schemas/desired-state.v1.json", schema.as_str()),
        ("pipelines/github.yml", GITHUB),
        ("pipelines/gitlab.yml", GITLAB),
    ];
    for (name, _) in parts {
        let path = options.folder.join(name);
        if path.exists() {
            return Err(Failure::failed(format!("{} is there already; nothing was written", path.display()))
                .hint("name another folder: trueup init DIR"));
        }
    }
    for (name, text) in parts {
        let path = options.folder.join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|error| Failure::failed(format!("cannot make {}", folder.display())).because(error))?;
        }
        files::write_new(&path, text)?;
        terminal.data(&format!("{name}\n"))?;
    }
    terminal.note("Next: edit server.trueup.yaml, then `trueup validate server.trueup.yaml`\n");
    Ok(Exit::Done)
}
