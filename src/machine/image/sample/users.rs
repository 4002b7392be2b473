//! The hives of users: the system's own accounts, the service account, an operator and the operator's classes.

use super::Server;
use super::tree::Data::{Binary, Dword, Expand, Multi, Sz};
use super::tree::{Keys, Tree, TreeError};
use crate::model::registry_data::RegistryData;
use crate::model::sid::Sid;

/// Bytes of a value that is too long for one cell.
const LAYOUT_BYTES: u32 = 20_000;

pub fn system(server: &Server) -> Result<Vec<u8>, TreeError> {
    of_account(server, Sid::SYSTEM, &[COMMON])
}

pub fn local_service(server: &Server) -> Result<Vec<u8>, TreeError> {
    of_account(server, Sid::LOCAL_SERVICE, &[COMMON])
}

pub fn network_service(server: &Server) -> Result<Vec<u8>, TreeError> {
    of_account(server, Sid::NETWORK_SERVICE, &[COMMON])
}

pub fn service_account(server: &Server) -> Result<Vec<u8>, TreeError> {
    of_account(server, server.account(1001)?, &[COMMON, SERVICE_ACCOUNT])
}

pub fn operator(server: &Server) -> Result<Vec<u8>, TreeError> {
    let mut tree = tree_of(server, server.account(1002)?)?;
    tree.put("", COMMON)?;
    tree.put("", OPERATOR)?;
    let layout: Vec<u8> = (0..LAYOUT_BYTES).flat_map(|at| at.to_le_bytes().into_iter().take(1)).collect();
    tree.set(r"Software\Example Corp\Console", "Layout", &RegistryData::binary(layout))?;
    tree.into_bytes()
}

pub fn operator_classes(server: &Server) -> Result<Vec<u8>, TreeError> {
    let sid = server.account(1002)?;
    let mut tree = Tree::new(server, &format!("{sid}_Classes"), &sddl(sid))?;
    tree.put("", CLASSES)?;
    tree.into_bytes()
}

fn of_account(server: &Server, sid: Sid, tables: &[Keys]) -> Result<Vec<u8>, TreeError> {
    let mut tree = tree_of(server, sid)?;
    for keys in tables {
        tree.put("", keys)?;
    }
    tree.into_bytes()
}

fn tree_of(server: &Server, sid: Sid) -> Result<Tree<'_>, TreeError> {
    Tree::new(server, "ROOT", &sddl(sid))
}

/// The user, the system and the administrators may do everything; what runs restricted may read.
fn sddl(sid: Sid) -> String {
    let user = if sid == Sid::SYSTEM { String::new() } else { format!("(A;CI;KA;;;{sid})") };
    format!("O:BAG:SYD:PAI{user}(A;CI;KA;;;SY)(A;CI;KA;;;BA)(A;CI;KR;;;RC)")
}

const COMMON: Keys = &[
    ("Console", &[("FaceName", Sz("Consolas")), ("QuickEdit", Dword(1)), ("ScreenBufferSize", Dword(0x2329_0078))]),
    (
        r"Control Panel\Desktop",
        &[("ScreenSaveActive", Sz("1")), ("ScreenSaverIsSecure", Sz("1")), ("Wallpaper", Sz(""))],
    ),
    (
        r"Control Panel\International",
        &[("LocaleName", Sz("en-US")), ("sDate", Sz("/")), ("sDecimal", Sz(".")), ("sShortDate", Sz("M/d/yyyy"))],
    ),
    (
        "Environment",
        &[
            ("Path", Expand(r"%USERPROFILE%\AppData\Local\Microsoft\WindowsApps;")),
            ("TEMP", Expand(r"%USERPROFILE%\AppData\Local\Temp")),
            ("TMP", Expand(r"%USERPROFILE%\AppData\Local\Temp")),
        ],
    ),
    (r"Keyboard Layout\Preload", &[("1", Sz("00000807"))]),
    (
        r"Software\Microsoft\Windows\CurrentVersion\Internet Settings",
        &[("ProxyEnable", Dword(0)), ("User Agent", Sz("Mozilla/5.0"))],
    ),
    (r"Software\Microsoft\Windows\CurrentVersion\Run", &[]),
    (r"Software\Microsoft\SystemCertificates\My", &[]),
];

const SERVICE_ACCOUNT: Keys = &[("Environment", &[("SISUITE_ACTIVITY_FEED_STORAGE_RETENTIONTIME", Sz("7"))])];

const OPERATOR: Keys = &[
    (
        r"Software\Example Corp\Console",
        &[("Favourites", Multi(&["Zürich", "Łódź", "東京"])), ("Window", Binary(&[0x2c, 1, 0, 0]))],
    ),
    (
        r"Software\Microsoft\Windows\CurrentVersion\Run",
        &[("Console", Sz(r#""C:\Program Files (x86)\Access Control Server\AcsConsole.exe" /tray"#))],
    ),
];

const CLASSES: Keys = &[
    (r".acslayout", &[("", Sz("acslayoutfile"))]),
    (
        r"acslayoutfile\shell\open\command",
        &[("", Sz(r#""C:\Program Files (x86)\Access Control Server\AcsConsole.exe" "%1""#))],
    ),
    (r"Local Settings\MuiCache", &[]),
    (r"Local Settings\Software\Microsoft\Windows\Shell\MuiCache", &[("LangID", Binary(b"\x09\x04"))]),
];
