//! The definition of a task as the Task Scheduler reads it.
//! Source: Microsoft, *Task Scheduler Schema* (version 1.2 of the task, Windows Server 2008 and later).

use quick_xml::escape::escape;

use crate::model::task::{Start, Task};

/// The account of the system itself, whatever the language of its name.
const SYSTEM: &str = "S-1-5-18";

/// Whoever looks at it later knows by this who made it.
const AUTHOR: &str = "trueup";

/// The task in XML, run as the system with its highest rights, without a window. Its encoding is that of the text.
pub fn to_xml(task: &Task, program: &str) -> String {
    let arguments: Vec<String> = task.arguments.iter().map(|argument| quoted(argument)).collect();
    let retries = match task.retries {
        0 => String::new(),
        count => format!("    <RestartOnFailure><Interval>PT1M</Interval><Count>{count}</Count></RestartOnFailure>\n"),
    };
    format!(
        "<?xml version=\"1.0\"?>\n\
         <Task version=\"1.2\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\">\n  \
           <RegistrationInfo>\n    \
             <Author>{AUTHOR}</Author>\n    \
             <Description>{}</Description>\n  \
           </RegistrationInfo>\n  \
           <Triggers>\n    {}\n  </Triggers>\n  \
           <Principals>\n    \
             <Principal id=\"Author\"><UserId>{SYSTEM}</UserId><RunLevel>HighestAvailable</RunLevel></Principal>\n  \
           </Principals>\n  \
           <Settings>\n    \
             <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>\n    \
             <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>\n    \
             <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>\n    \
             <StartWhenAvailable>true</StartWhenAvailable>\n    \
             <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>\n    \
             <Priority>5</Priority>\n\
         {retries}  \
           </Settings>\n  \
           <Actions Context=\"Author\">\n    \
             <Exec>\n      <Command>{}</Command>\n      <Arguments>{}</Arguments>\n    </Exec>\n  \
           </Actions>\n\
         </Task>\n",
        escape(&task.description),
        trigger(task.start),
        escape(program),
        escape(arguments.join(" ")),
    )
}

fn trigger(start: Start) -> String {
    let once = |from: jiff::Timestamp, more: &str| {
        format!(
            "<TimeTrigger><StartBoundary>{}</StartBoundary><Enabled>true</Enabled>{more}</TimeTrigger>",
            second(from)
        )
    };
    match start {
        Start::Once(at) => once(at, ""),
        Start::Daily(from) => format!(
            "<CalendarTrigger><StartBoundary>{}</StartBoundary><Enabled>true</Enabled>\
             <ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay></CalendarTrigger>",
            from.strftime("%Y-%m-%dT%H:%M:%S")
        ),
        // Without an end it goes on for ever.
        Start::Every { from, seconds } => {
            once(from, &format!("<Repetition><Interval>PT{seconds}S</Interval></Repetition>"))
        }
    }
}

/// A point in time in UTC, to the second.
fn second(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// An argument as programs of Windows take their command line apart: quoted where it has to be, with backslashes doubled before quotes.
/// Source: Microsoft, *Parsing C command-line arguments*.
pub fn quoted(argument: &str) -> String {
    if !argument.is_empty() && !argument.contains([' ', '\t', '\n', '\u{b}', '"']) {
        return argument.to_owned();
    }
    let mut out = String::from("\"");
    let mut backslashes = 0;
    for letter in argument.chars() {
        match letter {
            '\\' => backslashes += 1,
            '"' => {
                out.extend(std::iter::repeat_n('\\', backslashes + 1));
                backslashes = 0;
            }
            _ => backslashes = 0,
        }
        out.push(letter);
    }
    out.extend(std::iter::repeat_n('\\', backslashes));
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use quick_xml::events::Event;

    use super::*;

    fn task(start: Start) -> Task {
        let arguments = ["drift", r"C:\site & more\server.yaml", "a\"b", r"ends\"].map(str::to_owned).to_vec();
        Task { description: "Looks <daily> & tells".into(), start, arguments, retries: 3 }
    }

    /// The texts of an XML by the name of the element that they lie in.
    fn texts(xml: &str) -> Vec<(String, String)> {
        let mut reader = quick_xml::Reader::from_str(xml);
        let (mut open, mut found): (Vec<String>, Vec<(String, String)>) = (Vec::new(), Vec::new());
        loop {
            match reader.read_event().unwrap() {
                Event::Start(start) => {
                    open.push(start.name().as_ref().to_owned());
                    found.push((open.join("/"), String::new()));
                }
                Event::End(_) => drop(open.pop()),
                Event::Text(text) => {
                    let path = open.join("/");
                    let text = text.into_inner().into_owned();
                    if let Some((_, known)) = found.iter_mut().rev().find(|(known, _)| *known == path) {
                        known.push_str(&text);
                    }
                }
                Event::GeneralRef(reference) => {
                    let path = open.join("/");
                    let name = reference.into_inner().into_owned();
                    let letter = quick_xml::escape::resolve_predefined_entity(&name).unwrap();
                    if let Some((_, known)) = found.iter_mut().rev().find(|(known, _)| *known == path) {
                        known.push_str(letter);
                    }
                }
                Event::Eof => return found,
                _ => {}
            }
        }
    }

    #[test]
    fn a_definition_says_all_of_the_task() {
        let xml = to_xml(&task(Start::Once("2026-03-01T00:06:00.5Z".parse().unwrap())), r"C:\Program Files\trueup.exe");
        let found = texts(&xml);
        let text = |path: &str| {
            let found: Vec<&str> =
                found.iter().filter(|(known, _)| known.ends_with(path)).map(|(_, text)| text.as_str()).collect();
            found.join("|")
        };
        assert_eq!(text("/Description"), "Looks <daily> & tells");
        assert_eq!(text("TimeTrigger/StartBoundary"), "2026-03-01T00:06:00Z");
        assert_eq!(text("/UserId"), "S-1-5-18");
        assert_eq!(text("Exec/Command"), r"C:\Program Files\trueup.exe");
        assert_eq!(text("Exec/Arguments"), r#"drift "C:\site & more\server.yaml" "a\"b" ends\"#);
        assert_eq!(text("RestartOnFailure/Count"), "3");
        assert!(
            !to_xml(&Task { retries: 0, ..task(Start::Once(jiff::Timestamp::UNIX_EPOCH)) }, "x").contains("Restart")
        );
    }

    #[test]
    fn every_start_has_its_trigger() {
        let from: jiff::Timestamp = "2026-03-01T03:00:00Z".parse().unwrap();
        let xml = to_xml(&task(Start::Every { from, seconds: 3600 }), "trueup");
        assert!(xml.contains("<Repetition><Interval>PT3600S</Interval></Repetition></TimeTrigger>"), "{xml}");
        let xml = to_xml(&task(Start::Daily(jiff::civil::date(2026, 3, 1).at(3, 30, 0, 0))), "trueup");
        assert!(xml.contains("<CalendarTrigger><StartBoundary>2026-03-01T03:30:00</StartBoundary>"), "{xml}");
        assert!(xml.contains("<DaysInterval>1</DaysInterval>"), "{xml}");
    }

    #[test]
    fn arguments_come_back_as_they_were() {
        for (argument, written) in [
            ("plain", "plain"),
            ("", "\"\""),
            ("two words", "\"two words\""),
            (r"C:\a b\", r#""C:\a b\\""#),
            (r#"say "yes""#, r#""say \"yes\"""#),
            (r#"\\"x"#, r#""\\\\\"x""#),
        ] {
            assert_eq!(quoted(argument), written);
        }
    }
}
