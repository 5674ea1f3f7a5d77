//! Counties by month for a policy of one county: who is compared with whom, and over which months.
//!
//! Bound from the docket: the treated county is the county of the claim's scope; the policy runs between the
//! two events of `treatment = "ON to OFF"` (of the test, or of a sibling test of the same measure); an event of
//! the county before it whose id ends in `-ANN` is its announcement. Data: arrests by county and month, where
//! arrests under the general code of an ICE office count in the office's county (labelled, and bounded
//! elsewhere).

use super::{Stop, needs, tabulate};
use crate::context::{Context, Held, county_of};
use evenhand_docket::{Claim, Event, Geo, Test};
use evenhand_estimate::Design;
use evenhand_measure::{CountyCounts, Geography, Outcome, harmonised};
use evenhand_vocab::{Aor, AtLarge, CountyFips, Month};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Donors' baseline means lie within this factor of the treated county's, unless a specification says so.
pub const BAND: f64 = 3.0;
/// With fewer donors no placebo rank can reach 0.05.
pub const ENOUGH_DONORS: usize = 20;

/// A county of the panel.
#[derive(Debug, Clone)]
pub struct County {
    /// Code.
    pub fips: CountyFips,
    /// `Travis, TX`.
    pub name: String,
    /// Area of responsibility.
    pub aor: Aor,
}

/// Months by unit, shape (units × months).
pub type Table = Vec<Vec<f64>>;

/// Which months around the announcement are left out of the fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    /// From the announcement to the first month in force.
    Announced,
    /// None: every month before the policy is a month before.
    Nothing,
    /// The three months before the policy.
    Quarter,
}

/// The months of one specification.
#[derive(Debug, Clone)]
pub struct Periods {
    /// Positions in the coverage.
    pub at: Vec<usize>,
    /// How many of them lie before the policy.
    pub n_pre: usize,
}

/// The panel of a one-county policy.
pub struct LandmarkPanel {
    /// The release that serves it.
    pub held: Held,
    /// Months of the coverage.
    pub months: Vec<Month>,
    /// Counties, by code.
    pub counties: Vec<County>,
    /// Position of the treated county.
    pub treated: usize,
    /// Month of the announcement.
    pub announced: Month,
    /// First month in force.
    pub on: Month,
    /// Last month in force for at least half its days.
    pub last: Month,
    /// Counties with a policy on the timeline at any time up to `last`, the treated one left out.
    pub with_policy: BTreeSet<CountyFips>,
    outcomes: Vec<(Outcome, Arc<CountyCounts>)>,
}

impl LandmarkPanel {
    /// Binds a test of an outcome to the panel.
    ///
    /// # Errors
    /// Stops when no release serves the test, or when scope or treatment are not understood.
    pub fn bind(context: &Context<'_>, claim: &Claim, test: &Test, outcome: Outcome) -> Result<Self, Stop> {
        let held = context.release(test).ok_or_else(|| needs("needs a release of arrests with landmarks"))?;
        let treated = county_of(claim, "").ok_or_else(|| needs("needs a county in the claim's scope"))?;
        let (on, off) = policy(context, claim, test)?;
        let announced = context
            .docket
            .events
            .iter()
            .filter(|event| event.geo.contains(&Geo::County(treated)) && event.date <= on.date)
            .filter(|event| event.id.ends_with("-ANN"))
            .max_by_key(|event| event.date)
            .map_or(on.date, |event| event.date);
        let last_day = off.date.yesterday().unwrap_or(off.date);
        let half = last_day.day() * 2 >= last_day.days_in_month();
        let last = Month::from(last_day).plus(if half { 0 } else { -1 });
        let mut outcomes = Vec::new();
        let at_large = [AtLarge::Standard, AtLarge::Narrow, AtLarge::Wide].map(Outcome::AtLarge);
        for outcome in at_large.into_iter().chain([Outcome::LocalJail, outcome]) {
            outcomes.push((outcome, context.by_county(&held.id, outcome)?));
        }
        let first = &outcomes[0].1;
        let months = first.months.clone();
        let counties: Vec<County> = first
            .units
            .iter()
            .map(|unit| County { fips: unit.county, name: unit.name.clone(), aor: unit.aor })
            .collect();
        let treated = counties
            .iter()
            .position(|county| county.fips == treated)
            .ok_or_else(|| needs(format!("needs arrests placed in county {treated}")))?;
        let (announced, on) = (Month::from(announced), Month::from(on.date));
        if months.first().is_none_or(|first| announced.since(*first) < 12) || months.last() < Some(&last) {
            return Err(needs("needs twelve months before the announcement and every month of the policy"));
        }
        let with_policy = with_policy(context, counties[treated].fips, last);
        Ok(Self { held, months, counties, treated, announced, on, last, with_policy, outcomes })
    }

    /// The treated county.
    #[must_use]
    pub fn county(&self) -> &County {
        &self.counties[self.treated]
    }

    /// Counts of one outcome as they came.
    #[must_use]
    pub fn counts(&self, outcome: Outcome) -> &CountyCounts {
        let held = self.outcomes.iter().find(|(held, _)| *held == outcome);
        // `bind` reads the test's own outcome, every at-large definition and local jails; callers name no other.
        held.map_or(&self.outcomes[0].1, |(_, counts)| counts)
    }

    /// Every county's series of one outcome under a rule for arrests without a county.
    #[must_use]
    pub fn table(&self, outcome: Outcome, geography: Geography) -> Table {
        let counts = self.counts(outcome);
        let zero = || vec![0.0; self.months.len()];
        self.counties
            .iter()
            .map(|county| counts.series(county.fips, geography).unwrap_or_else(zero))
            .collect()
    }

    /// The months of a specification.
    #[must_use]
    pub fn periods(&self, left_out: LeftOut) -> Periods {
        let before = match left_out {
            LeftOut::Announced => self.announced,
            LeftOut::Nothing => self.on,
            LeftOut::Quarter => self.on.plus(-3),
        };
        let pick = |keep: &dyn Fn(Month) -> bool| {
            (0..self.months.len()).filter(|&t| keep(self.months[t])).collect::<Vec<_>>()
        };
        let pre = pick(&|month| month < before);
        let post = pick(&|month| month >= self.on && month <= self.last);
        Periods { n_pre: pre.len(), at: [pre, post].concat() }
    }

    /// Counties that may stand in for county `own`: outside its area (harmonised too), not the treated one, no
    /// policy on the timeline, and a baseline mean within a factor of its own.
    #[must_use]
    pub fn donors(&self, own: usize, table: &Table, periods: &Periods, band: f64) -> Vec<usize> {
        let baseline = |unit: usize| {
            periods.at[..periods.n_pre].iter().map(|&t| table[unit][t]).sum::<f64>() / periods.n_pre as f64
        };
        let level = baseline(own);
        (0..self.counties.len())
            .filter(|&unit| unit != own && unit != self.treated)
            .filter(|&unit| !same_area(self.counties[unit].aor, self.counties[own].aor))
            .filter(|&unit| !self.with_policy.contains(&self.counties[unit].fips))
            .filter(|&unit| {
                let mean = baseline(unit);
                mean > 0.0 && level / band <= mean && mean <= level * band
            })
            .collect()
    }

    /// A comparison of the counts of `series` with donors, transformed by `f`.
    ///
    /// # Errors
    /// Stops when there is no donor.
    pub fn design(
        &self,
        series: &[f64],
        donors: &[usize],
        table: &Table,
        periods: &Periods,
        f: impl Fn(&[f64]) -> Vec<f64>,
    ) -> Result<Design, Stop> {
        let pick = |series: &[f64]| periods.at.iter().map(|&t| series[t]).collect::<Vec<f64>>();
        let named: Vec<(String, Vec<f64>)> = donors
            .iter()
            .map(|&unit| (self.counties[unit].fips.to_string(), f(&pick(&table[unit]))))
            .collect();
        let labels: Vec<String> = periods.at.iter().map(|&t| self.months[t].to_string()).collect();
        Ok(Design::from_series(&f(&pick(series)), &named, &labels, periods.n_pre)?)
    }

    /// Everything that the area of county `own` saw outside the county, by month.
    #[must_use]
    pub fn rest_of_area(&self, own: usize, outcome: Outcome, table: &Table) -> Option<Vec<f64>> {
        let aor = self.counties[own].aor;
        let area = self.counts(outcome).areas.iter().find(|area| area.aor == aor)?;
        let whole = |t: usize| area.located[t] + area.office[t] + area.unplaced[t];
        Some((0..self.months.len()).map(|t| (whole(t) - table[own][t]).max(0.0)).collect())
    }

    /// Mean of a series over positions.
    #[must_use]
    pub fn mean(series: &[f64], at: &[usize]) -> f64 {
        at.iter().map(|&t| series[t]).sum::<f64>() / at.len().max(1) as f64
    }

    /// The at-large definition that a test names.
    #[must_use]
    pub fn outcome(test: &Test) -> Option<Outcome> {
        Outcome::of(&test.measure, tabulate::at_large(test))
    }
}

/// Whether two areas are one in the harmonised set, between whose members borders moved.
fn same_area(one: Aor, other: Aor) -> bool {
    harmonised(one) == harmonised(other)
}

/// The events between which the policy was in force.
fn policy<'a>(context: &Context<'a>, claim: &Claim, test: &Test) -> Result<(&'a Event, &'a Event), Stop> {
    let own = test.treatment.as_deref();
    let sibling = || {
        claim
            .tests
            .iter()
            .filter(|other| other.measure == test.measure && other.unit == test.unit)
            .find_map(|other| other.treatment.as_deref())
    };
    let treatment = own.or_else(sibling).ok_or_else(|| needs("needs a treatment such as `E-ON to E-OFF`"))?;
    let event = |id: &str| context.docket.event(id.trim());
    treatment
        .split_once(" to ")
        .and_then(|(on, off)| event(on).zip(event(off)))
        .ok_or_else(|| needs(format!("needs a treatment such as `E-ON to E-OFF`, found `{treatment}`")))
}

/// Counties of the policy timeline whose policy began before the end of the window.
fn with_policy(context: &Context<'_>, treated: CountyFips, last: Month) -> BTreeSet<CountyFips> {
    let end = last.plus(1).first_day();
    context
        .figures
        .events()
        .iter()
        .filter(|event| event.kind == "policy")
        .filter(|event| event.start.parse().is_ok_and(|start: evenhand_vocab::Date| start < end))
        .filter_map(|event| event.geo.parse::<CountyFips>().ok())
        .filter(|county| *county != treated)
        .collect()
}
