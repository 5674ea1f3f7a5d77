//! Ways around the gate, each of which must be closed.

use crate::record::{in_binary, on_disk, session};
use evenhand_query::{ErrorKind, Profile};

/// Every way we know to name a table of rows about persons in a query.
const WAYS_TO_ARRESTS: [&str; 24] = [
    "SELECT * FROM arrests",
    "SELECT count(*) FROM arrests",
    "select Count(*) from ARRESTS",
    "SELECT * FROM \"arrests\"",
    "SELECT * FROM public.arrests",
    "SELECT * FROM record.public.arrests",
    "SELECT * FROM arrests AS figures_arrests",
    "SELECT * FROM (arrests)",
    "WITH figures_x AS (SELECT * FROM arrests) SELECT 1 FROM figures_x",
    "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r, arrests WHERE n < 3) SELECT * FROM r",
    "SELECT 1 WHERE EXISTS (SELECT 1 FROM arrests)",
    "SELECT (SELECT max(row_original) FROM arrests)",
    "SELECT aor FROM figures_arrests_week WHERE arrests IN (SELECT row_original FROM arrests)",
    "SELECT aor FROM figures_arrests_week ORDER BY (SELECT max(row_original) FROM arrests)",
    "SELECT aor FROM figures_arrests_week GROUP BY aor HAVING count(*) > (SELECT count(*) FROM arrests)",
    "SELECT f.aor FROM figures_arrests_week f JOIN arrests a ON f.aor = a.apprehension_aor",
    "SELECT f.aor FROM figures_arrests_week f, LATERAL (SELECT 1 FROM arrests WHERE apprehension_aor = f.aor) x",
    "SELECT aor FROM figures_arrests_week UNION ALL SELECT apprehension_aor FROM arrests",
    "SELECT aor FROM figures_arrests_week EXCEPT SELECT apprehension_aor FROM arrests",
    "SELECT sum(arrests) FILTER (WHERE aor IN (SELECT apprehension_aor FROM arrests)) FROM figures_arrests_week",
    "EXPLAIN SELECT * FROM arrests",
    "EXPLAIN ANALYZE SELECT * FROM arrests",
    "EXPLAIN VERBOSE SELECT * FROM arrests",
    "VALUES ((SELECT count(*) FROM arrests))",
];

#[test]
fn no_way_leads_to_rows_about_persons_in_the_publish_profile() {
    let (_folder, on_disk) = on_disk();
    for record in [&on_disk, &in_binary()] {
        let session = session(record, Profile::default());
        for text in WAYS_TO_ARRESTS {
            let error = session.sql(text).expect_err(text);
            assert_eq!(error.kind(), ErrorKind::Refused, "{text}: {error}");
            assert!(
                error.to_string().starts_with("table `arrests` holds rows about persons"),
                "{text}: {error}"
            );
            let hint = error.hint().unwrap();
            assert!(hint.contains("`figures_arrests_week`") && hint.contains("--local"), "{hint}");
        }
        let counts = session.sql("SELECT * FROM encounter_counts").unwrap_err();
        assert_eq!(counts.kind(), ErrorKind::Refused, "landmarks stand beside counts of one");
    }
}

#[test]
fn the_local_profile_goes_every_way() {
    let (_folder, record) = on_disk();
    let session = session(&record, Profile::Local);
    let mut answered = 0;
    for text in WAYS_TO_ARRESTS {
        match session.sql(text) {
            Ok(_) => answered += 1,
            // The engine cannot run every form; that is no refusal.
            Err(error) => {
                assert!([ErrorKind::Plan, ErrorKind::Failed].contains(&error.kind()), "{text}: {error}")
            }
        }
    }
    assert!(answered >= WAYS_TO_ARRESTS.len() - 2, "{answered} of {}", WAYS_TO_ARRESTS.len());
}

#[test]
fn nothing_but_a_query_is_taken() {
    let (folder, record) = on_disk();
    let before: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let outside = folder.path().join("outside.csv");
    let file = outside.display();
    for profile in [Profile::Publish, Profile::Local] {
        let session = session(&record, profile);
        for text in [
            "CREATE TABLE x AS SELECT 1",
            "CREATE VIEW figures_x AS SELECT * FROM arrests",
            &format!("CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '{file}'"),
            "CREATE EXTERNAL TABLE x STORED AS PARQUET LOCATION 'record://record/tables/arrests/'",
            &format!("COPY (SELECT 1) TO '{file}'"),
            &format!("COPY figures_arrests_week TO '{file}' STORED AS CSV"),
            "INSERT INTO figures_arrests_week SELECT * FROM figures_arrests_week",
            "UPDATE figures_arrests_week SET arrests = 0",
            "DELETE FROM figures_arrests_week",
            "DROP TABLE figures_arrests_week",
            "DROP VIEW IF EXISTS x",
            "ALTER TABLE figures_arrests_week RENAME TO x",
            "TRUNCATE TABLE figures_arrests_week",
            "CREATE SCHEMA x",
            "CREATE DATABASE x",
            "CREATE FUNCTION f(int) RETURNS int RETURN $1 + 1",
            "SET datafusion.execution.batch_size = 1",
            "SET TIME ZONE = '+01:00'",
            "RESET datafusion.execution.batch_size",
            "BEGIN TRANSACTION",
            "COMMIT",
            "PREPARE p AS SELECT 1",
            "EXECUTE p",
            "DEALLOCATE p",
            "USE record",
            "EXPLAIN CREATE TABLE x AS SELECT 1",
            "EXPLAIN INSERT INTO figures_arrests_week SELECT * FROM figures_arrests_week",
            &format!("EXPLAIN ANALYZE COPY (SELECT 1) TO '{file}'"),
            "SELECT * INTO x FROM figures_arrests_week",
            "WITH x AS (SELECT 1) INSERT INTO figures_arrests_week SELECT * FROM x",
            "SELECT 1; SELECT 2",
            "SELECT 1; DROP TABLE figures_arrests_week",
        ] {
            let error = session.sql(text).expect_err(text);
            let kinds = [ErrorKind::NotAQuery, ErrorKind::Parse, ErrorKind::Plan];
            assert!(kinds.contains(&error.kind()), "{text}: {:?} {error}", error.kind());
            if !text.contains("FUNCTION") && !text.contains("UPDATE") && !text.contains("INTO x") {
                assert_eq!(error.kind(), ErrorKind::NotAQuery, "{text}: {error}");
                assert!(error.hint().is_some(), "{text}");
            }
        }
    }
    assert!(!outside.exists());
    let after: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(before, after);
}

#[test]
fn no_file_can_be_read_but_the_records_own() {
    let (folder, record) = on_disk();
    let manifest = folder.path().join("manifest.json");
    let part = folder.path().join(&record.parts("arrests").unwrap()[0].path);
    let session = session(&record, Profile::Local);
    for file in [manifest.display(), part.display()] {
        for text in [
            format!("SELECT * FROM '{file}'"),
            format!("SELECT * FROM read_parquet('{file}')"),
            format!("SELECT * FROM read_csv('{file}')"),
            format!("SELECT * FROM read_json('{file}')"),
            format!("SELECT * FROM parquet_metadata('{file}')"),
            format!("SELECT * FROM glob('{file}')"),
            format!("SELECT * FROM \"file://{file}\""),
        ] {
            let error = session.sql(&text).expect_err(&text);
            let kinds = [ErrorKind::UnknownName, ErrorKind::Plan, ErrorKind::Parse];
            assert!(kinds.contains(&error.kind()), "{text}: {:?} {error}", error.kind());
        }
    }
}

#[test]
fn comparing_intervals_is_refused_in_every_shape_and_the_right_form_is_not() {
    let (_folder, record) = on_disk();
    let session = session(&record, Profile::Local);
    let from = "FROM (SELECT apprehension_date::timestamp AS ts1, apprehension_date::timestamp + INTERVAL '11 months' AS ts2 FROM arrests)";
    let ninety = "INTERVAL '90 days'";
    for text in [
        format!("SELECT count(*) {from} WHERE (ts2 - ts1) < {ninety}"),
        format!("SELECT count(*) {from} WHERE {ninety} > ts2 - ts1"),
        format!("SELECT count(*) {from} WHERE NOT (ts2 - ts1 >= {ninety})"),
        format!("SELECT count(*) {from} WHERE ts2 - ts1 BETWEEN INTERVAL '0 days' AND {ninety}"),
        format!("SELECT count(*) {from} WHERE ts2 - ts1 IN ({ninety})"),
        format!("SELECT count(*) {from} WHERE ts2 - ts1 = {ninety}"),
        format!("SELECT (ts2 - ts1) < {ninety} {from}"),
        format!("SELECT count(*) FILTER (WHERE ts2 - ts1 < {ninety}) {from}"),
        format!("SELECT CASE WHEN ts2 - ts1 < {ninety} THEN 1 END {from}"),
        format!("SELECT CASE {ninety} WHEN INTERVAL '3 months' THEN 1 END {from}"),
        format!("SELECT count(*) FROM (SELECT ts2 - ts1 AS gap {from}) WHERE gap < {ninety}"),
        format!(
            "WITH g AS (SELECT ts2 - ts1 AS gap, {ninety} AS most {from}) SELECT count(*) FROM g WHERE gap < most"
        ),
        format!(
            "SELECT count(*) FROM (SELECT ts2 - ts1 AS gap {from}) a JOIN (SELECT {ninety} AS most) b ON a.gap < b.most"
        ),
        format!("SELECT 1 WHERE EXISTS (SELECT 1 {from} WHERE ts2 - ts1 < {ninety})"),
        format!("SELECT {ninety} < INTERVAL '3 months'"),
        format!("SELECT greatest({ninety}, INTERVAL '3 months')"),
        format!("SELECT max(i) FROM (VALUES ({ninety}), (INTERVAL '3 months')) t(i)"),
        format!("SELECT i FROM (VALUES ({ninety}), (INTERVAL '3 months')) t(i) ORDER BY i"),
        format!("SELECT rank() OVER (ORDER BY i) FROM (VALUES ({ninety}), (INTERVAL '3 months')) t(i)"),
        format!("EXPLAIN SELECT count(*) {from} WHERE (ts2 - ts1) < {ninety}"),
    ] {
        let error = session.sql(&text).expect_err(&text);
        assert_eq!(error.kind(), ErrorKind::WrongAnswer, "{text}: {error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("ts2 < ts1 + INTERVAL")), "{text}");
    }
    for (text, rows) in [
        (format!("SELECT 1 {from} WHERE ts2 < ts1 + {ninety}"), 0),
        (format!("SELECT 1 {from} WHERE ts2 > ts1 + {ninety}"), 6),
        (format!("SELECT ts2 - ts1 AS gap {from}"), 6),
        (format!("SELECT max(ts2 - ts1) {from}"), 1),
        (format!("SELECT ts1 {from} ORDER BY ts2 - ts1"), 6),
        (
            "SELECT 1 FROM arrests WHERE apprehension_date < DATE '2017-02-01' + INTERVAL '90 days'"
                .to_owned(),
            6,
        ),
    ] {
        match session.sql(&text) {
            Ok(answer) => assert_eq!(answer.rows(), rows, "{text}"),
            Err(error) => panic!("{text}: {error}"),
        }
    }
}
