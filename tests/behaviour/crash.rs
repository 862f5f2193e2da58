//! kill -9 and power cuts at random moments under load: nothing acknowledged
//! is lost, nothing is half done.

use orbit_tests::bank::Bank;
use orbit_tests::disk::LoopDisk;
use orbit_tests::server::Server;
use orbit_tests::{Random, seed, skip, soak};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Commits there must be between two accidents; fewer would test nothing.
const COMMITS: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_by_kill_9() {
    let kills = if soak() { 500 } else { 25 };
    let mut random = Random(seed("kill_9"));
    let mut server = Server::start().await;
    let mut bank = Bank::open(&server).await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut reopened = Vec::new();
    for _ in 0..kills {
        let clients = bank.work(&server, &mut random, &stop).await;
        bank.busy(COMMITS).await;
        tokio::time::sleep(Duration::from_millis(random.below(150))).await;
        server.kill();
        for client in clients {
            client.await.expect("a client ends when its server is gone");
        }
        server.restart().await;
        reopened.push(server.started_in);
        bank.verify(&server).await;
    }
    reopened.sort();
    let p99 = reopened[(reopened.len() * 99 / 100).min(reopened.len() - 1)];
    eprintln!(
        "{kills} kills, {} acknowledged commits, reopen p99 {p99:?}",
        bank.acknowledged()
    );
    assert!(p99 < Duration::from_secs(2), "reopen took {p99:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_by_a_power_cut() {
    let cuts = if soak() { 100 } else { 12 };
    let mut random = Random(seed("power_cut"));
    let mut disk = match LoopDisk::create(512) {
        Ok(disk) => disk,
        Err(reason) => return skip("nothing_acknowledged_is_lost_by_a_power_cut", &reason),
    };
    let directory = disk.mount_point().join("data");
    let mut server = Server::start_in(&directory, &[]).await;
    let mut bank = Bank::open(&server).await;
    let stop = Arc::new(AtomicBool::new(false));
    for _ in 0..cuts {
        let clients = bank.work(&server, &mut random, &stop).await;
        bank.busy(COMMITS).await;
        tokio::time::sleep(Duration::from_millis(random.below(60))).await;
        let acknowledged = bank.acknowledged();
        disk.cut_power().expect("the shutdown ioctl");
        server.kill();
        for client in clients {
            client.await.expect("a client ends when its server is gone");
        }
        // Without power nobody is told anything. Here the process outlives its disk for
        // a moment, in which ext4 may report an fsync as done whose journal it dropped.
        bank.forget_after(acknowledged);
        disk.remount().expect("the file system after the cut");
        server.restart().await;
        bank.verify(&server).await;
    }
    eprintln!("{cuts} cuts, {} acknowledged commits", bank.acknowledged());
    server.kill();
}
