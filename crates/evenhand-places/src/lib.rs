//! Facility, landmark, city, AOR and metro to county FIPS, each match with its quality
