//! Ridge-augmented synthetic control against the published results of R `augsynth` on the Kansas tax cuts.

use crate::table::Table;
use evenhand_estimate::*;

fn kansas() -> Option<(Design, Predictors)> {
    let table = Table::read("kansas", "fips", "year_qtr")?;
    let donors = table.donors(&["20.0"]);
    let design = table.design("lngdpcapita", "20.0", &donors, 2012.25);
    let treated = ["20.0".to_owned()];
    // Donors in the order of the design: by label.
    let units = TreatedAndDonors { treated: &treated, donors: design.donors() };
    let before: Vec<f64> = (0..89).map(|k| 1990.0 + 0.25 * f64::from(k)).collect();
    let mut predictors = Predictors::new();
    let columns = [
        ("lngdpcapita", false),
        ("revstatecapita", true),
        ("revlocalcapita", true),
        ("avgwklywagecapita", true),
        ("estabscapita", false),
        ("emplvlcapita", false),
    ];
    for (name, logarithm) in columns {
        let values: Vec<f64> =
            table.column(name).iter().map(|x| if logarithm { x.ln() } else { *x }).collect();
        let long = LongColumn { unit: &table.unit, period: &table.period, values: &values };
        predictors = predictors.with_column(name, &long, &before, PredictorOperator::Mean, &units).unwrap();
    }
    Some((design, predictors))
}

// The vignette prints four decimals of the effect and three of the imbalance: half a unit of each. Its residualized
// fit takes the penalty of the fit without covariates.
#[test]
fn kansas_equals_the_vignette() {
    let Some((design, covariates)) = kansas() else { return };
    let run = |covariates: Option<&Predictors>,
               options: &RidgeAugmentedOptions,
               effect: f64,
               imbalance: f64| {
        let found = ridge_augmented_synthetic_control(&design, covariates, options).unwrap();
        assert!((found.fit.estimate - effect).abs() <= 5.1e-5, "{}, expected {effect}", found.fit.estimate);
        assert!(
            (found.l2_imbalance - imbalance).abs() <= 5.1e-4,
            "{}, expected {imbalance}",
            found.l2_imbalance
        );
        found
    };
    let options = RidgeAugmentedOptions::default();
    let plain = run(None, &options, -0.0401, 0.062);
    let nothing = RidgeAugmentedOptions { lambda: Some(1e12), ..options.clone() };
    run(None, &nothing, -0.0294, 0.083);
    run(Some(&covariates), &options, -0.0609, 0.054);
    let residualized =
        RidgeAugmentedOptions { residualize: true, lambda: Some(plain.lambda), ..options.clone() };
    let found = ridge_augmented_synthetic_control(&design, Some(&covariates), &residualized).unwrap();
    assert!((found.fit.estimate + 0.0548).abs() <= 5.1e-5, "{}, expected -0.0548", found.fit.estimate);
    assert!(found.covariate_l2_imbalance.unwrap() < 1e-10);
}
