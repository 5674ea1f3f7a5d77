//! Python `py-did-multiplegt-dyn` 0.1.9, by the authors of the R and Stata packages, and `diff-diff` 3.13 for DID_M;
//! run on the data of `oracles/` for these tests (there are no results of R with them).

use evenhand_estimate::*;

fn cells(set: &str, id: &str, outcome: &str, cohort: &str) -> Option<Cells> {
    let data = crate::table(set)?;
    let cells = Cells::new(&data.text(id), &data.numbers("year"), &data.numbers(outcome)).unwrap();
    Some(cells.with_cohort(&data.numbers(cohort)).unwrap())
}

fn agrees(cells: &Cells, options: &DynamicEffectsOptions, expected: &[(&str, f64, f64)]) {
    let found = dechaisemartin_dhaultfoeuille(cells, options).unwrap();
    for &(name, estimate, std_error) in expected {
        let term = found.estimates.get(name).unwrap().estimate;
        crate::near(term.estimate, estimate, 1e-11);
        crate::near(term.std_error.unwrap(), std_error, 1e-11);
    }
}

#[test]
fn dynamic_effects_equal_the_authors_package_on_mpdta() {
    let Some(cells) = cells("mpdta", "countyreal", "lemp", "first_treat") else { return };
    let options = DynamicEffectsOptions { effects: 3, placebos: 2, ..Default::default() };
    let expected = [
        ("effect_1", -0.018922199083425396, 0.012067685745389743),
        ("effect_2", -0.05358934738483293, 0.017039841660725922),
        ("effect_3", -0.13627434632867927, 0.03622635771178947),
        ("average_total_effect", -0.03525825754464137, 0.011336998882005374),
        ("placebo_1", 0.024268903414506993, 0.014487173950951783),
        ("placebo_2", -0.0037692936737142198, 0.03170316503473779),
    ];
    agrees(&cells, &options, &expected);
    let m = did_m(&cells).unwrap();
    crate::near(m.get("did_m").unwrap().estimate.estimate, -0.018922199083425392, 1e-11);
    crate::near(m.get("placebo").unwrap().estimate.estimate, -0.02426890341450699, 1e-11);
}

#[test]
fn dynamic_effects_with_a_control_equal_the_authors_package_on_base_stagg() {
    let Some(cells) = cells("base_stagg", "id", "y", "g") else { return };
    let x1 = crate::table("base_stagg").unwrap().numbers("x1");
    let cells = cells.with_covariate("x1", &x1).unwrap();
    let options = DynamicEffectsOptions { effects: 4, placebos: 2, ..Default::default() };
    let expected = [
        ("effect_1", -5.20190265411911, 0.23952986284746716),
        ("effect_2", -3.57134807205684, 0.23297072636980098),
        ("effect_3", -2.1867452886584067, 0.24679225722863665),
        ("effect_4", -0.8377321663024441, 0.311245968443057),
        ("average_total_effect", -3.190717282731674, 0.20333906804125798),
        ("placebo_1", 0.09662657835035149, 0.2679834958252243),
        ("placebo_2", -0.16914237621323963, 0.3215401147913185),
    ];
    agrees(&cells, &options, &expected);
}
