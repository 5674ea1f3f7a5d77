//! Counties: name, state, area of responsibility, population.

use std::collections::HashMap;

use evenhand_vocab::{Aor, CountyFips};

use crate::state::postal_of_fips;
use crate::table::Table;
use crate::words::key;
use crate::{Error, ErrorKind};

/// First year of the population columns; they run to 2019.
pub const FIRST_POPULATION_YEAR: i16 = 2010;

/// A county or county equivalent as it stood in 2019.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct County {
    /// Five-digit code.
    pub fips: CountyFips,
    /// Postal code of the state.
    pub state: &'static str,
    /// Name with its kind: `Travis County`, `Orleans Parish`, `Richmond city`.
    pub name: String,
    /// Area of responsibility before Harlingen was split off (24 areas).
    pub aor: Aor,
    /// Area of responsibility with Harlingen (25 areas).
    pub aor_now: Aor,
    /// Census Bureau estimate for 1 July of 2010 to 2019, Vintage 2019; `None` in the territories.
    pub population: [Option<u32>; 10],
}

impl County {
    /// Population on 1 July of `year`, 2010 to 2019.
    #[must_use]
    pub fn population_in(&self, year: i16) -> Option<u32> {
        let at = usize::try_from(year - FIRST_POPULATION_YEAR).ok()?;
        self.population.get(at).copied().flatten()
    }

    /// Whether it is a city outside any county, such as Richmond, Virginia, or Baltimore.
    #[must_use]
    pub fn is_independent_city(&self) -> bool {
        self.name.ends_with(" city") || self.name == "Carson City"
    }

    /// The name without its kind.
    fn short_name(&self) -> &str {
        const KINDS: [&str; 8] = [
            " County",
            " Parish",
            " City and Borough",
            " Borough",
            " Census Area",
            " Municipality",
            " Municipio",
            " city",
        ];
        KINDS.iter().find_map(|kind| self.name.strip_suffix(kind)).unwrap_or(&self.name)
    }
}

/// All counties, by code and by the key of their name.
#[derive(Debug, Clone)]
pub(crate) struct Counties {
    list: Vec<County>,
    by_fips: HashMap<CountyFips, usize>,
    by_key: HashMap<String, Vec<usize>>,
}

impl Counties {
    /// Reads `counties.csv`.
    pub(crate) fn read(text: &str) -> Result<Self, Error> {
        let table = Table::parse("counties.csv", text)?;
        let [fips, name, aor, aor_now, first] =
            table.columns(["fips", "name", "aor", "aor_now", "pop2010"])?;
        let mut list = Vec::with_capacity(table.rows().len());
        for (at, row) in table.rows().iter().enumerate() {
            let code: CountyFips = table.cell(at, fips)?;
            let state = postal_of_fips(&row[fips]).ok_or_else(|| {
                Error::new(
                    ErrorKind::Cell,
                    format!("`counties.csv`, row {}: no state has code `{}`", at + 2, row[fips]),
                )
            })?;
            let mut population = [None; 10];
            for (year, slot) in population.iter_mut().enumerate() {
                *slot = row[first + year].parse().ok();
            }
            list.push(County {
                fips: code,
                state,
                name: row[name].to_string(),
                aor: table.cell(at, aor)?,
                aor_now: table.cell(at, aor_now)?,
                population,
            });
        }
        list.sort_by_key(|county| county.fips);
        let by_fips = list.iter().enumerate().map(|(at, county)| (county.fips, at)).collect();
        let mut by_key: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, county) in list.iter().enumerate() {
            by_key.entry(key(county.short_name())).or_default().push(at);
        }
        Ok(Self { list, by_fips, by_key })
    }

    pub(crate) fn list(&self) -> &[County] {
        &self.list
    }

    pub(crate) fn get(&self, fips: CountyFips) -> Option<&County> {
        self.by_fips.get(&fips).map(|&at| &self.list[at])
    }

    /// Every county whose name without its kind has this key.
    pub(crate) fn named(&self, key: &str) -> impl Iterator<Item = &County> {
        self.by_key.get(key).into_iter().flatten().map(|&at| &self.list[at])
    }

    /// The key of a county's name without its kind.
    pub(crate) fn key_of(county: &County) -> String {
        key(county.short_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "fips,state,name,aor,aor_now,pop2010,pop2011,pop2012,pop2013,pop2014,pop2015,pop2016,pop2017,pop2018,pop2019\n\
                       48061,TX,Cameron County,SNA,HLG,1,2,3,4,5,6,7,8,9,10\n\
                       51760,VA,Richmond city,WAS,WAS,,,,,,,,,,\n";

    #[test]
    fn counties_are_found_by_code_and_by_name() -> Result<(), Error> {
        let counties = Counties::read(TWO)?;
        let cameron = counties.named("CAMERON").next().expect("Cameron is listed");
        assert_eq!((cameron.state, cameron.aor.code(), cameron.aor_now.code()), ("TX", "SNA", "HLG"));
        assert_eq!(
            (cameron.population_in(2016), cameron.population_in(2020), cameron.population_in(2009)),
            (Some(7), None, None)
        );
        assert!(counties.named("RICHMOND").all(County::is_independent_city));
        Ok(())
    }
}
