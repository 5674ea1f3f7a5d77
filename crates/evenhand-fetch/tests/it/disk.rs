//! A disk that is full, and a folder that is in use.

use crate::kit::{Kit, NAME, TAG, body, froms};
use evenhand_fetch::ErrorKind;
use evenhand_testkit::SmallDisk;
use evenhand_testkit::web::{Act, Server, cut, serve};
use std::time::Duration;

#[test]
fn a_full_disk_leaves_no_file_and_the_next_run_goes_on() {
    let Some(disk) = SmallDisk::of_kib(9_000) else { return };
    let big = || body().repeat(100);
    let server = Server::start(move |asked| serve(asked, &big(), TAG));
    let mut kit = Kit::in_folder(&server.url("/arrests.csv"), &disk.path().join("release")).published(&big());
    let error = kit.run().expect_err("a full disk");
    assert_eq!(error.kind(), ErrorKind::DiskFull, "{error}");
    assert!(error.to_string().contains("cannot write: the disk is full"), "{error}");
    assert!(!kit.path().exists());
    assert_eq!(server.asked().len(), 1, "a full disk is not tried again");
    disk.grow_to_kib(30_000);
    kit.brings(&big());
    let from = froms(&server)[1].expect("the rest alone");
    assert!(from >= 8 << 20, "went on from {from}");
}

#[test]
fn two_fetches_into_one_folder_keep_apart() {
    let server = Server::start(|asked| {
        let mut acts = cut(serve(asked, &body(), TAG), 1000);
        acts.push(Act::Wait(Duration::from_millis(300)));
        acts.push(Act::Send(body()[1000..].to_vec()));
        acts
    });
    let mut first = Kit::new(&server);
    let mut second = Kit::in_folder(&server.url("/arrests.csv"), &first.options.to);
    let to = first.options.to.clone();
    std::thread::scope(|scope| {
        scope.spawn(|| first.brings(&body()));
        while !to.join(format!("{NAME}.part")).exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let error = second.run().expect_err("a refusal");
        assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
    });
    second.brings(&body());
    assert_eq!(server.asked().len(), 1);
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_made_is_told() {
    let server = Server::start(|_| Vec::new());
    let mut kit = Kit::in_folder(&server.url("/arrests.csv"), std::path::Path::new("/dev/null/release"));
    let error = kit.run().expect_err("a refusal");
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("/dev/null/release"), "{error}");
}
