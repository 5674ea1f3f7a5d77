//! Lengths that are wrong, missing, or lies.

use crate::kit::{Kit, TAG, body, froms};
use evenhand_fetch::ErrorKind;
use evenhand_testkit::web::{Act, Server, cut, head, serve};
use std::time::Duration;

fn chunked(body: &[u8]) -> Vec<u8> {
    let chunk = |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    body.chunks(30_000).flat_map(chunk).collect()
}

#[test]
fn a_promise_of_too_much_is_a_cut() {
    let server = Server::start(|_| vec![head("200 OK", &[("Content-Length", "300000")]), Act::Send(body())]);
    Kit::new(&server).fails(ErrorKind::Network, "the connection ended after 200000 of 300000 bytes");
}

#[test]
fn a_promise_of_too_little_is_seen_by_the_sum() {
    let server = Server::start(|_| vec![head("200 OK", &[("Content-Length", "100000")]), Act::Send(body())]);
    let mut kit = Kit::new(&server).published(&body());
    kit.fails(ErrorKind::WrongChecksum, "(100000 bytes)");
    assert_eq!(std::fs::read(kit.beside(".bad")).expect("what came").len(), 100_000);
}

#[test]
fn a_length_that_is_not_the_published_one_is_refused_at_once() {
    for length in ["100000", "300000"] {
        let server =
            Server::start(move |_| vec![head("200 OK", &[("Content-Length", length)]), Act::Send(body())]);
        let mut kit = Kit::new(&server).published_length(&body());
        kit.fails(ErrorKind::WrongSize, &format!("expected 200000 bytes, the server offers {length}"));
        assert_eq!(server.asked().len(), 1);
        assert!(!kit.beside(".part").exists());
    }
}

#[test]
fn chunks_need_no_length() {
    let server = Server::start(|_| {
        let end = [chunked(&body()), b"0\r\n\r\n".to_vec()].concat();
        vec![head("200 OK", &[("Transfer-Encoding", "chunked")]), Act::Send(end)]
    });
    let mut kit = Kit::new(&server);
    kit.brings(&body());
    assert_eq!(kit.told, ["begin from 0", "done: nothing"]);
}

#[test]
fn chunks_that_do_not_end_are_a_cut() {
    let server = Server::start(|_| {
        vec![head("200 OK", &[("Transfer-Encoding", "chunked"), ("ETag", TAG)]), Act::Send(chunked(&body()))]
    });
    Kit::new(&server).fails(ErrorKind::Network, "the connection ended after 200000 bytes");
}

#[test]
fn more_than_the_published_length_is_not_taken() {
    let server = Server::start(|_| {
        let twice = [chunked(&body()), chunked(&body()), b"0\r\n\r\n".to_vec()].concat();
        vec![head("200 OK", &[("Transfer-Encoding", "chunked")]), Act::Send(twice)]
    });
    let mut kit = Kit::new(&server).published_length(&body());
    kit.fails(ErrorKind::WrongSize, "expected at most 200000 bytes, the server sends more");
    assert!(!kit.beside(".part").exists(), "what is no good is not kept");
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn an_end_that_cannot_be_told_from_a_cut_is_noted() {
    let server = Server::start(|_| vec![head("200 OK", &[]), Act::Send(body())]);
    let mut kit = Kit::new(&server);
    kit.brings(&body());
    assert!(kit.told[1].starts_with("note: the server does not say how long"), "{:?}", kit.told);
}

#[test]
fn a_published_length_finds_the_cut_that_a_server_does_not_tell() {
    let server = Server::start(|asked| match asked.number {
        0 => vec![head("200 OK", &[("ETag", TAG)]), Act::Send(body()[..70_000].to_vec())],
        _ => serve(asked, &body(), TAG),
    });
    Kit::new(&server).published_length(&body()).brings(&body());
    assert_eq!(froms(&server), [None, Some(70_000)]);
}

#[test]
fn a_stall_is_a_cut() {
    let server = Server::start(|asked| match asked.number {
        0 => {
            let mut acts = cut(serve(asked, &body(), TAG), 50_000);
            acts.push(Act::Wait(Duration::from_secs(3)));
            acts
        }
        _ => serve(asked, &body(), TAG),
    });
    let mut kit = Kit::new(&server).waiting(400);
    kit.brings(&body());
    assert_eq!(froms(&server), [None, Some(50_000)]);
    assert!(kit.told[1].contains("nothing came for 0.4 s after 50000 of 200000 bytes"), "{:?}", kit.told);
}

#[test]
fn a_slow_server_is_borne_with() {
    let small = || body()[..4000].to_vec();
    let server = Server::start(move |_| {
        let length = small().len().to_string();
        vec![
            head("200 OK", &[("Content-Length", &length)]),
            Act::Trickle(small(), Duration::from_micros(500)),
        ]
    });
    Kit::new(&server).waiting(1500).brings(&body()[..4000]);
}

#[test]
fn a_server_that_all_but_stands_still_is_not() {
    let server = Server::start(|_| {
        let few = Act::Trickle(body()[..100].to_vec(), Duration::from_millis(50));
        vec![head("200 OK", &[("Content-Length", "200000")]), few]
    });
    let mut kit = Kit::new(&server).waiting(1500);
    kit.options.patience.retries = 0;
    kit.fails(ErrorKind::Network, "bytes a second, which is as good as nothing");
}
