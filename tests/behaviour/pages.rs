//! What a node's memory is made of follows its profile.

use orbit_tests::server::Server;

/// The kernel's own word (proc_pid_status(5)); `None`: it has no huge pages, or doesn't say.
fn has_huge_pages(server: &Server) -> Option<bool> {
    std::fs::metadata("/sys/kernel/mm/transparent_hugepage").ok()?;
    let text = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("THP_enabled:"))?;
    Some(line.trim() == "1")
}

#[tokio::test]
async fn small_profiles_have_small_pages() {
    for (profile, wanted) in [
        ("iot_gateway", false),
        ("mobile_device", false),
        ("edge_datacenter", true),
    ] {
        let server = Server::start_with(&["--profile", profile]).await;
        match has_huge_pages(&server) {
            Some(found) => assert_eq!(found, wanted, "{profile}"),
            None => return orbit_tests::skip("small pages", "this system has no huge ones"),
        }
    }
}
