//! Roles on a real Windows that has none of them, told by services in a real hive.

use super::image::image;

const ROLES: [&str; 11] = [
    "certificate_authority",
    "dhcp",
    "dns",
    "domain_controller",
    "federation_services",
    "hyper_v",
    "message_queuing",
    "network_policy_server",
    "remote_desktop_gateway",
    "update_services",
    "web_server",
];

#[test]
fn a_client_has_no_role_of_a_server() {
    let Some(folder) = image(&[("SYSTEM_WIN_10_1709", "Windows/System32/config/SYSTEM")]) else { return };
    let mut document = String::from("version: 1\nrequires:\n  resolver: { service: Dnscache }\n");
    for role in ROLES {
        document.push_str(&format!("  {role}: {{ role: {{ name: {role}, absent: true }} }}\n"));
    }
    folder.write("site.yaml", &document);
    let plan = ["plan", "site.yaml", "-m", "image:image", "--accept-dirty"];
    folder.run(&plan).exits(0).says(&["12 unchanged"]);
    // The same the other way round: each says what it misses.
    folder.write("site.yaml", document.replace(", absent: true", ""));
    folder.run(&plan).exits(0).says(&["11 blocked", "1 unchanged"]);
}
