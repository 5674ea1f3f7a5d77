//! Made-up releases against their truth, read by another's reader and judged by rules written down a second time.

mod read;
mod rules;

use evenhand_simulate::{Options, QUIRKS, Quirk, Quirks, Scale, Table, Truth, releases, simulate};
use std::collections::BTreeMap;
use std::path::Path;

fn small(release: &str, out: &Path) -> Options {
    Options { scale: Scale::Rows(3000), ..Options::new(release, out) }
}

fn made(options: &Options) -> Truth {
    simulate(options).unwrap_or_else(|error| panic!("{error}"))
}

/// Every file of a folder by name.
fn bytes(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
        .collect()
}

#[test]
fn every_release_reads_back_as_its_truth_says() {
    for release in releases() {
        let folder = tempfile::tempdir().unwrap();
        let truth = made(&small(release, folder.path()));
        let mut records = BTreeMap::<&str, u64>::new();
        for file in &truth.files {
            let sheets = read::workbook(&folder.path().join(&file.file));
            assert_eq!(sheets.len(), file.sheets.len(), "{}", file.file);
            for (sheet, told) in sheets.iter().zip(&file.sheets) {
                let place = format!("{release}, {}, {}", file.file, told.sheet);
                assert_eq!(
                    (sheet.name.as_str(), sheet.is_hidden),
                    (told.sheet.as_str(), told.hidden),
                    "{place}"
                );
                read::check(sheet, told, &place);
                *records.entry(file.table).or_default() += told.records;
            }
        }
        let told = truth.tables.iter().map(|(name, table)| (*name, table.rows)).collect::<BTreeMap<_, _>>();
        assert_eq!(records, told, "{release}");
    }
}

#[test]
fn weeks_add_up_to_the_rows_and_kept_rows_of_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let truth = made(&small("r2026mar", folder.path()));
    let rules =
        [("arrests", "arrest_episodes"), ("detention_stints", "detention_stays"), ("removals", "removals")];
    for (table, rule) in rules {
        let told = &truth.tables[table];
        let rows = told.weeks.iter().map(|(_, _, rows, _)| rows).sum::<u64>();
        let kept = told.weeks.iter().map(|(_, _, _, kept)| kept).sum::<u64>();
        assert_eq!(rows + told.undated, told.rows, "{table}");
        assert_eq!(kept + told.undated, truth.groups[rule].kept, "{table}");
        let grouping = &truth.groups[rule];
        assert_eq!(grouping.rows + grouping.without_id, told.rows, "{table}");
        assert_eq!(grouping.without_id, told.without_id, "{table}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_any_number_of_threads() {
    let write = |threads: usize, seed: u64| {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { seed, ..small("r2026mar", folder.path()) };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| made(&options));
        bytes(folder.path())
    };
    let one = write(1, 1);
    assert!(one == write(2, 1) && one == write(5, 1), "the bytes depend on the threads");
    assert!(one != write(1, 2), "the bytes do not depend on the seed");
}

#[test]
fn a_table_alone_is_written_as_among_the_others() {
    let (all, alone) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    made(&small("r2026mar", all.path()));
    made(&Options { tables: vec![Table::Removals], ..small("r2026mar", alone.path()) });
    let (all, alone) = (bytes(all.path()), bytes(alone.path()));
    assert_eq!(alone.len(), 5);
    for (name, bytes) in alone.iter().filter(|(name, _)| *name != "truth.json") {
        assert!(all[name] == *bytes, "{name}");
    }
}

#[test]
fn every_quirk_can_be_planted_and_left_out() {
    let mut planted = BTreeMap::new();
    for release in ["r2023", "r2026mar", "r2026aug"] {
        let folder = tempfile::tempdir().unwrap();
        let quirks = Quirks::default().with(Quirk::SameContent);
        let truth = made(&Options { quirks, scale: Scale::Rows(20_000), ..small(release, folder.path()) });
        for (name, count) in truth.quirks {
            *planted.entry(name).or_insert(0) += count;
        }
    }
    assert_eq!(planted.len(), QUIRKS.len());
    assert!(planted.values().all(|&count| count > 0), "{planted:?}");
    let folder = tempfile::tempdir().unwrap();
    let truth = made(&Options { quirks: Quirks::none(), ..small("r2026mar", folder.path()) });
    assert!(truth.quirks.is_empty());
    for file in &truth.files {
        for sheet in &file.sheets {
            assert_eq!((sheet.header_row, sheet.rows), (Some(7), sheet.records), "{}", file.file);
            assert!(!sheet.hidden && sheet.columns.iter().all(|column| column.markers == 0));
        }
    }
    for (name, grouping) in &truth.groups {
        assert_eq!(grouping.without_id, 0, "{name}");
        assert_eq!(grouping.kept, grouping.rows, "{name}: nothing is repeated");
    }
}

#[test]
fn a_full_sheet_goes_on_in_the_next_with_preamble_and_header() {
    let folder = tempfile::tempdir().unwrap();
    let tables = vec![Table::Encounters];
    let truth = made(&Options { sheet_rows: 200, tables, ..small("r2025jul", folder.path()) });
    let sheets = &truth.files[0].sheets;
    assert!(sheets.len() > 3, "{}", sheets.len());
    for sheet in sheets.iter().filter(|sheet| !sheet.hidden) {
        assert_eq!(sheet.header_row, sheets[0].header_row);
        assert!(sheet.last_row <= 200);
    }
    let read = read::workbook(&folder.path().join(&truth.files[0].file));
    for (sheet, told) in read.iter().zip(sheets) {
        read::check(sheet, told, &told.sheet);
    }
}

#[test]
fn a_release_has_the_rows_that_were_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let truth = made(&Options { scale: Scale::Rows(150_000), ..small("r2026mar", folder.path()) });
    // Rows of the release and what they are of 150,000.
    let all = 709_600 + 597_009 + 2_420_000 + 2_598_612 + 1_050_000;
    let share = |rows: u64| (rows * 150_000).div_ceil(all);
    assert_eq!(truth.tables["detainers"].rows, share(597_009));
    assert_eq!(truth.tables["encounters"].rows, share(2_598_612));
    assert_eq!(truth.tables["arrests"].rows, share(709_600));
    assert_eq!(truth.tables["detention_stints"].rows, share(2_420_000));
    assert_eq!(truth.tables["removals"].rows, share(1_050_000));
    let repeated = truth.groups["encounters"].rows + truth.groups["encounters"].without_id;
    assert_eq!(repeated, share(2_598_612));
    let arrests = &truth.groups["arrest_episodes"];
    let with_stay = truth.pairs["arrest_stays"].pairs as f64 / arrests.groups as f64;
    assert!((0.70..0.85).contains(&with_stay), "{with_stay}");
    let stays = &truth.groups["detention_stays"];
    let stints_a_stay = stays.rows as f64 / stays.groups as f64;
    assert!((1.7..2.2).contains(&stints_a_stay), "{stints_a_stay}");
}

#[test]
fn the_truth_follows_from_the_files_by_the_rules_as_written_down() {
    for (release, quirks) in [
        ("r2026mar", Quirks::default()),
        ("r2026aug", Quirks::default().with(Quirk::SameContent)),
        ("r2025jul", Quirks::default()),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let truth = made(&Options { quirks, scale: Scale::Rows(12_000), ..small(release, folder.path()) });
        let found = rules::Found::read(folder.path(), &truth);
        let told = &truth.groups["arrest_episodes"];
        assert_eq!(found.episodes, (told.groups, told.kept, told.groups_sha256.clone()), "{release}");
        let told = &truth.groups["detention_stays"];
        assert_eq!(found.stays, (told.groups, told.groups_sha256.clone()), "{release}");
        let told = &truth.pairs["arrest_stays"];
        assert_eq!(found.pairs, (told.pairs, told.sha256.clone()), "{release}");
    }
}

#[test]
fn what_cannot_be_made_up_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |options: &Options| simulate(options).unwrap_err().to_string();
    assert!(refused(&small("r1999", folder.path())).contains("unknown release `r1999`"));
    let options = Options { tables: vec![Table::RiskAssessments], ..small("r2026mar", folder.path()) };
    assert!(refused(&options).contains("no table `risk_assessments`"));
    let options = Options { scale: Scale::Rows(0), ..small("r2026mar", folder.path()) };
    assert!(refused(&options).contains("expected 1 to"));
    std::fs::write(folder.path().join("other"), "").unwrap();
    assert!(refused(&small("r2026mar", folder.path())).contains("not an empty folder"));
}
