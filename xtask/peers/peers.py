"""One task by one peer, timed: CPU seconds of the call, data preparation included, reading the file not.

    python peers.py TASK PEER DATA.csv SECONDS

Prints one JSON line: what it took (best repetition; the first call, which compiles, does not count unless it is the
only one that fits into SECONDS) and the numbers that both sides should agree on.
"""
import importlib.metadata
import json
import sys
import time
import warnings

import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")

NUMBERS = "numbers"


def event_study(peer, data):
    if peer == "fereg":
        import fereg as package
        fit = package.feols("y ~ i(relative, ref=-1) | unit + time", data, vcov={"CRV1": "unit"})
    else:
        import pyfixest as package
        fit = package.feols("y ~ i(relative, ref=-1) | unit + time", data, vcov={"CRV1": "unit"})
    return by_event_time(fit)


def poisson(peer, data):
    if peer == "fereg":
        import fereg as package
        fit = package.fepois("y ~ i(relative, ref=-1) | unit + time", data, vcov={"CRV1": "unit"})
    else:
        import pyfixest as package
        fit = package.fepois("y ~ i(relative, ref=-1) | unit + time", data, vcov={"CRV1": "unit"})
    return by_event_time(fit)


def by_event_time(fit):
    table = fit.tidy()
    numbers = {}
    names = table["Coefficient"] if "Coefficient" in table.columns else table.index
    for name, estimate, error in zip(names, table["Estimate"], table["Std. Error"]):
        digits = "".join(letter for letter in str(name).split("relative")[-1] if letter in "-0123456789.")
        e = int(float(digits))
        numbers[f"event_time={e}"] = float(estimate)
        numbers[f"se event_time={e}"] = float(error)
    return numbers


def sun_abraham(peer, data):
    if peer == "pyfixest":
        import pyfixest
        fit = pyfixest.event_study(data, "y", "unit", "time", "cohort", estimator="saturated", cluster="unit")
        table = fit.aggregate()
        return {f"event_time={int(e)}": float(row["Estimate"]) for e, row in table.iterrows()}
    import diff_diff
    found = diff_diff.SunAbraham().fit(data, "y", "unit", "time", "cohort")
    return {f"event_time={e}": float(cell["effect"]) for e, cell in found.event_study_effects.items()}


def callaway_santanna(peer, data):
    if peer == "diff-diff":
        import diff_diff
        found = diff_diff.CallawaySantAnna(n_bootstrap=999, seed=1).fit(
            data, "y", "unit", "time", "first_treat", aggregate="all")
        numbers = {"simple": float(found.att)}
        for e, cell in (found.event_study_effects or {}).items():
            numbers[f"event_time={e}"] = float(cell["effect"])
        return numbers
    from csdid.att_gt import ATTgt
    with quiet():
        fit = ATTgt(yname="y", tname="time", idname="unit", gname="first_treat", data=data.copy(),
                    control_group=["nevertreated"], cband=True, biters=999).fit(est_method="dr", bstrap=True)
        numbers = {}
        for kind in ["simple", "group", "calendar", "dynamic"]:
            fit.aggte(typec=kind, bstrap=True, cband=True)
            if kind == "simple":
                numbers["simple"] = float(np.ravel(fit.atte["overall_att"])[0])
    return numbers


def imputation(peer, data):
    if peer == "diff-diff":
        import diff_diff
        found = diff_diff.ImputationDiD().fit(data, "y", "unit", "time", "first_treat")
        return {"att": float(found.att), "se att": float(found.se)}
    if peer == "py2sdid":
        import polars
        import py2sdid
        found = py2sdid.bjs_did(polars.from_pandas(data), "y", "unit", "time", "first_treat", verbose=False)
        return {"att": average(found)}
    from did_imputation import did_imputation
    found = did_imputation(data.assign(g=data["cohort"]), "y", "unit", "time", "g")
    return {"att": float(found.estimates[0])}


def two_stage(peer, data):
    if peer == "diff-diff":
        import diff_diff
        found = diff_diff.TwoStageDiD().fit(data, "y", "unit", "time", "first_treat")
        return {"att": float(found.att), "se att": float(found.se)}
    import polars
    import py2sdid
    found = py2sdid.ts_did(polars.from_pandas(data), "y", "unit", "time", "first_treat", verbose=False)
    return {"att": average(found)}


def average(found):
    for name in ["att_avg", "att", "overall_att"]:
        value = getattr(found, name, None)
        if value is not None:
            return float(value["estimate"] if isinstance(value, dict) else np.ravel(value)[0])
    return float("nan")


def block(data):
    """One start for all: the first cohort against the never treated."""
    first = data.loc[data["first_treat"] > 0, "first_treat"].min()
    part = data[data["first_treat"].isin([0, first])].copy()
    part["treated"] = ((part["first_treat"] == first) & (part["time"] >= first)).astype(int)
    part["ever"] = (part["first_treat"] == first).astype(int)
    return part, first


def synthetic_did(peer, data):
    part, first = block(data)
    if peer == "diff-diff":
        import diff_diff
        post = sorted(t for t in part["time"].unique() if t >= first)
        found = diff_diff.SyntheticDiD(variance_method="placebo", n_bootstrap=200, seed=1).fit(
            part, "y", "ever", "unit", "time", post_periods=post)
        return {"att": float(found.att)}
    import synthdid
    setup = synthdid.panel_matrices(part, unit="unit", time="time", outcome="y", treatment="treated")
    fit = synthdid.synthdid_estimate(setup.Y, setup.N0, setup.T0)
    synthdid.placebo_se(fit, replications=200)
    return {"att": float(getattr(fit, "estimate", fit))}


def synthetic_control(peer, data):
    part, first = block(data)
    treated = part.loc[part["ever"] == 1, "unit"].min()
    part = part[(part["ever"] == 0) | (part["unit"] == treated)]
    import diff_diff
    post = sorted(t for t in part["time"].unique() if t >= first)
    n_pre = int((np.sort(part["time"].unique()) < first).sum())
    found = diff_diff.SyntheticControl(v_method="custom", custom_v=np.ones(n_pre), standardize="none").fit(
        part, "y", "treated", "unit", "time", post_periods=post)
    found.in_space_placebo()
    return {"att": float(found.att)}


def randomization(peer, data):
    """The t-statistic of a two-way fixed-effects regression under permuted cohorts, the peer looped."""
    package = __import__("fereg" if peer == "fereg" else "pyfixest")
    rng = np.random.default_rng(1)
    units = data.groupby("unit")["first_treat"].first()
    data = data[["unit", "time", "y"]].copy()

    def statistic(cohorts):
        g = cohorts.reindex(data["unit"]).to_numpy()
        data["d"] = ((g > 0) & (data["time"].to_numpy() >= g)).astype(float)
        fit = package.feols("y ~ d | unit + time", data, vcov={"CRV1": "unit"})
        table = fit.tidy()
        return float(np.ravel(table["t value"])[0])

    own = statistic(units)
    draws = [statistic(pd.Series(rng.permutation(units.to_numpy()), index=units.index)) for _ in range(DRAWS)]
    return {"statistic": own, "p": float(np.mean(np.abs(draws) >= abs(own)))}


def wild_bootstrap(peer, data):
    data = data.assign(d=((data["first_treat"] > 0) & (data["time"] >= data["first_treat"])).astype(float))
    import pyfixest
    fit = pyfixest.feols("y ~ d | unit + time", data, vcov={"CRV1": "state"})
    found = fit.wildboottest(param="d", reps=9999, cluster="state", seed=1)
    # Its own t counts every absorbed effect as a parameter; that of the regression does not, like ours. The p-value
    # does not depend on it.
    return {"statistic": float(fit.tstat()["d"]), "p": float(found["Pr(>|t|)"])}


def honest(peer, data):
    beta = np.array([0.02, -0.05, 0.04, 0.01, -0.03, 0.3, 0.45, 0.5, 0.55, 0.6])
    at = np.arange(10)
    sigma = 0.01 * 0.6 ** np.abs(at[:, None] - at[None, :])
    grid = [m / 4 for m in range(9)]
    if peer == "honestdid":
        import honestdid
        found = honestdid.createSensitivityResults_relativeMagnitudes(beta, sigma, 5, 5, Mbarvec=grid)
        rows = found.to_pandas() if hasattr(found, "to_pandas") else pd.DataFrame(found)
    else:
        from moderndid.didhonest import create_sensitivity_results_rm
        found = create_sensitivity_results_rm(beta, sigma, 5, 5, m_bar_vec=grid)
        rows = found.to_pandas() if hasattr(found, "to_pandas") else pd.DataFrame(found)
    rows.columns = [name.lower() for name in rows.columns]
    numbers = {}
    for m, low, high in zip(grid, rows["lb"], rows["ub"]):
        numbers[f"low {m:.2f}"], numbers[f"high {m:.2f}"] = float(low), float(high)
    return numbers


TASKS = {
    "event-study": event_study,
    "poisson": poisson,
    "sun-abraham": sun_abraham,
    "callaway-santanna": callaway_santanna,
    "imputation": imputation,
    "two-stage": two_stage,
    "synthetic-did": synthetic_did,
    "synthetic-control": synthetic_control,
    "randomization": randomization,
    "wild-bootstrap": wild_bootstrap,
    "honest": honest,
}
DRAWS = 20  # of the 1,000; the loop's time is scaled


class quiet:
    def __enter__(self):
        import io
        self.old, sys.stdout = sys.stdout, io.StringIO()

    def __exit__(self, *_):
        sys.stdout = self.old


def main():
    task, peer, path, seconds = sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])
    data = pd.read_csv(path)
    data["cohort"] = data["first_treat"].where(data["first_treat"] > 0, 0)
    run = TASKS[task]
    took, numbers, begun = [], {}, time.monotonic()
    while len(took) < 4 and (len(took) < 1 or time.monotonic() - begun + took[-1] < seconds):
        start = time.process_time()
        numbers = run(peer, data)
        took.append(time.process_time() - start)
    warm = took[1:] or took
    scale = 1000 / DRAWS if task == "randomization" else 1.0
    print(json.dumps({
        "version": importlib.metadata.version(peer),
        "cpu_s": min(warm) * scale,
        "runs": len(warm),
        "cold": len(took) == 1,
        NUMBERS: numbers,
    }))


main()
