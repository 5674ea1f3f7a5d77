//! Going on where a connection or a run ended.

use crate::kit::{Kit, NAME, TAG, body, froms, sum};
use evenhand_fetch::ErrorKind;
use evenhand_testkit::web::{Act, Server, answer, cut, serve};
use std::fs;

#[test]
fn cuts_are_joined() {
    let server = Server::start(|asked| match asked.number {
        0..3 => cut(serve(asked, &body(), TAG), 50_000),
        _ => serve(asked, &body(), TAG),
    });
    let mut kit = Kit::new(&server).published(&body());
    kit.brings(&body());
    assert_eq!(froms(&server), [None, Some(50_000), Some(100_000), Some(150_000)]);
    assert!(server.asked()[1..].iter().all(|asked| asked.header("if-range") == Some(TAG)));
}

/// Runs once against a server that cuts after 60,000 bytes, and gives up.
fn interrupted(
    behave: impl Fn(&evenhand_testkit::web::Asked) -> Vec<Act> + Send + Sync + 'static,
) -> (Server, Kit) {
    let server = Server::start(move |asked| match asked.number {
        0 => cut(serve(asked, &body(), TAG), 60_000),
        _ => behave(asked),
    });
    let mut kit = Kit::new(&server);
    kit.options.patience.retries = 0;
    kit.fails(ErrorKind::Network, "the connection ended after 60000 of 200000 bytes");
    assert_eq!(fs::read(kit.beside(".part")).expect("a part"), body()[..60_000]);
    kit.told.clear();
    (server, kit)
}

#[test]
fn a_later_run_goes_on() {
    let (server, mut kit) = interrupted(|asked| serve(asked, &body(), TAG));
    kit.brings(&body());
    assert_eq!(kit.told, ["begin from 60000", "done: nothing"]);
    assert_eq!(froms(&server), [None, Some(60_000)]);
}

#[test]
fn a_part_that_was_changed_begins_anew() {
    let (server, mut kit) = interrupted(|asked| serve(asked, &body(), TAG));
    let mut part = fs::read(kit.beside(".part")).expect("a part");
    part[30_000] ^= 1;
    fs::write(kit.beside(".part"), part).expect("a changed part");
    kit.brings(&body());
    assert_eq!(froms(&server), [None, None]);
}

#[test]
fn bytes_that_were_never_brought_to_the_disk_for_certain_are_not_trusted() {
    let (server, mut kit) = interrupted(|asked| serve(asked, &body(), TAG));
    let mut part = fs::read(kit.beside(".part")).expect("a part");
    part.extend([0; 200_000]);
    fs::write(kit.beside(".part"), part).expect("a longer part");
    kit.brings(&body());
    assert_eq!(froms(&server), [None, Some(60_000)]);
}

#[test]
fn a_description_of_the_part_that_cannot_be_read_begins_anew() {
    for text in ["", "{", "{\"about\":{\"url\":\"\"},\"on_disk\":5,\"sha256\":\"\"}", "\u{0}"] {
        let (server, mut kit) = interrupted(|asked| serve(asked, &body(), TAG));
        fs::write(kit.options.to.join(format!(".{NAME}.part.json")), text).expect("a broken state");
        kit.brings(&body());
        assert_eq!(froms(&server), [None, None], "{text}");
    }
}

#[test]
fn a_server_that_ignores_ranges_sends_it_all_again() {
    let (server, mut kit) = interrupted(|_| answer("200 OK", &[("ETag", TAG)], &body()));
    kit.brings(&body());
    assert_eq!(froms(&server), [None, Some(60_000)]);
    assert_eq!(kit.told[1], "restart: the server sends files only whole");
}

#[test]
fn a_file_that_changed_in_between_begins_anew() {
    let new = || body().to_ascii_uppercase();
    let (_server, mut kit) = interrupted(move |asked| serve(asked, &new(), "\"two\""));
    kit.brings(&new());
    assert_eq!(kit.told[1], "restart: the publisher has changed the file");
}

#[test]
fn a_changed_file_is_seen_even_if_the_server_does_not_look_at_the_condition() {
    let new = || body().to_ascii_uppercase();
    let (server, mut kit) = interrupted(move |asked| match asked.from() {
        Some(from) => {
            let range = format!("bytes {from}-199999/200000");
            answer("206 Partial Content", &[("Content-Range", &range), ("ETag", "\"two\"")], &new()[from..])
        }
        None => serve(asked, &new(), "\"two\""),
    });
    kit.options.patience.retries = 1;
    kit.brings(&new());
    assert_eq!(froms(&server), [None, Some(60_000), None]);
}

#[test]
fn another_part_than_was_asked_for_is_not_taken() {
    let (server, mut kit) = interrupted(|asked| match asked.from() {
        Some(_) => answer("206 Partial Content", &[("Content-Range", "bytes 0-199999/200000")], &body()),
        None => serve(asked, &body(), TAG),
    });
    kit.options.patience.retries = 1;
    kit.brings(&body());
    assert_eq!(froms(&server), [None, Some(60_000), None]);
    assert_eq!(kit.told[1], "restart: the server sends another part than was asked for");
}

#[test]
fn a_part_that_does_not_say_which_it_is_is_not_taken() {
    let (_server, mut kit) = interrupted(|asked| match asked.from() {
        Some(from) => answer("206 Partial Content", &[], &body()[from..]),
        None => serve(asked, &body(), TAG),
    });
    kit.options.patience.retries = 1;
    kit.brings(&body());
}

#[test]
fn a_part_that_nobody_asked_for_is_an_error() {
    let server = Server::start(|_| {
        answer("206 Partial Content", &[("Content-Range", "bytes 9-199999/200000")], &body()[9..])
    });
    Kit::new(&server).fails(ErrorKind::Protocol, "expected a part from byte 0 on, found one from byte 9");
}

#[test]
fn a_part_that_does_not_fit_the_rest_is_fetched_again_whole() {
    let (server, kit) = interrupted(|asked| serve(asked, &body(), TAG));
    let path = kit.options.to.join(format!(".{NAME}.part.json"));
    let mut part = fs::read(kit.beside(".part")).expect("a part");
    part[100] ^= 1;
    fs::write(kit.beside(".part"), &part).expect("a changed part");
    let state = fs::read_to_string(&path).expect("a state");
    fs::write(&path, state.replace(&sum(&body()[..60_000]), &sum(&part))).expect("a state that lies");
    let mut kit = kit.published(&body());
    kit.brings(&body());
    assert_eq!(froms(&server), [None, Some(60_000), None]);
    assert_eq!(kit.told[1], "restart: its pieces do not fit together");
}

#[test]
fn without_a_tag_or_date_only_a_published_sum_lets_us_go_on() {
    let behave = |asked: &evenhand_testkit::web::Asked| {
        let acts = match asked.from() {
            Some(from) => {
                let range = format!("bytes {from}-199999/200000");
                answer("206 Partial Content", &[("Content-Range", &range)], &body()[from..])
            }
            None => answer("200 OK", &[], &body()),
        };
        if asked.number == 0 { cut(acts, 60_000) } else { acts }
    };
    let server = Server::start(behave);
    let mut kit = Kit::new(&server);
    kit.brings(&body());
    assert_eq!(froms(&server), [None, None]);
    assert!(kit.told[2].ends_with("no way to tell whether the file is still the same"), "{:?}", kit.told);
    let server = Server::start(behave);
    Kit::new(&server).published(&body()).brings(&body());
    assert_eq!(froms(&server), [None, Some(60_000)]);
}

#[test]
fn a_part_that_lacks_only_its_name_gets_it() {
    let (server, mut kit) = interrupted(|asked| serve(asked, &body(), TAG));
    let path = kit.options.to.join(format!(".{NAME}.part.json"));
    let state = fs::read_to_string(&path).expect("a state").replace(&sum(&body()[..60_000]), &sum(&body()));
    fs::write(&path, state.replace("\"on_disk\":60000", "\"on_disk\":200000")).expect("a state");
    fs::write(kit.beside(".part"), body()).expect("a whole part");
    kit.brings(&body());
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn an_end_where_more_was_expected_begins_anew() {
    let small = || body()[..50_000].to_vec();
    let (server, mut kit) = interrupted(move |asked| match asked.from() {
        Some(_) => answer("416 Range Not Satisfiable", &[("Content-Range", "bytes */50000")], b""),
        None => serve(asked, &small(), "\"two\""),
    });
    kit.options.patience.retries = 1;
    kit.brings(&small());
    assert_eq!(froms(&server), [None, Some(60_000), None]);
}

#[test]
fn progress_buys_patience() {
    // Two mebibytes at a time, and never more than one failure is allowed in a row.
    let big = || b"0123456789abcdef".repeat(1 << 19);
    let server = Server::start(move |asked| cut(serve(asked, &big(), TAG), 2 << 20));
    let mut kit = Kit::new(&server).published(&big());
    kit.options.patience.retries = 1;
    kit.brings(&big());
    assert_eq!(server.asked().len(), 4);
}

#[test]
fn what_comes_again_is_no_progress() {
    // No tag and no sum: each attempt begins anew, and each ends a little further.
    let big = || b"0123456789abcdef".repeat(1 << 19);
    let server =
        Server::start(move |asked| cut(answer("200 OK", &[], &big()), (1 << 20) + 1000 * asked.number));
    let mut kit = Kit::new(&server);
    kit.options.patience.retries = 2;
    kit.fails(ErrorKind::Network, "(3 attempts)");
}

#[test]
fn wrong_bytes_in_pieces_are_fetched_again_once() {
    let server = Server::start(|asked| match asked.number % 2 {
        0 => cut(serve(asked, &body(), TAG), 50_000),
        _ => serve(asked, &body(), TAG),
    });
    let mut kit = Kit::new(&server).published(b"something else");
    kit.fails(ErrorKind::WrongChecksum, "(200000 bytes)");
    assert_eq!(server.asked().len(), 4);
    assert!(kit.beside(".bad").exists());
}
