use crate::cli::Simulate;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{self, Talk};
use crate::table::{Table, thousands};
use crate::threads;
use evenhand_simulate::{Options, Quirks, Truth, simulate};

/// `evenhand simulate`.
pub fn run(args: &Simulate, talk: Talk) -> Result<Exit, Failure> {
    threads::use_at_most(args.threads)?;
    let quirks = args.with.iter().fold(Quirks::default(), |quirks, quirk| quirks.with(*quirk));
    let quirks = args.without.iter().fold(quirks, |quirks, quirk| quirks.without(*quirk));
    let truth = simulate(&Options {
        scale: args.scale,
        seed: args.seed,
        tables: args.tables.clone(),
        quirks,
        ..Options::new(&args.release, &args.out)
    })?;
    if args.json {
        let truth = serde_json::to_value(&truth);
        out::json(&truth.map_err(|error| Failure::new(Exit::Failed, error))?)?;
    } else {
        out::data(&as_text(&truth))?;
    }
    talk.say(&format!("made up: {} (every row; what is true of them: truth.json)", args.out.display()));
    Ok(Exit::Done)
}

/// The files, and the faults planted in them.
fn as_text(truth: &Truth) -> String {
    let mut table = Table::new(&["file", "table", ">rows", ">set aside", ">bytes"]);
    let mut total = [0; 3];
    for file in &truth.files {
        let records = file.sheets.iter().map(|sheet| sheet.records).sum::<u64>();
        let aside = file.sheets.iter().flat_map(|sheet| sheet.set_aside.values()).sum::<u64>();
        let counts = [records, aside, file.bytes];
        for (sum, count) in total.iter_mut().zip(counts) {
            *sum += count;
        }
        let words = [file.file.clone(), file.table.to_owned()];
        table.row(words.into_iter().chain(counts.map(thousands)));
    }
    let words = ["total".to_owned(), String::new()];
    table.row(words.into_iter().chain(total.map(thousands)));
    let mut quirks = Table::new(&["quirk", ">planted"]);
    for (name, count) in &truth.quirks {
        quirks.row([(*name).to_owned(), thousands(*count)]);
    }
    format!("{}\n{}", table.print(), quirks.print())
}
