//! Being sent elsewhere.

use crate::kit::{Kit, TAG, body};
use evenhand_fetch::ErrorKind;
use evenhand_testkit::web::{Server, answer, cut, serve};

#[test]
fn redirects_are_followed_and_the_range_goes_with_them() {
    let server = Server::start(|asked| match (asked.path.as_str(), asked.number) {
        ("/arrests.csv", _) => answer("302 Found", &[("Location", "/moved?to=here#there")], b""),
        ("/moved?to=here", _) => answer("307 Temporary Redirect", &[("Location", "store/file")], b"moved"),
        ("/store/file", 2) => cut(serve(asked, &body(), TAG), 10_000),
        ("/store/file", _) => serve(asked, &body(), TAG),
        _ => answer("404 Not Found", &[], b""),
    });
    Kit::new(&server).published(&body()).brings(&body());
    assert_eq!(server.asked().last().and_then(|asked| asked.from()), Some(10_000));
}

#[test]
fn circles_are_seen() {
    let server = Server::start(|asked| {
        let to = if asked.path == "/a" { "/arrests.csv" } else { "/a" };
        answer("302 Found", &[("Location", to)], b"")
    });
    Kit::new(&server).fails(ErrorKind::Redirect, "sends us in a circle");
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn a_long_way_is_not_gone_to_its_end() {
    let server =
        Server::start(|asked| answer("302 Found", &[("Location", &format!("/{}", asked.number))], b""));
    Kit::new(&server).fails(ErrorKind::Redirect, "at most 10 redirects");
    assert_eq!(server.asked().len(), 11);
}

#[test]
fn redirects_out_of_the_web_are_refused() {
    for to in ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://x"] {
        let server = Server::start(move |_| answer("302 Found", &[("Location", to)], b""));
        Kit::new(&server).fails(ErrorKind::Redirect, &format!("was sent to `{to}`"));
    }
    let server = Server::start(|_| answer("302 Found", &[], b""));
    Kit::new(&server).fails(ErrorKind::Redirect, "leads nowhere");
}
