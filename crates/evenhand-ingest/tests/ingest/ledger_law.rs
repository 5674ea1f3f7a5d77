//! Rows read are rows kept plus rows set aside, whatever the rows are.

use crate::helpers::{gzipped, ingest, written};
use crate::workbooks::{Sheet, workbook};
use proptest::prelude::*;

/// One row of a detainers table and whether it should be kept.
fn row() -> impl Strategy<Value = (String, bool)> {
    prop_oneof![
        6 => ("[0-9]", "[A-Z ]{0,12}").prop_map(|(day, place)| (format!("10/{day}1/2014,I-247,{place},,,"), day == "1" || day == "0" || day == "2" || day == "3")),
        1 => "[A-Z]{1,8}".prop_map(|place| (format!("\"10/1/2014\", \"a, \"\"b\"\"\",\"{place}\nline\",,,"), true)),
        1 => Just(("10/1/2014,(b)(6),,,,\r".to_owned(), true)),
        1 => Just((",,,,,".to_owned(), false)),
        1 => Just((String::new(), false)),
        1 => Just(("soon,a,b,c,d,e".to_owned(), false)),
        1 => Just(("1/1/0199,a,b,c,d,e".to_owned(), false)),
        1 => Just(("10/1/2014,a".to_owned(), false)),
        1 => Just(("10/1/2014,a,b,c,d,e,f".to_owned(), false)),
        1 => Just(("10/1/2014,a,b,c,d,e,,".to_owned(), true)),
        1 => Just(("Total,5,,,,".to_owned(), false)),
        1 => Just(("* a note,,,,,".to_owned(), false)),
        1 => Just(("Prepare Date,Detainer Type,Detainer Detention Facility,State,City,Detainer Lift Reason".to_owned(), false)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ledger_law(rows in prop::collection::vec(row(), 0..60), before in 0..10_usize, packed: bool) {
        let mut text = "\"a notice\",,,,,\n".repeat(before);
        text += "Prepare Date,Detainer Type,Detainer Detention Facility,State,City,Detainer Lift Reason\n";
        for (row, _) in &rows {
            text += row;
            text += "\n";
        }
        let bytes = if packed { gzipped(text.as_bytes()) } else { text.into_bytes() };
        let (_folder, path) = written("detainers.csv", &bytes);
        let (entry, kept) = ingest(&path).unwrap();
        let tally = &entry.sheets[0].tally;
        let expected = rows.iter().filter(|(_, kept)| *kept).count();
        prop_assert_eq!(tally.rows_read, rows.len() as u64);
        prop_assert_eq!(tally.rows_kept, expected as u64, "{:?}", entry);
        prop_assert_eq!(tally.rows_read, tally.rows_kept + tally.set_aside_total());
        prop_assert_eq!(kept.rows("detainers"), expected);
    }

    #[test]
    fn no_change_to_a_workbook_makes_it_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut book = workbook(&[Sheet {
            name: "Detail",
            rows: vec![
                vec!["Prepare Date", "Detainer Type", "Detainer Detention Facility", "State", "City", "Detainer Lift Reason"],
                vec!["#41913", "I-247", "JAIL", "", "", "=A1"],
            ],
        }]);
        for (at, byte) in changes {
            let at = at.index(book.len());
            book[at] = byte;
        }
        let (_folder, path) = written("detainers.xlsx", &book);
        if let Ok((entry, kept)) = ingest(&path) {
            let rows: u64 = entry.sheets.iter().map(|sheet| sheet.tally.rows_kept).sum();
            prop_assert_eq!(rows, kept.rows("detainers") as u64);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 0..400_usize) {
        let header = b"Prepare Date,Detainer Type,Detainer Detention Facility,State,City,Detainer Lift Reason\n";
        let text = [header.as_slice(), &bytes].concat();
        let packed = gzipped(&text);
        for bytes in [bytes.as_slice(), &text, &packed, packed.get(..cut).unwrap_or(&packed)] {
            let (_folder, path) = written("detainers.csv", bytes);
            if let Ok((entry, kept)) = ingest(&path) {
                let tally = &entry.sheets[0].tally;
                prop_assert_eq!(tally.rows_kept, kept.rows("detainers") as u64);
            }
        }
    }
}
