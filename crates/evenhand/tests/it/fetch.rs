//! `evenhand fetch` against a server of ours; no other network.

use crate::run::{Ran, command, evenhand, finished, word};
use evenhand_testkit::web::{Act, Server, answer, cut, serve};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const TAG: &str = "\"one\"";

fn body() -> Vec<u8> {
    (0..40_000)
        .flat_map(|number: u32| format!("{number},{}\n", number.wrapping_mul(2_654_435_761)).into_bytes())
        .collect()
}

fn sum(bytes: &[u8]) -> String {
    // The binary's own account of a file whose sum is not known.
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let kit = Kit::new("https://nowhere.invalid/x", "", scratch);
    fs::create_dir_all(&kit.to).expect("a folder");
    fs::write(kit.to.join("arrests.csv"), bytes).expect("a file");
    let ran = kit.fetch(&["--json"]).done();
    events(&ran).last().expect("an end")["files"][0]["sha256"].as_str().expect("a sum").to_owned()
}

/// A manifest with one release of one file, and a folder to fetch it into.
struct Kit {
    manifest: PathBuf,
    to: PathBuf,
    _scratch: TempDir,
}

impl Kit {
    fn new(url: &str, keys: &str, scratch: TempDir) -> Kit {
        let manifest = scratch.path().join("releases.toml");
        let text = format!(
            "schema = \"fetch-manifest/1\"\n[[release]]\nid = \"mine\"\ntitle = \"t\"\npublisher = \"p\"\n\
             landing_page = \"https://example.org/page\"\ncitation = \"the citation\"\nlicence = \"l\"\n\
             [[release.file]]\nname = \"arrests.csv\"\nurl = \"{url}\"\n{keys}\n"
        );
        fs::write(&manifest, text).expect("a manifest");
        Kit { manifest, to: scratch.path().join("mine"), _scratch: scratch }
    }

    fn of(server: &Server, keys: &str) -> Kit {
        Kit::new(&server.url("/arrests.csv"), keys, tempfile::tempdir().expect("a scratch folder"))
    }

    fn words<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let ours = ["fetch", "mine", "--manifest", word(&self.manifest), "--to", word(&self.to)];
        [&ours, more].concat()
    }

    fn fetch(&self, more: &[&str]) -> Ran {
        let hurry = [&["--retry-wait", "0.01", "--retries", "2", "--timeout", "2"], more].concat();
        finished(bare(&self.words(&hurry)).output().expect("the binary runs"))
    }

    fn file(&self) -> PathBuf {
        self.to.join("arrests.csv")
    }
}

/// A command whose surroundings name no proxy.
fn bare(words: &[&str]) -> std::process::Command {
    let mut command = command(words);
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    command
}

fn events(ran: &Ran) -> Vec<Value> {
    let object =
        |line: &str| serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let events: Vec<Value> = ran.out.lines().map(object).collect();
    assert!(events.iter().all(|event| event["schema"] == "fetch/1"), "{}", ran.out);
    events
}

#[test]
fn a_release_comes_and_the_next_command_is_told() {
    let server = Server::start(|asked| serve(asked, &body(), TAG));
    let kit = Kit::of(&server, "");
    let ran = kit.fetch(&[]).done();
    assert_eq!(fs::read(kit.file()).expect("the file"), body());
    assert!(ran.out.contains("arrests.csv"), "{}", ran.out);
    assert!(ran.err.contains("no published checksum: recorded SHA-256 "), "{}", ran.err);
    assert!(ran.err.contains("cite: the citation"), "{}", ran.err);
    let next = format!("next: evenhand ingest {} --record record\n", kit.to.display());
    assert!(ran.err.ends_with(&next), "{}", ran.err);
    assert!(!ran.err.contains('\r') && !ran.err.contains('\u{1b}'), "not a terminal: {}", ran.err);
    let again = kit.fetch(&[]).done();
    assert!(!again.err.contains("no published checksum"), "{}", again.err);
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn what_was_fetched_is_read_by_the_command_that_is_told() {
    let table = b"Prepare Date,Detainer Type,Detainer Detention Facility,State,City,Detainer Lift Reason\n\
                  10/1/2014,I247,A JAIL,TX,AUSTIN,\n";
    let server = Server::start(|asked| serve(asked, table, TAG));
    let kit = Kit::of(&server, "");
    let end = events(&kit.fetch(&["--json"]).done()).pop().expect("an end");
    let next = end["next"].as_str().expect("a command").strip_prefix("evenhand ").expect("ours");
    let record = kit.to.with_file_name("record");
    let words: Vec<_> =
        next.split(' ').map(|part| if part == "record" { word(&record) } else { part }).collect();
    let ran = evenhand(&words).done();
    assert!(ran.out.contains("place in counties of detainers: 1 kept, 0 set aside"), "{}", ran.out);

    fs::rename(kit.file(), kit.to.join("arrests.csv.part")).expect("a file that is not whole");
    evenhand(&words).refused(3, "expected a whole file");
}

#[test]
fn machines_are_told_each_step() {
    let server = Server::start(|asked| match asked.number {
        0 => answer("503 Busy", &[], b""),
        1 => cut(serve(asked, &body(), TAG), 100_000),
        _ => serve(asked, &body(), TAG),
    });
    let kit = Kit::of(&server, "");
    let ran = kit.fetch(&["--json"]).done();
    let events = events(&ran);
    let names: Vec<_> = events.iter().map(|event| event["event"].as_str().expect("a name")).collect();
    assert_eq!(names, ["begin", "retry", "retry", "done", "end"]);
    assert_eq!(events[1]["error"]["code"], "status");
    assert_eq!(events[2]["error"]["code"], "network");
    assert_eq!(events[2]["attempt"], 2);
    assert_eq!(events[3]["compared_with"], "nothing");
    assert_eq!(events[4]["files"][0]["bytes"], body().len());
    assert_eq!(events[4]["folder"], word(&kit.to));
    assert!(events[4]["error"].is_null());
    assert!(events[4]["next"].as_str().is_some_and(|next| next.starts_with("evenhand ingest ")));
}

#[test]
fn every_end_has_its_code() {
    let server = Server::start(|asked| match asked.path.as_str() {
        "/arrests.csv" => serve(asked, &body(), TAG),
        "/page" => answer("200 OK", &[], b"<html>Sign in</html>"),
        _ => answer("404 Not Found", &[], b""),
    });
    let zeros = format!("sha256 = \"{}\"", "0".repeat(64));
    let at = |path: &str, keys: &str| {
        Kit::new(&server.url(path), keys, tempfile::tempdir().expect("a scratch folder"))
    };
    at("/gone", "").fetch(&[]).refused(1, "`arrests.csv`: `127.0.0.1` answers 404 (Not Found)");
    at("/page", "").fetch(&[]).refused(3, "a web page came in its place");
    at("/arrests.csv", "bytes = 7").fetch(&[]).refused(3, "expected 7 bytes, the server offers");
    let kit = at("/arrests.csv", &zeros);
    let ran = kit.fetch(&["--json"]);
    ran.refused(3, "expected the SHA-256 0000000000");
    let end = events(&ran).pop().expect("an end");
    assert_eq!((&end["event"], &end["error"]["code"]), (&"end".into(), &"wrong_checksum".into()));
    assert!(end["next"].is_null());
    assert!(!kit.file().exists() && kit.to.join("arrests.csv.bad").exists());
    at("/x", "sha265 = 1").fetch(&[]).refused(3, "line 12: unknown field `sha265`");
    let ran = finished(bare(&["fetch", "r2099", "--json"]).output().expect("the binary runs"));
    ran.refused(2, "no release `r2099` in the manifest");
    assert_eq!(events(&ran)[0]["error"]["code"], "unknown_release");
    let ran = finished(bare(&["fetch"]).output().expect("the binary runs"));
    assert_eq!(ran.code, 2, "{}", ran.err);
    let ran = finished(bare(&["fetch", "r2023", "--timeout", "0"]).output().expect("the binary runs"));
    assert_eq!(ran.code, 2, "{}", ran.err);
}

#[test]
fn a_release_on_a_page_for_people_says_how_to_go_on() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let to = scratch.path().join("ice-r2026mar");
    let words = ["fetch", "r2026mar", "--to", word(&to)];
    let ran = finished(bare(&words).output().expect("the binary runs"));
    ran.refused(1, "`ice-r2026mar`: the manifest has no address for it");
    assert!(ran.err.contains("hint: download it from https://deportationdata.org/"), "{}", ran.err);
    fs::write(to.join("Arrests.xlsx"), "PK").expect("a file put there by hand");
    let ran = finished(bare(&words).output().expect("the binary runs")).done();
    assert!(ran.err.contains("`Arrests.xlsx`: no published checksum: recorded"), "{}", ran.err);
    assert!(to.join("fetched.json").exists());
}

#[test]
fn releases_are_listed_without_network() {
    let ran = finished(bare(&["fetch", "--list"]).output().expect("the binary runs")).done();
    assert!(ran.out.contains("ice-r2025jul") && ran.out.contains("by hand"), "{}", ran.out);
    let ran = finished(bare(&["fetch", "--list", "--json"]).output().expect("the binary runs")).done();
    assert_eq!(ran.json()["schema"], "fetch_list/1");
    let words = ["fetch", "--list", "ice-detainers-fy2008-2015"];
    let ran = finished(bare(&words).output().expect("the binary runs")).done();
    assert!(ran.out.contains("d898c2b0") && ran.out.contains("licence: US government record"), "{}", ran.out);
}

#[test]
fn a_killed_process_leaves_a_part_and_the_next_one_goes_on() {
    // Ten mebibytes at once and then nothing more, until the first process is gone.
    let big = || b"0123456789abcdef".repeat(1_000_000);
    let server = Server::start(move |asked| match asked.number {
        0 => {
            let mut acts = cut(serve(asked, &big(), TAG), 10 << 20);
            acts.push(Act::Wait(Duration::from_secs(20)));
            acts
        }
        _ => serve(asked, &big(), TAG),
    });
    let keys = format!("sha256 = \"{}\"", sum(&big()));
    let kit = Kit::of(&server, &keys);
    let mut first = bare(&kit.words(&[])).spawn().expect("the binary runs");
    let state = kit.to.join(".arrests.csv.part.json");
    let began = Instant::now();
    while !state.exists() {
        assert!(began.elapsed() < Duration::from_secs(20), "nothing was brought to the disk");
        std::thread::sleep(Duration::from_millis(10));
    }
    first.kill().expect("it can be killed");
    first.wait().expect("it is gone");
    assert!(!kit.file().exists() && kit.to.join("arrests.csv.part").exists());
    let ran = kit.fetch(&[]).done();
    assert!(ran.err.contains("goes on from "), "{}", ran.err);
    assert_eq!(fs::read(kit.file()).expect("the file"), big());
    let from = server.asked()[1].from().expect("the rest alone");
    assert!((8 << 20..=10 << 20).contains(&from), "went on from {from}");
    let names = fs::read_dir(&kit.to).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<_> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    assert_eq!(names, [".fetch.lock", "arrests.csv", "fetched.json"]);
}

#[test]
fn the_proxy_of_the_environment_is_used() {
    let proxy = Server::start(|asked| match asked.method.as_str() {
        "CONNECT" => vec![Act::Tunnel],
        _ => serve(asked, &body(), TAG),
    });
    let kit = Kit::new("http://publisher.invalid/x", "", tempfile::tempdir().expect("a scratch folder"));
    let address = format!("http://{}", proxy.address());
    let run = |more: &[(&str, &str)]| {
        let mut command = bare(&kit.words(&["--retries", "0"]));
        command.env("http_proxy", &address).envs(more.iter().copied());
        finished(command.output().expect("the binary runs"))
    };
    run(&[("no_proxy", ".invalid")]).refused(1, "publisher.invalid");
    assert!(proxy.asked().is_empty());
    run(&[]).done();
    assert_eq!(proxy.asked()[0].path, "publisher.invalid:80");
}

/// A certificate for 127.0.0.1 and a server that shows it, where this machine has `openssl`.
struct Secure {
    server: std::process::Child,
    port: u16,
    scratch: TempDir,
}

impl Secure {
    fn start() -> Option<Secure> {
        let scratch = tempfile::tempdir().expect("a scratch folder");
        let openssl = |words: &str| {
            let mut command = std::process::Command::new("openssl");
            command.args(words.split(' ')).current_dir(scratch.path());
            command
                .stdin(std::process::Stdio::null())
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null());
            command
        };
        let made = openssl(
            "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=127.0.0.1 \
             -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE",
        );
        let mut made = made;
        if !made.status().is_ok_and(|status| status.success()) {
            evenhand_testkit::skipped("a test of certificates needs openssl");
            return None;
        }
        fs::write(scratch.path().join("x.csv"), body()).expect("a file");
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.expect("a port of loopback can be had").port();
        let words = format!("s_server -accept 127.0.0.1:{port} -cert cert.pem -key key.pem -WWW -quiet");
        let server = openssl(&words).spawn().expect("openssl runs");
        let began = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(10), "openssl does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Secure { server, port, scratch })
    }

    fn certificate(&self) -> PathBuf {
        self.scratch.path().join("cert.pem")
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

#[test]
fn only_trusted_certificates_are_trusted() {
    let Some(secure) = Secure::start() else { return };
    let url = format!("https://127.0.0.1:{}/x.csv", secure.port);
    let kit = Kit::new(&url, "", tempfile::tempdir().expect("a scratch folder"));
    let run = |certificate: &Path| {
        let mut command = bare(&kit.words(&["--retries", "0"]));
        finished(command.env("SSL_CERT_FILE", certificate).output().expect("the binary runs"))
    };
    let nothing = secure.scratch.path().join("none.pem");
    fs::write(&nothing, "").expect("an empty file");
    let ran = run(&nothing);
    ran.refused(1, "the certificate of `127.0.0.1` cannot be trusted");
    assert!(ran.err.contains("SSL_CERT_FILE"), "{}", ran.err);
    run(&secure.certificate()).done();
    assert_eq!(fs::read(kit.file()).expect("the file"), body());
}
