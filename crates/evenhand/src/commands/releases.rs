use crate::cli::Listing;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out;
use crate::record;
use crate::table::{Table, thousands};
use evenhand_measure::{Figures, ReleaseInfo};
use serde_json::{Value, json};

/// `evenhand releases`.
pub fn run(args: &Listing) -> Result<Exit, Failure> {
    let folder = args.record.as_deref();
    let record = record::open(folder)?;
    let figures = Figures::open(&record, &record::name(folder))?;
    let source = figures.source();
    if args.json {
        let releases = source.releases.iter().map(|release| one(&figures, release)).collect::<Vec<_>>();
        let document = json!({
            "schema": "releases/1",
            "record": source.name,
            "manifest_sha256": source.sha256,
            "releases": releases,
        });
        out::json(&document)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["release", "table", ">rows", "days of events", "what it is"]);
    for release in &source.releases {
        let days =
            coverage(&figures, release).map_or_else(String::new, |[start, end]| format!("{start} to {end}"));
        let mut about = [release.id.clone(), days, release.title.clone()];
        for (name, rows) in &release.rows {
            // What is said once for the release is not repeated for its further tables.
            let [id, days, title] = std::mem::take(&mut about);
            table.row([id, name.clone(), thousands(*rows), days, title]);
        }
    }
    out::data(&table.print())?;
    Ok(Exit::Done)
}

fn one(figures: &Figures, release: &ReleaseInfo) -> Value {
    let rows = release.rows.iter().map(|(table, rows)| (table.clone(), json!(rows)));
    json!({
        "id": release.id,
        "title": release.title,
        "sha256": release.sha256,
        "coverage": coverage(figures, release),
        "rows": rows.collect::<serde_json::Map<_, _>>(),
    })
}

fn coverage(figures: &Figures, release: &ReleaseInfo) -> Option<[String; 2]> {
    figures.coverage(&release.id).map(|(start, end)| [start.to_string(), end.to_string()])
}
