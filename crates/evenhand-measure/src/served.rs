use evenhand_vocab::Date;

/// The release of 2019 with arrests, removals and encounters of FY2016 to FY2018.
pub const ARRESTS_2019: &str = "ice-foia-2019-53623";
/// Detainers of FY2015 row by row, and totals from October 2007.
pub const DETAINERS_2015: &str = "ice-detainers-fy2008-2015";
/// The Seattle area's arrests, book-ins and removals, 2012 to 2019.
pub const SEATTLE: &str = "ice-seattle-2012-2019";

/// What answers for a dataset that a docket names.
#[derive(Debug, Clone, PartialEq)]
pub enum Served {
    /// A release of the record.
    Release {
        /// Its identifier.
        id: String,
        /// What it is.
        title: String,
        /// First day held.
        start: Date,
        /// Last day held.
        end: Date,
        /// How what is held differs from what the docket names.
        differs: Option<String>,
    },
    /// Figures transcribed from public pages, which the engine carries.
    Transcribed {
        /// What they are.
        title: String,
    },
    /// Nothing held answers for it.
    NotHeld {
        /// What would: completes "needs ...".
        needs: String,
    },
}

/// How a docket's dataset is met: by a release, by transcribed figures, or not yet.
pub(crate) enum Meets {
    Release { id: &'static str, title: &'static str, differs: Option<&'static str> },
    Transcribed(&'static str),
    Nothing(&'static str),
}

pub(crate) fn meets(dataset: &str) -> Meets {
    match dataset {
        "uwchr" => Meets::Release {
            id: ARRESTS_2019,
            title: title(ARRESTS_2019),
            differs: Some(
                "the docket names release 2022-ICFO-09023 (2011-10 to 2023-01); held is the earlier release \
                 2019-ICFO-53623 of the same tables, October 2015 to September 2018",
            ),
        },
        "npr0715" => Meets::Release {
            id: DETAINERS_2015,
            title: title(DETAINERS_2015),
            differs: Some("row by row from October 2014 only; yearly and monthly totals before that"),
        },
        "seattle" => Meets::Release { id: SEATTLE, title: title(SEATTLE), differs: None },
        "ice2019" => Meets::Release { id: ARRESTS_2019, title: title(ARRESTS_2019), differs: None },
        "ddor17" => {
            Meets::Transcribed("declined-detainer report of 28 January to 3 February 2017, as transcribed")
        }
        "pew" => Meets::Transcribed("Pew Research Center estimates, as transcribed"),
        "docs" => Meets::Transcribed("documents of the docket, as read"),
        "policy" => Meets::Transcribed("policy timeline, as transcribed"),
        "ddp26" => {
            Meets::Nothing("the ICE release of 2026 published by the Deportation Data Project (ddp26)")
        }
        "ddp23" => Meets::Nothing("ICE release 2023-ICFO-42034 (ddp23)"),
        "garcia" => Meets::Nothing("ICE release 2022-ICFO-22955 with conviction status by area (garcia)"),
        "tcjs" => Meets::Nothing("the Texas Commission on Jail Standards' monthly detainer counts (tcjs)"),
        "acs" => Meets::Nothing("noncitizens by county from the American Community Survey (acs)"),
        "ucr" => Meets::Nothing("FBI crime counts by county (ucr)"),
        _ => Meets::Nothing("a release that this engine does not know"),
    }
}

/// What a release is, in words; the identifier itself for one that the engine does not know.
pub(crate) fn title(release: &str) -> &str {
    match release {
        ARRESTS_2019 => "ICE release 2019-ICFO-53623: ERO arrests, removals and encounters, FY2016 to FY2018",
        DETAINERS_2015 => "ICE detainers, FY2015 row by row and totals from October 2007 (FOIA 15-87693)",
        SEATTLE => "ICE arrests, book-ins and removals in the Seattle area, 2012 to 2019",
        "secure-communities" => "Secure Communities activation month by county",
        "287g" => "287(g) agreements, ICE list of 18 May 2026 and snapshots of 2025",
        "ice-facility-list-2017" => "ICE facility list, 6 November 2017",
        "crosswalk" => "Counties, metros, areas of responsibility, facilities and landmarks",
        "facts" => "Figures transcribed from public pages",
        other => other,
    }
}
