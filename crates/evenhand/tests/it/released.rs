//! Files in released layouts, their rows made up.

use crate::run::{evenhand, word};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Id of the release that the made-up files claim to be of.
pub const RELEASE: &str = "ice-foia-2019-53623";

const PREAMBLE: &str = "\"ERO-LESA Statistical Tracking Unit\"||||||||\n\
    \"For Official Use Only (FOUO)/Pre-decisional\"||||||||\n\
    \"2019-ICFO-53623\"||||||||\n\
    ||||||||\n\
    \"ERO Administrative Arrests for FY2017\"||||||||\n";

/// Header of the arrests.
pub const HEADER: &str = "\"Area of Responsibility\"|\"Apprehension Date\"|\"Apprehension Method\"|\
    \"Apprehension Landmark\"|\"Operation\"|\"Processing Disposition\"|\"Birth Date\"|\"Citizenship\"|\"Gender\"\n";

const METHODS: [&str; 4] = ["CAP Local Incarceration", "Non-Custodial Arrest", "Located", "287(g) Program"];
const AREAS: [&str; 3] = ["San Antonio", "Seattle", "Atlanta"];

/// Arrests of fiscal year 2017, `rows` of them, as delimited text with its preamble.
pub fn arrests(rows: usize) -> String {
    let row = |n: usize| {
        let (area, method) = (AREAS[n % 3], METHODS[n % 4]);
        let (month, day) = (n % 9 + 1, n % 28 + 1);
        // Landmarks that no two rows share make a file that does not compress to nothing.
        let landmark = n.wrapping_mul(2_654_435_761) % 1_000_003;
        format!(
            "\"{area} Area of Responsibility\"|{month}/{day}/2017|\"{method}\"|\"MADE-UP PLACE {landmark}\"||\
             \"Made-up disposition\"|\"(B)(6);(B)(7)(C) \"|\"MEXICO\"|\"Male\"\n"
        )
    };
    let mut text = String::from(PREAMBLE) + HEADER;
    text.extend((0..rows).map(row));
    text
}

/// A folder of one release with one gzipped file of made-up arrests; gives the folder.
pub fn release(below: &Path, rows: usize) -> PathBuf {
    let folder = below.join(RELEASE);
    fs::create_dir_all(&folder).expect("a scratch folder");
    fs::write(folder.join("EROArrests_FY2017.csv.gz"), gzip(arrests(rows).as_bytes()))
        .expect("a scratch file");
    folder
}

/// A record of one small release; gives its folder.
pub fn record(below: &Path) -> PathBuf {
    let (files, record) = (release(below, 40), below.join("record"));
    evenhand(&["ingest", word(&files), "--record", word(&record)]).done();
    record
}

/// Bytes as gzip.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).expect("memory takes every write");
    writer.finish().expect("memory takes every write")
}
