//! The written forms of one answer, and that it is the same each time.

use crate::record::{in_binary, on_disk, session};
use evenhand_query::{Answer, ErrorKind, Profile, output};
use evenhand_store::Record;

const ALL: &str = "SELECT f.*, o.office, 'it''s' AS note FROM figures_arrests_week f \
     LEFT JOIN crosswalk_aor_offices o ON f.aor = o.aor AND f.operation_named ORDER BY f.aor, f.week";

fn ask(record: &Record, text: &str) -> Answer {
    session(record, Profile::Publish).sql(text).unwrap()
}

fn written(write: impl Fn(&mut dyn std::io::Write) -> evenhand_query::Result<()>) -> String {
    let mut bytes = Vec::new();
    write(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn csv_follows_rfc_4180_and_leaves_missing_values_empty() {
    let (_folder, record) = on_disk();
    let answer = ask(&record, ALL);
    let expected = "aor,week,operation_named,arrests,share,office,note\r\n\
        ATL,2017-01-30,false,120,0.1,,it's\r\n\
        ATL,2017-02-06,true,310,0.25,\"Atlanta, \"\"GA\"\"\",it's\r\n\
        SNA,2017-01-30,false,95,,,it's\r\n\
        SNA,2017-02-06,false,90,NaN,,it's\r\n";
    assert_eq!(written(|out| output::csv(&answer, out)), expected);
    let empty = ask(&record, "SELECT aor FROM figures_arrests_week WHERE arrests > 1000");
    assert_eq!(written(|out| output::csv(&empty, out)), "aor\r\n");
    let text = ask(&record, "SELECT office FROM crosswalk_aor_offices WHERE aor = 'SEA'");
    assert_eq!(written(|out| output::csv(&text, out)), "office\r\n\"\"\r\n");
}

#[test]
fn json_names_its_schema_and_its_columns() {
    let (_folder, record) = on_disk();
    let json = written(|out| output::json(&ask(&record, ALL), out));
    let document: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(document["schema"], "query/1");
    let columns = document["columns"].as_array().unwrap();
    assert_eq!(columns[1], serde_json::json!({"name": "week", "type": "Date32"}));
    assert_eq!(columns[0], serde_json::json!({"name": "aor", "type": "Utf8"}), "no dictionaries outside");
    let rows = document["rows"].as_array().unwrap();
    let expected = serde_json::json!({
        "aor": "ATL", "week": "2017-02-06", "operation_named": true, "arrests": 310, "share": 0.25,
        "office": "Atlanta, \"GA\"", "note": "it's"
    });
    assert_eq!((rows.len(), &rows[1]), (4, &expected));
    assert_eq!((&rows[2]["share"], &rows[3]["share"]), (&serde_json::Value::Null, &serde_json::Value::Null));
    let empty = ask(&record, "SELECT aor FROM figures_arrests_week WHERE arrests > 1000");
    let empty: serde_json::Value = serde_json::from_str(&written(|out| output::json(&empty, out))).unwrap();
    assert_eq!(empty["rows"], serde_json::json!([]));
    let twice = ask(
        &record,
        "SELECT f.aor, o.aor FROM figures_arrests_week f JOIN crosswalk_aor_offices o ON f.aor = o.aor",
    );
    let error = output::json(&twice, &mut Vec::new()).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string()),
        (ErrorKind::Output, "expected each column name once, found `aor` twice".into())
    );
}

#[test]
fn parquet_reads_back_and_leaves_no_half_file() {
    let (_folder, record) = on_disk();
    let answer = ask(&record, ALL);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answer.parquet");
    for _ in 0..2 {
        output::parquet(&answer, &path).unwrap();
    }
    let file = std::fs::File::open(&path).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(file, 1024).unwrap();
    let back: Vec<_> = reader.collect::<Result<_, _>>().unwrap();
    assert_eq!(back[0].num_rows(), 4);
    assert_eq!(back[0].column(3), answer.batches()[0].column(3));
    let error = output::parquet(&answer, &folder.path().join("none/answer.parquet")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Output);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn an_answer_is_the_same_each_time_and_from_each_place() {
    let (_folder, on_disk) = on_disk();
    let queries = [
        "SELECT apprehension_method, count(*) AS arrests FROM arrests GROUP BY apprehension_method",
        "SELECT a.apprehension_aor, o.office FROM arrests a LEFT JOIN crosswalk_aor_offices o ON a.apprehension_aor = o.aor",
        "SELECT DISTINCT apprehension_date FROM arrests",
        "SELECT value % 1000 AS k, sum(1.0 / (value + 1)) AS s FROM range(200000) GROUP BY 1",
    ];
    for text in queries {
        let answer = |record: &Record| {
            let answer = session(record, Profile::Local).sql(text).unwrap();
            written(|out| output::csv(&answer, out))
        };
        let first = answer(&on_disk);
        for _ in 0..3 {
            assert_eq!(answer(&on_disk), first, "{text}");
        }
        assert_eq!(answer(&in_binary()), first, "{text}");
    }
}
