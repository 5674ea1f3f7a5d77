use crate::cli::{self, Placing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{self, Talk};
use crate::record;
use crate::table::thousands;
use evenhand_measure::{Counts, Figures, Geography, PanelRequest};
use serde_json::json;
use std::fmt::Write as _;

/// `evenhand panel`.
pub fn run(args: &cli::Panel, talk: Talk) -> Result<Exit, Failure> {
    let folder = args.record.as_deref();
    let figures = Figures::open(&record::open(folder)?, &record::name(folder))?;
    let request = PanelRequest {
        measure: args.measure.clone(),
        unit: args.unit.clone(),
        period: args.period.clone(),
        release: args.release.clone(),
        geography: geography(args),
    };
    // What the record has no panel for is asked for wrongly; a record that cannot be read stopped us above.
    let counts = figures.counts(&request).map_err(|error| Failure::from(error).ending(Exit::Usage))?;
    if args.json {
        out::json(&json!({
            "schema": "panel/1",
            "record": record::name(folder),
            "measure": request.measure,
            "unit": request.unit,
            "period": request.period,
            "units": counts.units,
            "periods": counts.periods.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "values": counts.values.chunks(counts.periods.len().max(1)).collect::<Vec<_>>(),
            "rows_used": counts.rows_used,
            "rows_without_unit": counts.rows_without_unit,
        }))?;
    } else {
        out::data(&as_csv(&counts))?;
    }
    talk.say(&format!(
        "{} rows counted, of which {} name no {}{}",
        thousands(counts.rows_used),
        thousands(counts.rows_without_unit),
        if request.unit == "county" { "county" } else { "area" },
        if request.unit == "county" { label(args.geography) } else { "" },
    ));
    Ok(Exit::Done)
}

/// One line a unit and period; outside the coverage the value is left empty, which is not zero.
fn as_csv(counts: &Counts) -> String {
    let mut text = String::from("unit,period,value\n");
    for (unit, values) in counts.units.iter().zip(counts.values.chunks(counts.periods.len().max(1))) {
        for (period, value) in counts.periods.iter().zip(values) {
            let shown = value.map_or_else(String::new, |value| value.to_string());
            // A String takes every write.
            let _ = writeln!(text, "{unit},{period},{shown}");
        }
    }
    text
}

fn geography(args: &cli::Panel) -> Geography {
    match args.geography {
        Placing::Located => Geography::Located,
        Placing::WithOffice => Geography::WithOffice,
        Placing::Proportional => Geography::Proportional,
        Placing::WorstLow => Geography::WorstLow,
        Placing::WorstHigh => Geography::WorstHigh,
        Placing::SkewLow => Geography::SkewLow(args.kappa),
        Placing::SkewHigh => Geography::SkewHigh(args.kappa),
    }
}

fn label(placing: Placing) -> &'static str {
    match placing {
        Placing::Located => "; these are left out",
        Placing::WithOffice => "; those under an office's own code are counted in the county of the office",
        Placing::Proportional => "; these are shared out in proportion to the placed ones",
        Placing::WorstLow => "; none of these is counted: a lower bound",
        Placing::WorstHigh => "; each county is given all of its area's: an upper bound, not a sum",
        Placing::SkewLow => "; at least this share of these: a lower bound",
        Placing::SkewHigh => "; at most this share of these: an upper bound",
    }
}
