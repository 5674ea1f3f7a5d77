//! Charts as data. Titles state what the numbers show; every sentence is built from them.

pub mod county_policy;
pub mod early_weeks;

use crate::context::Context;
use crate::result::{Chart, Figure};
use crate::tests::Tested;
use evenhand_docket::Claim;
use evenhand_measure::Served;

/// The release that serves the docket's at-large arrests, and its title.
fn arrests(context: &Context<'_>) -> Option<(String, String)> {
    context.docket.measure("arr_atlarge")?.datasets.iter().find_map(|dataset| {
        match context.figures.serve(dataset) {
            Served::Release { id, title, .. } => Some((id, title)),
            Served::Transcribed { .. } | Served::NotHeld { .. } => None,
        }
    })
}

/// Figures about the record as a whole, for a docket that counts at-large arrests; one whose data are not held
/// is left out.
#[must_use]
pub fn of_record(context: &Context<'_>) -> Vec<Figure> {
    [county_policy::series(context), early_weeks::multiples(context)].into_iter().flatten().collect()
}

/// Figures of a claim: those of its tests, in order, shares of one total drawn together.
#[must_use]
pub fn of_claim(claim: &Claim, tests: &[Tested]) -> Vec<Figure> {
    let mut figures: Vec<Figure> = Vec::new();
    for figure in tests.iter().filter_map(|test| test.ran.as_ref()).flat_map(|ran| &ran.figures) {
        if !figures.last_mut().is_some_and(|last| last.join(figure)) {
            figures.push(figure.clone());
        } else if let Some(last) = figures.last_mut() {
            last.id = format!("{}-shares", claim.id.to_lowercase());
        }
    }
    figures
}

impl Figure {
    /// Draws the bars of another share chart below the own ones; says whether it did.
    fn join(&mut self, other: &Figure) -> bool {
        let (Chart::Shares { bars, unit, .. }, Chart::Shares { bars: more, unit: other_unit, .. }) =
            (&mut self.chart, &other.chart)
        else {
            return false;
        };
        if unit != other_unit {
            return false;
        }
        bars.extend(more.iter().cloned());
        self.title = format!("{}; {}", self.title, lower(&other.title));
        self.description = format!("{} {}", self.description, other.description);
        true
    }
}

fn lower(title: &str) -> String {
    let mut letters = title.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}
