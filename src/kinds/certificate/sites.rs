//! The HTTPS bindings of a site in IIS' `applicationHost.config`, by the names that http.sys has for them. Pure.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Whether a binding's certificate is chosen by the host's name: bit 0 of `sslFlags` (k).
const BY_NAME: u32 = 1;

/// The bindings of a site, each with the key of http.sys that it lies in.
///
/// # Errors
/// The text is not XML, or names no such site.
pub fn bindings(text: &str, site: &str) -> Result<Vec<(&'static str, String)>, String> {
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut out = Vec::new();
    let mut depth_of_site = None;
    let mut depth = 0_usize;
    let mut was_found = false;
    loop {
        let event = reader.read_event().map_err(|error| format!("applicationHost.config cannot be read: {error}"))?;
        match event {
            Event::Eof => break,
            Event::Start(element) => {
                depth += 1;
                if element.local_name().as_ref() == "site"
                    && attribute(&element, "name").is_some_and(|name| name.eq_ignore_ascii_case(site))
                {
                    depth_of_site = Some(depth);
                    was_found = true;
                } else if depth_of_site.is_some() {
                    out.extend(binding(&element));
                }
            }
            Event::Empty(element) if depth_of_site.is_some() => out.extend(binding(&element)),
            Event::End(_) => {
                if depth_of_site == Some(depth) {
                    depth_of_site = None;
                }
                depth = depth.saturating_sub(1);
            }
            _ => {}
        }
    }
    if was_found { Ok(out) } else { Err(format!("IIS has no site {site}")) }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = element.try_get_attribute(name).ok()??;
    attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).ok().map(std::borrow::Cow::into_owned)
}

/// `*:443:host` with its flags, as http.sys names it.
fn binding(element: &BytesStart<'_>) -> Option<(&'static str, String)> {
    if element.local_name().as_ref() != "binding" || attribute(element, "protocol")? != "https" {
        return None;
    }
    let information = attribute(element, "bindingInformation")?;
    let (rest, host) = information.rsplit_once(':')?;
    let (address, port) = rest.rsplit_once(':')?;
    let flags = attribute(element, "sslFlags").and_then(|flags| flags.parse::<u32>().ok()).unwrap_or(0);
    if flags & BY_NAME != 0 && !host.is_empty() {
        return Some(("SslSniBindingInfo", format!("{host}:{port}")));
    }
    let address = if address == "*" { "0.0.0.0" } else { address };
    Some(("SslBindingInfo", format!("{address}:{port}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_has_the_bindings_that_it_names() {
        let text = r#"<?xml version="1.0" encoding="UTF-8"?>
<configuration><system.applicationHost><sites>
  <site name="Other" id="1"><bindings><binding protocol="https" bindingInformation="*:444:" /></bindings></site>
  <site name="Web &amp; More" id="2"><bindings>
    <binding protocol="http" bindingInformation="*:80:" />
    <binding protocol="https" bindingInformation="*:443:" sslFlags="0" />
    <binding protocol="https" bindingInformation="10.0.0.5:8443:web.example" sslFlags="1"></binding>
  </bindings></site>
</sites></system.applicationHost></configuration>"#;
        let found = bindings(text, "web & more").unwrap();
        let wanted = [("SslBindingInfo", "0.0.0.0:443"), ("SslSniBindingInfo", "web.example:8443")];
        assert_eq!(found, wanted.map(|(part, name)| (part, name.to_owned())));
        assert_eq!(bindings(text, "Missing").unwrap_err(), "IIS has no site Missing");
        assert!(bindings("<site", "x").is_err());
    }
}
