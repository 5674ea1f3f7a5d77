use crate::cli::Listing;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out;
use crate::record;
use crate::table::Table;
use evenhand_measure::{Figures, MEASURES, Measure};
use serde_json::json;

/// `evenhand measures`.
pub fn run(args: &Listing) -> Result<Exit, Failure> {
    let folder = args.record.as_deref();
    let figures = Figures::open(&record::open(folder)?, &record::name(folder))?;
    if args.json {
        let measures = MEASURES.iter().map(|measure| {
            json!({
                "id": measure.id,
                "what": measure.what,
                "release": measure.release,
                "units": measure.units,
                "periods": measure.periods,
                "coverage": coverage(&figures, measure),
            })
        });
        out::json(&json!({"schema": "measures/1", "measures": measures.collect::<Vec<_>>()}))?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["measure", "what is counted", "by", "every", "from release", "days held"]);
    for measure in &MEASURES {
        let held = coverage(&figures, measure);
        let held =
            held.map_or_else(|| "not in this record".to_owned(), |[start, end]| format!("{start} to {end}"));
        let (units, periods) = (measure.units.join(", "), measure.periods.join(", "));
        table.row([measure.id, measure.what, &units, &periods, measure.release, &held]);
    }
    out::data(&table.print())?;
    Ok(Exit::Done)
}

fn coverage(figures: &Figures, measure: &Measure) -> Option<[String; 2]> {
    figures.coverage(measure.release).map(|(start, end)| [start.to_string(), end.to_string()])
}
