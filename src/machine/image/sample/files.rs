//! The files of the sample volume that are no hives, in the encodings and with the line ends that Windows programs use.

use super::Server;

/// Where the sample's product is installed.
pub const PRODUCT: &str = r"C:\Program Files (x86)\Access Control Server";

/// Folders that hold no file of ours.
pub const FOLDERS: [&str; 8] = [
    "Program Files/Common Files",
    "ProgramData/Access Control Server/Logs",
    "ProgramData/Password Manager/Logs",
    "Users/Public/Documents",
    "Users/svc-acs/AppData/Local/Temp",
    "Windows/System32/LogFiles/Firewall",
    "Windows/Temp",
    "inetpub/logs/LogFiles",
];

/// A text file; its lines end with CR LF.
pub struct File {
    pub path: &'static str,
    text: &'static str,
    encoding: Encoding,
}

#[derive(Clone, Copy)]
enum Encoding {
    Utf8,
    /// With a byte order mark, as .NET's tools write.
    Utf8WithMark,
    /// Little-endian, with a byte order mark.
    Utf16WithMark,
}

const fn file(path: &'static str, encoding: Encoding, text: &'static str) -> File {
    File { path, text, encoding }
}

pub const FILES: [File; 10] = [
    file("Windows/System32/drivers/etc/hosts", Encoding::Utf8, include_str!("files/hosts")),
    file("Windows/System32/drivers/etc/services", Encoding::Utf8, include_str!("files/services")),
    file("Windows/System32/ias/ias.xml", Encoding::Utf16WithMark, include_str!("files/ias.xml")),
    file(
        "Windows/System32/inetsrv/config/applicationHost.config",
        Encoding::Utf8,
        include_str!("files/applicationHost.config"),
    ),
    file("inetpub/wwwroot/index.html", Encoding::Utf8, include_str!("files/index.html")),
    file(
        "Program Files (x86)/Access Control Server/AcsConsole.exe.config",
        Encoding::Utf8WithMark,
        include_str!("files/AcsConsole.exe.config"),
    ),
    file(
        "Program Files (x86)/Access Control Server/AcsServer.ini",
        Encoding::Utf8,
        include_str!("files/AcsServer.ini"),
    ),
    file(
        "Program Files (x86)/Access Control Server/Enrolment/enrolment.ini",
        Encoding::Utf8,
        include_str!("files/enrolment.ini"),
    ),
    file(
        "Program Files (x86)/Access Control Server/Web/bindings.config",
        Encoding::Utf8WithMark,
        include_str!("files/bindings.config"),
    ),
    file(
        "ProgramData/Access Control Server/licence.txt",
        Encoding::Utf8,
        "Sample licence of <machine>, valid nowhere.\n",
    ),
];

impl File {
    /// The file's bytes on this server.
    pub fn bytes(&self, server: &Server) -> Vec<u8> {
        // A checkout of ours may have either line end.
        let text = server.spell(self.text).replace("\r\n", "\n").replace('\n', "\r\n");
        match self.encoding {
            Encoding::Utf8 => text.into_bytes(),
            Encoding::Utf8WithMark => format!("\u{feff}{text}").into_bytes(),
            Encoding::Utf16WithMark => {
                std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
            }
        }
    }
}
