//! Data folders that cannot be used as they are: written by a newer version, or on a full disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use moltforge_store::{Location, Store};
use moltforge_types::Ambient;
use serde_json::json;

use crate::http::Http;
use crate::process::{Dev, run};

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    assert_eq!(Dev::start(at, &["--data-dir", "data"]).stop(), Some(0));
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    rt.block_on(async {
        let store = Store::open(Location::Sqlite(at.join("data")), Ambient::system()).await.unwrap();
        let mut tx = store.begin().await.unwrap();
        let later = "INSERT INTO migration(number, name, checksum, applied_at) VALUES (9999, '9999_later', 'x', 0)";
        tx.query(later).execute().await.unwrap();
        tx.commit().await.unwrap();
    });
    drop(rt);
    let done = run(at, &["dev", "--port", "0", "--data-dir", "data"]);
    assert_eq!(done.code, 1, "{}", done.err);
    assert!(done.err.contains("database_newer") && done.err.contains("hint: "), "{}", done.err);
}

/// Nothing acknowledged is lost, the refusal says what is wrong, and with room again everything goes on by itself.
#[test]
fn a_full_disk_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let disk = SmallDisk::mount(at, "8m");
    let dev = Dev::start_in(at, &disk.enter, &["--data-dir", "disk/data"]);
    let key = dev.document["key"].as_str().unwrap().to_owned();
    let agent = json!({ "config": {
        "name": "echo", "kind": "prompt", "model": "scripted", "script": [{ "text": "{{ input.n }}" }]
    } });
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    rt.block_on(async {
        let http = Http::new(dev.url.strip_prefix("http://").unwrap().parse().unwrap(), Some(&key));
        assert_eq!(http.json("POST", "/v1/agents", &agent.to_string()).await.status, 201);
        assert_eq!(http.json("POST", "/v1/agents/echo/deployments", "{}").await.status, 201);
        disk.fill();
        // large inputs, so that it does not take long
        let filler = "x".repeat(50_000);
        let mut acknowledged = Vec::new();
        let begun = Instant::now();
        let refusal = loop {
            assert!(begun.elapsed() < Duration::from_mins(1), "the disk is never full");
            let input = json!({ "agent": "echo", "input": { "n": acknowledged.len(), "filler": filler } });
            let answer = http.json("POST", "/v1/executions", &input.to_string()).await;
            match answer.status {
                201 | 202 => acknowledged.push(answer.value()["execution_id"].as_str().unwrap().to_owned()),
                _ => break answer,
            }
        };
        assert_eq!((refusal.status, refusal.code().as_str()), (503, "storage_full"), "{}", refusal.text());
        assert_eq!(http.get("/readyz").await.status, 503);
        disk.make_room();
        for (n, id) in acknowledged.iter().enumerate() {
            let begun = Instant::now();
            loop {
                let execution = http.get(&format!("/v1/executions/{id}")).await.value();
                if execution["state"] == "completed" {
                    assert_eq!(execution["output"], n.to_string());
                    break;
                }
                assert!(begun.elapsed() < Duration::from_secs(30), "{n} does not end: {execution}");
                // a real wait: another process does its work
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        let begun = Instant::now();
        loop {
            let ready = http.get("/readyz").await;
            if ready.status == 200 {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{}", ready.text());
            // a real wait: another process does its work
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    assert_eq!(dev.stop(), Some(0));
}

/// A file system of a few MiB, in a mount namespace of its own.
struct SmallDisk {
    holder: std::process::Child,
    /// As this process sees it.
    path: PathBuf,
    /// A command that runs another one inside.
    enter: Vec<String>,
}

impl SmallDisk {
    fn mount(at: &Path, size: &str) -> Self {
        let disk = at.join("disk");
        fs::create_dir(&disk).unwrap();
        let script =
            format!("mount -t tmpfs -o size={size} none {} && touch {0}/mounted && exec sleep 300", disk.display());
        // root makes the mount; anybody else is root of a user namespace first
        let holder =
            Command::new("unshare").args(["-U", "-r", "-m", "sh", "-c", &script]).current_dir(at).spawn().unwrap();
        let path = PathBuf::from(format!("/proc/{}/root{}", holder.id(), disk.display()));
        let begun = Instant::now();
        while !path.join("mounted").try_exists().unwrap_or(false) {
            assert!(
                begun.elapsed() < Duration::from_secs(10),
                "no mount: this test needs user namespaces (unshare -Urm)"
            );
            // a real wait: another process does its work
            std::thread::sleep(Duration::from_millis(10));
        }
        let target = holder.id().to_string();
        let enter = ["nsenter", "-t", &target, "-U", "-m", "--preserve-credentials", "-w"];
        Self { holder, path, enter: enter.iter().map(|word| (*word).to_owned()).collect() }
    }

    /// Leaves little room.
    fn fill(&self) {
        fs::write(self.path.join("ballast"), vec![0; 6 * 1024 * 1024]).unwrap();
    }

    fn make_room(&self) {
        fs::remove_file(self.path.join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
