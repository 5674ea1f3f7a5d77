//! What can be counted here and now: one entry a measure, with the panels that it fills.

use crate::counts::{Areas, Counts, Every, Outcome};
use crate::county::Geography;
use crate::served::{ARRESTS_2019, DETAINERS_2015};
use crate::{Error, ErrorKind, Figures};
use evenhand_panel::Panel;
use evenhand_vocab::{AtLarge, DetainerOutcome};

/// A measure that releases answer for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    /// Identifier, as dockets name it.
    pub id: &'static str,
    /// What is counted.
    pub what: &'static str,
    /// Release that is used unless another is asked for.
    pub release: &'static str,
    /// Units that it can be counted by.
    pub units: &'static [&'static str],
    /// Periods that it can be counted by.
    pub periods: &'static [&'static str],
}

const AREA: &[&str] = &["aor", "aor-harmonised"];
const AREA_OR_COUNTY: &[&str] = &["aor", "aor-harmonised", "county"];
const COUNTY: &[&str] = &["county"];
const WEEK_OR_MONTH: &[&str] = &["week", "month"];
const MONTH: &[&str] = &["month"];

/// Every measure, in reading order.
pub const MEASURES: [Measure; 14] = [
    arrests("arr_total", "ERO administrative arrests"),
    arrests("arr_custodial", "arrests of people in the custody of another agency"),
    arrests("arr_local_jail", "arrests from local jails (CAP Local Incarceration)"),
    arrests("arr_prison", "arrests from state and federal prisons"),
    arrests("arr_atlarge", "arrests in the community: Non-Custodial, Located, Worksite"),
    arrests("arr_atlarge_narrow", "arrests in the community, Non-Custodial only"),
    arrests("arr_atlarge_wide", "all arrests that are not custodial, reprocessed ones excluded"),
    arrests("arr_287g", "arrests under 287(g) agreements"),
    arrests("arr_operation", "arrests carrying a named operation"),
    Measure { id: "encounters", what: "encounters", release: ARRESTS_2019, units: AREA, periods: MONTH },
    Measure { id: "removals", what: "removals", release: ARRESTS_2019, units: AREA, periods: MONTH },
    detainers("det_issued", "detainers by prepare date"),
    detainers("det_declined_issue", "detainers recorded as declined, at the prepare date"),
    detainers("det_booked_in", "detainers whose lift reason is a book-in to detention"),
];

const fn arrests(id: &'static str, what: &'static str) -> Measure {
    Measure { id, what, release: ARRESTS_2019, units: AREA_OR_COUNTY, periods: WEEK_OR_MONTH }
}

const fn detainers(id: &'static str, what: &'static str) -> Measure {
    Measure { id, what, release: DETAINERS_2015, units: COUNTY, periods: MONTH }
}

/// Which panel to fill.
#[derive(Debug, Clone, PartialEq)]
pub struct PanelRequest {
    /// Measure, by its identifier.
    pub measure: String,
    /// `aor`, `aor-harmonised` or `county`.
    pub unit: String,
    /// `week` or `month`; counties have months only.
    pub period: String,
    /// Release; `None` for the measure's own.
    pub release: Option<String>,
    /// How arrests without a county enter a county's series.
    pub geography: Geography,
}

impl Figures {
    /// Counts over the units and periods asked for; zero inside the release's coverage, missing outside.
    ///
    /// # Errors
    /// [`ErrorKind::NotHeld`] for a measure, unit or period that no table answers, naming those that exist.
    pub fn counts(&self, request: &PanelRequest) -> Result<Counts, Error> {
        let measure = MEASURES.iter().find(|measure| measure.id == request.measure).ok_or_else(|| {
            let known: Vec<_> = MEASURES.iter().map(|measure| measure.id).collect();
            missing("measure", &request.measure, &known)
        })?;
        if !measure.units.contains(&request.unit.as_str()) {
            return Err(missing("unit", &request.unit, measure.units));
        }
        let periods = if request.unit == "county" { MONTH } else { measure.periods };
        if !periods.contains(&request.period.as_str()) {
            return Err(missing("period", &request.period, periods));
        }
        let release = request.release.as_deref().unwrap_or(measure.release);
        let areas = if request.unit == "aor" { Areas::Raw } else { Areas::Harmonised };
        let every = if request.period == "week" { Every::Week } else { Every::Month };
        match measure.id {
            "encounters" => self.encounters_by_aor(release, areas),
            "removals" => self.removals_by_aor(release, areas),
            "det_issued" => self.detainers_by_county(release, None),
            "det_declined_issue" => self.detainers_by_county(release, Some(DetainerOutcome::Declined)),
            "det_booked_in" => self.detainers_by_county(release, Some(DetainerOutcome::BookedIn)),
            id => {
                let outcome = outcome(id).ok_or_else(|| missing("measure", id, &[]))?;
                if request.unit == "county" {
                    return Ok(self.arrests_by_county(release, outcome)?.counts(request.geography));
                }
                self.arrests_by_aor(release, outcome, every, areas)
            }
        }
    }
}

impl Counts {
    /// The counts as a panel that estimators take; missing cells stay missing.
    ///
    /// # Errors
    /// [`ErrorKind::NotHeld`] when there is no unit or no period.
    pub fn panel(&self) -> Result<Panel, Error> {
        let periods: Vec<String> = self.periods.iter().map(ToString::to_string).collect();
        let series: Vec<_> = self
            .units
            .iter()
            .zip(self.values.chunks_exact(self.periods.len().max(1)))
            .map(|(unit, values)| (unit.clone(), values.to_vec()))
            .collect();
        Panel::from_series(&periods, &series)
            .map_err(|error| Error::new(ErrorKind::NotHeld, error.to_string()).with_hint(error.hint()))
    }
}

fn outcome(measure: &str) -> Option<Outcome> {
    match measure {
        "arr_atlarge_narrow" => Some(Outcome::AtLarge(AtLarge::Narrow)),
        "arr_atlarge_wide" => Some(Outcome::AtLarge(AtLarge::Wide)),
        id => Outcome::of(id, AtLarge::Standard),
    }
}

fn missing(what: &str, found: &str, known: &[&str]) -> Error {
    Error::new(ErrorKind::NotHeld, format!("no {what} `{found}` here"))
        .with_hint(format!("one of: {}", known.join(", ")))
}
