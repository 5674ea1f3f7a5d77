//! Answers other than the file.

use crate::kit::{Kit, TAG, body};
use evenhand_fetch::ErrorKind;
use evenhand_testkit::web::{Act, Server, answer, head, serve};
use std::time::{Duration, Instant};

#[test]
fn a_file_comes_whole() {
    let server = Server::start(|asked| serve(asked, &body(), TAG));
    let mut kit = Kit::new(&server).published(&body()).published_length(&body());
    kit.brings(&body());
    assert_eq!(kit.told, ["begin from 0", "done: published"]);
    let asked = server.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].header("accept-encoding"), Some("identity"));
    assert!(asked[0].header("user-agent").is_some_and(|agent| agent.starts_with("evenhand/")));
}

#[test]
fn an_empty_file_is_a_file() {
    let server = Server::start(|asked| serve(asked, b"", TAG));
    Kit::new(&server).brings(b"");
}

#[test]
fn what_will_not_pass_is_asked_once() {
    for (status, needle) in
        [("404 Not Found", "404 (Not Found)"), ("403 Forbidden", "403"), ("410 Gone", "410")]
    {
        let server = Server::start(move |_| answer(status, &[], b"no"));
        let error = Kit::new(&server).fails(ErrorKind::Status, needle);
        assert!(error.how_to_go_on().is_some());
        assert_eq!(server.asked().len(), 1);
    }
}

#[test]
fn what_may_pass_is_asked_again() {
    for status in ["500 Oh", "502 Oh", "503 Oh", "504 Oh", "429 Oh", "408 Oh"] {
        let server = Server::start(move |asked| match asked.number {
            0 | 1 => answer(status, &[], b"later"),
            _ => serve(asked, &body(), TAG),
        });
        Kit::new(&server).brings(&body());
        assert_eq!(server.asked().len(), 3, "{status}");
    }
}

#[test]
fn patience_ends() {
    let server = Server::start(|_| answer("500 Oh", &[], b""));
    Kit::new(&server).fails(ErrorKind::Status, "(4 attempts)");
    assert_eq!(server.asked().len(), 4);
}

#[test]
fn retry_after_is_respected() {
    let server = Server::start(|asked| match asked.number {
        0 => answer("503 Busy", &[("Retry-After", "1")], b""),
        _ => serve(asked, &body(), TAG),
    });
    let began = Instant::now();
    Kit::new(&server).brings(&body());
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[test]
fn a_server_that_asks_for_a_day_is_not_waited_for() {
    let server = Server::start(|_| answer("503 Busy", &[("Retry-After", "86400")], b""));
    Kit::new(&server).fails(ErrorKind::Status, "it asks to come back in 86400 s");
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn connections_that_end_at_once_are_tried_again() {
    let server = Server::start(|asked| match asked.number {
        0 | 1 => Vec::new(),
        2 => vec![Act::Send(b"HTTP/1.1 20".to_vec())],
        _ => serve(asked, &body(), TAG),
    });
    Kit::new(&server).brings(&body());
    assert_eq!(server.asked().len(), 4);
}

#[test]
fn a_server_that_is_not_there_is_told() {
    let gone = Server::start(|_| Vec::new()).url("/arrests.csv");
    Kit::at(&gone).fails(ErrorKind::Network, "`127.0.0.1` failed");
}

#[test]
fn a_server_that_does_not_answer_is_told() {
    let server = Server::start(|_| vec![Act::Wait(Duration::from_secs(2))]);
    let mut kit = Kit::new(&server).waiting(400);
    kit.options.patience.retries = 1;
    kit.fails(ErrorKind::Network, "did not answer within 0.4 s (2 attempts)");
}

#[test]
fn words_that_are_no_http_are_told() {
    let server = Server::start(|_| vec![Act::Send(b"SSH-2.0-OpenSSH_9.6\r\n\r\n".to_vec())]);
    Kit::new(&server).fails(ErrorKind::Network, "cannot be read");
}

#[test]
fn endless_headers_are_refused() {
    let server = Server::start(|_| {
        let line = format!("X: {}\r\n", "y".repeat(1000));
        vec![Act::Send(format!("HTTP/1.1 200 OK\r\n{}", line.repeat(1000)).into_bytes())]
    });
    let mut kit = Kit::new(&server);
    kit.options.patience.retries = 0;
    let fetched = kit.run().expect("a failure of the file alone");
    assert_eq!(fetched.failures.len(), 1);
    assert!(!kit.path().exists());
}

#[test]
fn a_packed_answer_is_refused() {
    let server = Server::start(|_| answer("200 OK", &[("Content-Encoding", "gzip")], b"\x1f\x8b"));
    Kit::new(&server).fails(ErrorKind::Protocol, "packed as `gzip`");
}

#[test]
fn a_page_in_place_of_a_workbook_is_refused() {
    let server = Server::start(|_| answer("200 OK", &[], b"<!DOCTYPE html><title>Sign in</title>"));
    let mut kit = Kit::new(&server).named("arrests.xlsx");
    kit.fails(ErrorKind::NotTheFile, "a web page came in its place");
    assert!(!kit.beside(".part").exists() && !kit.beside(".bad").exists());
}

#[test]
fn an_answer_without_a_body_is_no_file() {
    let server = Server::start(|_| vec![head("200 OK", &[("Content-Length", "-5")])]);
    let mut kit = Kit::new(&server).published(&body());
    kit.options.patience.retries = 1;
    let fetched = kit.run().expect("a failure of the file alone");
    assert_eq!(fetched.failures.len(), 1);
}
