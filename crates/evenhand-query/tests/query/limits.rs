//! Queries that ask for too much, and records that are not as they were published.

use crate::record::{on_disk, session};
use evenhand_query::{ErrorKind, Options, Profile, Session};
use std::time::{Duration, Instant};

const ENDLESS: [&str; 5] = [
    "SELECT count(*) FROM range(100000) a, range(100000) b, range(1000) c",
    "SELECT sum(a.value * b.value) FROM range(100000) a JOIN range(100000) b ON a.value <> b.value",
    "SELECT a.value FROM range(100000) a, range(100000) b ORDER BY a.value % 7 LIMIT 3",
    "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r",
    "SELECT count(DISTINCT value % 1000) FROM range(100000000000)",
];

#[test]
fn a_runaway_query_ends_within_its_time() {
    let (_folder, record) = on_disk();
    let limit = Duration::from_millis(500);
    let options = Options { time_limit: Some(limit), ..Options::default() };
    let session = Session::open(&record, Profile::Publish, &options).unwrap();
    for text in ENDLESS {
        let start = Instant::now();
        let error = session.sql(text).expect_err(text);
        let took = start.elapsed();
        assert_eq!(error.kind(), ErrorKind::Time, "{text}: {error}");
        assert!(error.to_string().contains("ended after 0.5 s"), "{error}");
        assert!(took < limit + Duration::from_secs(5), "{text} took {took:?}");
        let next = session.sql("SELECT sum(arrests) FROM figures_arrests_week").unwrap();
        assert_eq!(next.rows(), 1, "the session answers on");
    }
}

#[test]
fn a_query_that_wants_too_much_memory_is_ended_and_leaves_no_file() {
    let (_folder, record) = on_disk();
    let options = Options { memory_limit: 8 << 20, ..Options::default() };
    let session = Session::open(&record, Profile::Publish, &options).unwrap();
    for text in [
        "SELECT value, count(*) FROM range(3000000) GROUP BY value",
        "SELECT value FROM range(3000000) ORDER BY value % 7, value",
        "SELECT value FROM range(3000000)",
        "SELECT count(*) FROM range(3000000) a JOIN range(3000000) b ON a.value = b.value",
    ] {
        let error = session.sql(text).expect_err(text);
        assert_eq!(error.kind(), ErrorKind::Memory, "{text}: {error}");
        assert!(error.hint().is_some(), "{text}");
        assert!(session.sql("SELECT count(*) FROM range(1000000)").is_ok(), "its memory is free again");
    }
}

#[test]
fn a_changed_file_is_not_queried_and_the_others_are() {
    let (folder, record) = on_disk();
    let path = folder.path().join(&record.parts("figures_arrests_week").unwrap()[0].path);
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.len() - 40;
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let session = session(&record, Profile::Publish);
    for text in ["SELECT count(*) FROM figures_arrests_week", "EXPLAIN SELECT aor FROM figures_arrests_week"]
    {
        let error = session.sql(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Record, "{error}");
        assert!(error.to_string().contains("expected bytes of sha256"), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("ingest")));
    }
    assert_eq!(session.sql("SELECT * FROM crosswalk_aor_offices").unwrap().rows(), 3);
}

#[test]
fn deep_and_long_queries_are_errors_and_not_crashes() {
    let (_folder, record) = on_disk();
    let session = session(&record, Profile::Publish);
    let deepest = 32_000;
    for (text, kinds) in [
        (format!("SELECT {}1{}", "(".repeat(deepest), ")".repeat(deepest)), &[ErrorKind::Parse][..]),
        (format!("SELECT {}1", "- ".repeat(deepest)), &[ErrorKind::Parse]),
        (format!("SELECT {}TRUE", "NOT ".repeat(deepest / 2)), &[ErrorKind::Parse]),
        (format!("SELECT {}", "(SELECT ".repeat(deepest / 4)), &[ErrorKind::Parse]),
        (format!("SELECT {}1", "1+".repeat(deepest)), &[ErrorKind::Plan]),
        (
            format!("SELECT 1 FROM figures_arrests_week WHERE 1=1{}", " OR 1=1".repeat(8_000)),
            &[ErrorKind::Plan],
        ),
        (format!("SELECT {}1", "1+".repeat(400)), &[]),
        (format!("SELECT 1 FROM figures_arrests_week WHERE aor IN ('ATL'{})", ", 'x'".repeat(9_000)), &[]),
        (format!("SELECT 1 FROM figures_arrests_week WHERE aor='ATL'{}", " OR aor='x'".repeat(400)), &[]),
        (
            format!(
                "SELECT 1 AS n, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14{}",
                " UNION ALL SELECT 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14".repeat(100)
            ),
            &[],
        ),
        (
            format!(
                "SELECT 1 AS n FROM figures_arrests_week WHERE aor = 'ATL'{}",
                " UNION ALL SELECT 1".repeat(3_000)
            ),
            &[ErrorKind::Plan],
        ),
        (
            format!(
                "SELECT 1 AS n FROM crosswalk_aor_offices AS crosswalk_offices{}",
                ", crosswalk_aor_offices".repeat(2_000)
            ),
            &[ErrorKind::Plan],
        ),
        (
            format!(
                "SELECT count(*) FROM crosswalk_aor_offices AS crosswalk_offices{}",
                (0..40)
                    .map(|n| format!(" JOIN crosswalk_aor_offices t{n} ON t{n}.aor = crosswalk_offices.aor"))
                    .collect::<String>()
            ),
            &[],
        ),
        (format!("SELECT '{}'", "x".repeat(70_000)), &[ErrorKind::Parse]),
    ] {
        let start = Instant::now();
        let outcome = session.sql(&text);
        let shape = &text[..60];
        match outcome {
            Ok(answer) => assert!(answer.rows() > 0, "{shape}"),
            Err(error) => assert!(kinds.contains(&error.kind()), "{shape}: {:?} {error}", error.kind()),
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{shape} took {:?}", start.elapsed());
        println!("{shape}: {:?}", start.elapsed());
    }
}
