//! The `ports` section of a document: what each entry can say. What follows from it is made in `build`.

use schemars::{Schema, SchemaGenerator, json_schema};

use super::build;
use super::forms::{EdgeForm, OneOrMore, PortsForm, ProtocolForm};
use super::wanted::{ClientCertificates, FIREWALL, Revocation, WantedFirewall, WantedPort};
use crate::formats::upcase;
use crate::kinds::sections::MergeRule;
use crate::model::common::{Common, OnChange};
use crate::model::decode::{Decode as _, Decoder, Unique};
use crate::model::moment::Moment;
use crate::model::node::Node;
use crate::model::record::{FieldNotes, Fields, Record, RecordSchema};
use crate::model::source::Spanned;

crate::record! {
    /// Ports, and all that has to agree about them: firewall, TLS, URLs, ranges, who listens.
    pub struct PortFields {
        /// The port of the service: on this machine, or for outgoing rules on the other. A range, a word such as `rpc`, or a list.
        #[example(5443)]
        #[example([80, 443])]
        #[example("rpc")]
        pub port: Option<Spanned<PortsForm>>,
        /// The protocol: `tcp` where there is a port and nothing is said; else any.
        #[example("both")]
        pub protocol: Option<Spanned<ProtocolForm>>,
        /// A firewall rule that lets traffic through.
        #[example(serde_json::json!({ "from": ["10.0.0.0/8", "LocalSubnet"], "profiles": ["domain"] }))]
        pub allow: Option<Spanned<AccessFields>>,
        /// A firewall rule that stops traffic; it goes before every rule that allows.
        #[example(serde_json::json!({ "direction": "out", "program": "C:\\Vendor\\Cms.exe" }))]
        pub block: Option<Spanned<AccessFields>>,
        /// The certificate with which http.sys answers at the port.
        #[example(serde_json::json!({ "certificate": "web" }))]
        pub tls: Option<Spanned<TlsFields>>,
        /// Who may listen at a URL of http.sys; one or a list.
        #[example(serde_json::json!({ "prefix": "https://+:5443/app/", "user": "NT SERVICE\\App" }))]
        pub url: Option<OneOrMore<Spanned<UrlFields>>>,
        /// Who should listen at the port; looked at on a running machine only.
        #[example(serde_json::json!({ "expect": "SiPassServer" }))]
        pub listener: Option<Spanned<ListenerFields>>,
        /// Keep Windows from giving the port to outgoing connections.
        pub reserve: Option<Spanned<bool>>,
        /// The ports that Windows gives away at run time; `use` says to whom.
        #[example("49152-65535")]
        pub range: Option<Spanned<PortsForm>>,
        /// Who is given the ports of `range`.
        pub r#use: Option<Spanned<RangeUse>>,
        /// Administrators come in here: a plan that shuts the port is refused.
        pub management: bool = false,
        ..common: Common
    }
}

crate::choice! {
    /// Who is given the ports of a range.
    pub enum RangeUse or Dynamic {
        /// Outgoing connections, and whoever asks for any port.
        Dynamic = "dynamic",
        /// The servers of RPC.
        Rpc = "rpc",
        /// Both.
        Both = "both",
    }
}

crate::record! {
    /// What a firewall rule is about beside the port.
    pub struct AccessFields {
        /// Where the traffic comes from: addresses, subnets, ranges, or words such as `LocalSubnet`. Any where nothing is said.
        #[example(["10.0.0.0/8", "LocalSubnet"])]
        pub from: Option<OneOrMore<Spanned<String>>>,
        /// Where the traffic goes to.
        #[example(["10.0.0.5"])]
        pub to: Option<OneOrMore<Spanned<String>>>,
        /// The kinds of networks in which the rule holds; all where nothing is said.
        #[example(["domain", "private"])]
        pub profiles: Option<OneOrMore<ProfileWord>>,
        /// The program, as a path with or without `%variables%`, or `System` for what http.sys and the kernel listen at.
        #[example("%ProgramFiles%\\Vendor\\server.exe")]
        pub program: Option<Spanned<String>>,
        /// The service, by its short name; `*` for any service.
        #[example("SiPassServer")]
        pub service: Option<Spanned<String>>,
        /// Which way connections are made.
        pub direction: DirectionWord = DirectionWord::In,
        /// Whether traffic through an edge device comes in: `true`, `false`, or `app` or `user` for who decides.
        pub edge: Option<Spanned<EdgeForm>>,
        /// The kinds of interfaces; all where nothing is said.
        #[example(["lan"])]
        pub interfaces: Option<OneOrMore<InterfaceWord>>,
        /// The ports of the side that connects; any where nothing is said.
        pub client_ports: Option<Spanned<PortsForm>>,
        /// The kinds of ICMP messages, each as type and code: `8:*`.
        #[example(["8:*"])]
        pub icmp: Option<OneOrMore<Spanned<String>>>,
        /// Whether the rule is in force.
        pub enabled: bool = true,
        /// The end of the rule's time: from then on it is absent.
        #[example(serde_json::json!({ "on": "2026-12-31" }))]
        pub expires: Option<Spanned<RuleExpiryFields>>,
        /// The name that Windows shows.
        pub name: Option<Spanned<String>>,
        /// The remark that Windows shows.
        pub description: Option<Spanned<String>>,
        /// The id of a rule that is there already, to be taken over; only what the document states of its texts is changed.
        #[example("RemoteDesktop-UserMode-In-TCP")]
        pub rule: Option<Spanned<String>>,
    }
}

crate::record! {
    /// The end of a rule's time.
    pub struct RuleExpiryFields {
        /// From when on: a day, from 00:00 UTC on, or a timestamp with its zone.
        #[example("2026-12-31")]
        pub on: Moment,
        /// What becomes of the rule then.
        pub then: AfterExpiry = AfterExpiry::Absent,
    }
}

crate::choice! {
    /// What becomes of a rule when its time is over.
    pub enum AfterExpiry {
        /// It goes.
        Absent = "absent",
    }
}

crate::choice! {
    /// Which way connections are made.
    pub enum DirectionWord {
        /// To this machine.
        In = "in",
        /// From this machine.
        Out = "out",
        /// Both ways: two rules.
        Both = "both",
    }
}

crate::choice! {
    /// A kind of network.
    pub enum ProfileWord {
        /// A network with the machine's domain.
        Domain = "domain",
        /// One that is trusted.
        Private = "private",
        /// Any other.
        Public = "public",
    }
}

crate::choice! {
    /// A kind of interface.
    pub enum InterfaceWord {
        /// A cable.
        Lan = "lan",
        /// A radio.
        Wireless = "wireless",
        /// A VPN or a dial-up line.
        RemoteAccess = "remote-access",
    }
}

crate::record! {
    /// A certificate at an endpoint of http.sys.
    pub struct TlsFields {
        /// The entry of the `certificates` section.
        #[example("web")]
        pub certificate: Option<Spanned<String>>,
        /// The SHA-1 thumbprint of a certificate that nobody here makes.
        #[example("aa bb cc dd ee ff 00 11 22 33 44 55 66 77 88 99 aa bb cc dd")]
        pub thumbprint: Option<Spanned<String>>,
        /// The store of the local machine that holds it: `My` for a new binding.
        #[example("My")]
        pub store: Option<Spanned<String>>,
        /// Who made the binding.
        #[example("{4dc3e181-e14b-4a21-b022-59fc669b0914}")]
        pub app_id: Option<Spanned<String>>,
        /// The host names that clients ask for; without them, the binding is of the address.
        #[example("acs-srv01.corp.example")]
        pub sni: Option<OneOrMore<Spanned<String>>>,
        /// The addresses, `0.0.0.0` where nothing is said.
        #[example(["0.0.0.0", "::"])]
        pub address: Option<OneOrMore<Spanned<String>>>,
        /// Whether clients are asked for a certificate.
        pub client_certificates: Option<ClientCertificates>,
        /// How the certificates of clients are checked for revocation.
        pub revocation: Option<Revocation>,
        /// Whether HTTP/2 is spoken.
        pub http2: Option<bool>,
        /// Whether TLS before 1.2 is spoken.
        pub legacy_tls: Option<bool>,
    }
}

crate::record! {
    /// Who may listen at a URL of http.sys.
    pub struct UrlFields {
        /// The URL, with its port and a slash at its end; `+` stands for every host.
        #[example("https://+:5443/app/")]
        pub prefix: Spanned<String>,
        /// The accounts that may listen: names or SIDs.
        #[example("NT SERVICE\\SiPassServer")]
        pub user: Option<OneOrMore<Spanned<String>>>,
        /// Whether they may listen.
        pub listen: bool = true,
        /// Whether they may reserve parts of it for others.
        pub delegate: bool = false,
        /// The whole security descriptor, in place of `user`.
        #[example("D:(A;;GX;;;NS)")]
        pub sddl: Option<Spanned<String>>,
    }
}

crate::record! {
    /// Who should listen at a port.
    pub struct ListenerFields {
        /// The file name of the program, with or without `.exe`, or the short name of the service.
        #[example("SiPassServer")]
        pub expect: Spanned<String>,
    }
}

crate::record! {
    /// The firewall as a whole: what holds where no rule does.
    pub struct FirewallFields {
        /// Networks with the machine's domain.
        #[example(serde_json::json!({ "enabled": true, "inbound": "block" }))]
        pub domain: Option<Spanned<ProfileFields>>,
        /// Networks that are trusted.
        pub private: Option<Spanned<ProfileFields>>,
        /// All others.
        pub public: Option<Spanned<ProfileFields>>,
        ..common: Common
    }
}

crate::record! {
    /// How the firewall treats networks of one kind; what is not said stays as it is.
    pub struct ProfileFields {
        /// Whether the firewall is on.
        pub enabled: Option<bool>,
        /// What becomes of connections to this machine that no rule is about.
        pub inbound: Option<ActionWord>,
        /// What becomes of connections from this machine that no rule is about.
        pub outbound: Option<ActionWord>,
        /// Whether rules may open anything; `false` shuts everything out, whatever the rules say.
        pub exceptions: Option<bool>,
        /// Whether the user is told when a program is kept from listening.
        pub notifications: Option<bool>,
    }
}

crate::choice! {
    /// What becomes of connections.
    pub enum ActionWord {
        /// They are let through.
        Allow = "allow",
        /// They are stopped.
        Block = "block",
    }
}

crate::record! {
    /// What every entry says that does not say otherwise itself.
    pub struct PortDefaults {
        /// What else follows when an entry changes.
        pub on_change: Option<OnChange>,
    }
}

/// The keys of the section that are no ports.
const EXCLUSIVE: &str = "exclusive";
const REPORT: &str = "report_unmanaged";

/// The schema of the section.
pub fn section_schema(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = RecordSchema::default();
    let flag = |text: &str| json_schema!({ "type": "boolean", "default": false, "description": text });
    schema.property(
        EXCLUSIVE,
        flag("Remove the firewall rules of our group that no entry names. Each removal is listed in the plan."),
    );
    schema.property(REPORT, flag("List the firewall rules that somebody made and no entry names."));
    let notes = FieldNotes {
        name: FIREWALL,
        docs: &["The firewall as a whole: what holds where no rule does."],
        examples: vec![serde_json::json!({ "domain": { "enabled": true, "inbound": "block" } })],
        default: None,
    };
    schema.field::<Option<FirewallFields>>(notes, generator);
    let mut schema = schema.finish(&["Ports by a name of your choice; `firewall` is what holds where no rule does."]);
    schema.insert("additionalProperties".into(), PortFields::field_schema(generator).into());
    schema.insert(
        "examples".into(),
        serde_json::json!([{ "web-ui": { "port": 5443, "allow": { "profiles": ["domain"] }, "tls": { "certificate": "web" } } }]),
    );
    schema
}

/// Lists of addresses and of URLs are replaced whole, as all lists are.
pub fn merge_rule(_: &[&str]) -> MergeRule {
    MergeRule::Merge
}

/// What the section comes to.
#[derive(Debug, Default)]
pub struct Section {
    pub firewall: Option<WantedFirewall>,
    pub ports: Vec<WantedPort>,
}

/// Reads the section; what could not be read is left out and has been reported.
pub fn decode_section(node: &Node<'_>, cx: &mut Decoder) -> Section {
    let Some(mapping) = cx.mapping(node) else { return Section::default() };
    let (mut exclusive, mut report) = (None, None);
    let mut firewall = None;
    let mut ports = Vec::with_capacity(mapping.entries.len());
    let mut unique = Unique::new("port", "ports.named_twice", mapping.entries.len());
    for (key, node) in &mapping.entries {
        match &*key.text {
            EXCLUSIVE => exclusive = bool::decode(node, cx).map(|value| Spanned::new(value, key.at)),
            REPORT => report = bool::decode(node, cx).map(|value| Spanned::new(value, key.at)),
            FIREWALL => {
                let read =
                    Fields::open(node, FirewallFields::FIELDS, cx).and_then(|fields| FirewallFields::read(&fields, cx));
                firewall = read.map(|read| Spanned::new(read, key.at));
            }
            name => {
                let is_new = unique.insert(upcase::fold(name), key.at, "names compare without case", cx);
                let fields = Fields::open(node, PortFields::FIELDS, cx);
                let read = fields.and_then(|fields| Some((PortFields::read(&fields, cx)?, fields)));
                let made = read.and_then(|(read, fields)| build::port(key, read, &fields, cx));
                ports.extend(made.filter(|_| is_new));
            }
        }
    }
    build::check_apart(&ports, cx);
    let firewall = build::firewall(firewall, exclusive, report, &ports, cx);
    Section { firewall, ports }
}
