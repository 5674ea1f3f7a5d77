use crate::Counts;
use evenhand_vocab::{Aor, CountyFips, Month};

/// Arrests of one outcome by county and month, with what no county could be given to.
///
/// A landmark is not a place of arrest: these series are labelled `landmark_county` and carry bounds
/// (methods/1, section 2.7).
#[derive(Debug, Clone, PartialEq)]
pub struct CountyCounts {
    /// Months of the release's coverage, ascending, without gaps; shape (t,).
    pub months: Vec<Month>,
    /// Counties with any arrest in the release, by code.
    pub units: Vec<CountyUnit>,
    /// Areas with what they could not place, by code.
    pub areas: Vec<AreaRest>,
    /// Rows of the outcome.
    pub rows_used: u64,
    /// Of those, rows without a located county (office-only ones included).
    pub rows_unplaced: u64,
}

/// One county.
#[derive(Debug, Clone, PartialEq)]
pub struct CountyUnit {
    /// Its code.
    pub county: CountyFips,
    /// `Travis, TX`.
    pub name: String,
    /// The area that it lies in.
    pub aor: Aor,
    /// Located arrests (exact and rule) by month; shape (t,).
    pub located: Vec<f64>,
    /// Arrests under the general code of an office that sits here, by month; shape (t,).
    pub office: Vec<f64>,
}

/// One area of responsibility.
#[derive(Debug, Clone, PartialEq)]
pub struct AreaRest {
    /// Its code.
    pub aor: Aor,
    /// Arrests that no county could be given to, by month; shape (t,).
    pub unplaced: Vec<f64>,
    /// Arrests under general codes of its offices, by month; shape (t,).
    pub office: Vec<f64>,
    /// Located arrests, by month; shape (t,).
    pub located: Vec<f64>,
}

/// How arrests without a county enter a county's series (methods/1, section 2.7).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Geography {
    /// G0: located arrests only.
    Located,
    /// Located arrests, and those under the general code of an office that sits in the county.
    WithOffice,
    /// G1: the area's unplaced arrests in proportion to its located ones.
    Proportional,
    /// G2, lower end: as [`Geography::Located`].
    WorstLow,
    /// G2, upper end: every arrest of the area that could not be placed.
    WorstHigh,
    /// G3, lower end: the county's share of the unplaced at least 1 / kappa of its located share.
    SkewLow(f64),
    /// G3, upper end: at most kappa times its located share.
    SkewHigh(f64),
}

impl CountyCounts {
    /// Every county's series under a rule, as counts by county code and month.
    #[must_use]
    pub fn counts(&self, geography: Geography) -> Counts {
        let series = self.units.iter().filter_map(|unit| self.series(unit.county, geography));
        Counts {
            units: self.units.iter().map(|unit| unit.county.to_string()).collect(),
            periods: self.months.iter().map(|month| month.first_day()).collect(),
            values: series.flatten().map(Some).collect(),
            rows_used: self.rows_used,
            rows_without_unit: self.rows_unplaced,
        }
    }

    /// A county's series under a rule; `None` for a county without arrests in the release.
    #[must_use]
    pub fn series(&self, county: CountyFips, geography: Geography) -> Option<Vec<f64>> {
        let unit = self.units.iter().find(|unit| unit.county == county)?;
        let zero = vec![0.0; self.months.len()];
        let rest = self.areas.iter().find(|area| area.aor == unit.aor);
        let (unplaced, office, located) =
            rest.map_or((&zero, &zero, &zero), |area| (&area.unplaced, &area.office, &area.located));
        let month = |t: usize| {
            let here = unit.located[t];
            let missing = unplaced[t] + office[t];
            let share = if located[t] > 0.0 { here / located[t] } else { 0.0 };
            match geography {
                Geography::Located | Geography::WorstLow => here,
                Geography::WithOffice => here + unit.office[t],
                Geography::Proportional => here + missing * share,
                Geography::WorstHigh => here + missing,
                Geography::SkewLow(kappa) => here + missing * (share / kappa).min(1.0),
                Geography::SkewHigh(kappa) => here + missing * (share * kappa).min(1.0),
            }
        };
        Some((0..self.months.len()).map(month).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_counties() -> CountyCounts {
        let aor: Aor = "SNA".parse().unwrap();
        let unit = |code: &str, located: f64, office: f64| CountyUnit {
            county: code.parse().unwrap(),
            name: code.into(),
            aor,
            located: vec![located],
            office: vec![office],
        };
        CountyCounts {
            months: vec![Month::new(2017, 2)],
            units: vec![unit("48029", 30.0, 5.0), unit("48453", 10.0, 15.0)],
            areas: vec![AreaRest { aor, unplaced: vec![20.0], office: vec![20.0], located: vec![40.0] }],
            rows_used: 80,
            rows_unplaced: 40,
        }
    }

    #[test]
    fn proportional_shares_add_up_to_the_area() {
        let counts = two_counties();
        let sum: f64 = counts
            .units
            .iter()
            .map(|unit| counts.series(unit.county, Geography::Proportional).unwrap()[0])
            .sum();
        assert!((sum - 80.0).abs() < 1e-12);
    }

    #[test]
    fn every_rule_lies_between_the_worst_cases() {
        let counts = two_counties();
        let travis = counts.units[1].county;
        let at = |geography| counts.series(travis, geography).unwrap()[0];
        let rules = [
            (Geography::WithOffice, 25.0),
            (Geography::Proportional, 20.0),
            (Geography::SkewLow(2.0), 15.0),
            (Geography::SkewHigh(2.0), 30.0),
        ];
        for (rule, expected) in rules {
            assert!((at(rule) - expected).abs() < 1e-12, "{rule:?}");
            assert!(at(Geography::WorstLow) <= at(rule) && at(rule) <= at(Geography::WorstHigh), "{rule:?}");
        }
    }
}
