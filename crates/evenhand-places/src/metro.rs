//! Metropolitan areas and cities of published population estimates, as counties.

use evenhand_vocab::CountyFips;

use crate::Error;
use crate::table::Table;

/// A metro area or a city, as the counties that hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metro {
    /// The name in the published table.
    pub name: String,
    /// Metro area code of the July 2023 delineation; `None` for a city.
    pub cbsa: Option<String>,
    /// Whether the counties are exactly the metro or city (`false` for a city inside a larger county).
    pub is_whole: bool,
    /// Its counties, in code order.
    pub counties: Vec<CountyFips>,
}

/// Reads `metros.csv`: one row per metro or city and county.
pub(crate) fn read_metros(text: &str) -> Result<Vec<Metro>, Error> {
    let table = Table::parse("metros.csv", text)?;
    let [name, cbsa, extent, fips] = table.columns(["name", "cbsa", "extent", "county_fips"])?;
    let mut metros: Vec<Metro> = Vec::new();
    for (at, row) in table.rows().iter().enumerate() {
        let county = table.cell(at, fips)?;
        match metros.last_mut().filter(|metro| metro.name == row[name]) {
            Some(metro) => metro.counties.push(county),
            None => metros.push(Metro {
                name: row[name].to_string(),
                cbsa: Some(row[cbsa].to_string()).filter(|code| !code.is_empty()),
                is_whole: row[extent] == "whole",
                counties: vec![county],
            }),
        }
    }
    Ok(metros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_one_metro_become_its_counties() -> Result<(), Error> {
        let metros =
            read_metros("name,cbsa,extent,county_fips\nA,1,whole,48001\nA,1,whole,48003\nB,,part,06037\n")?;
        assert_eq!(metros.iter().map(|metro| metro.counties.len()).collect::<Vec<_>>(), [2, 1]);
        assert_eq!((metros[1].cbsa.as_deref(), metros[1].is_whole), (None, false));
        Ok(())
    }
}
