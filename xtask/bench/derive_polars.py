"""The rules of `docs/reference/derived-tables.md` in polars: episodes, stays, arrest to stay. Prints figures of the result."""
import json
import sys

import polars as pl

folder = sys.argv[1]
DAY = 86_400
END = 20_522 * DAY

arrests = pl.read_parquet(f"{folder}/arrests.parquet").with_columns(
    t=pl.col("apprehension_date_time").dt.epoch("s"),
    late=pl.col("apprehension_method") == "ERO Reprocessed Arrest",
)
cells = ["apprehension_method", "case_status", "apprehension_state", "citizenship_country"]
unknown = arrests.filter(pl.col("person_id").is_null()).select("row_original")
arrests = (
    arrests.filter(pl.col("person_id").is_not_null())
    .sort("person_id", "t", "late", "row_original")
    .with_columns(gap=pl.col("t").diff().over("person_id"), cell=pl.struct(cells).hash())
    .with_columns(episode=(pl.col("gap").is_null() | (pl.col("gap") > DAY)).cum_sum())
)
kept = (
    arrests.filter(pl.col("cell") == pl.col("cell").first().over("episode"))
    .filter(pl.col("t") == pl.col("t").max().over("episode"))
    .unique("episode", keep="first", maintain_order=True)
    .select("person_id", "t", "row_original")
)
del arrests

stints = pl.read_parquet(f"{folder}/detention_stints.parquet").filter(pl.col("person_id").is_not_null()).with_columns(
    s=pl.col("stay_book_in_date_time").dt.epoch("s"),
    i=pl.col("book_in_date_time").dt.epoch("s"),
    o=pl.col("book_out_date_time").dt.epoch("s"),
)
same = ["person_id", "s", "i", "o", "detention_facility_code", "detention_release_reason", "case_status"]
stints = (
    stints.sort("person_id", "s", "i", "row_original")
    .group_by(same, maintain_order=True)
    .agg(pl.col("row_original").first(), pl.col("bond_posted_amount").min())
    .sort("person_id", "s", "i", "row_original")
    .with_columns(day=pl.col("i") // DAY)
    .unique(["person_id", "s", "detention_facility_code", "day"], keep="last", maintain_order=True)
    .with_columns(
        length=pl.col("o").fill_null(END) - pl.col("i"),
        code=pl.col("detention_facility_code").cast(pl.String),
    )
)
longest = pl.col("length") == pl.col("length").max()
stays = stints.group_by("person_id", "s", maintain_order=True).agg(
    stints=pl.len(),
    codes=pl.col("code").str.join("; "),
    last_row=pl.col("row_original").last(),
    longest=pl.col("i").filter(longest).last(),
    bond=pl.col("bond_posted_amount").min(),
    digits=((pl.int_range(pl.len()) + 1) * pl.col("code").str.slice(1).cast(pl.Int64)).sum(),
)
del stints

near = (
    stays.select("person_id", "s", "last_row")
    .join(kept, on="person_id")
    .with_columns(after=pl.col("s") - pl.col("t"))
    .filter(pl.col("after").is_between(-5 * DAY, 10 * DAY))
    .with_columns(gap=pl.col("after").abs())
    .sort("gap", "t", "s")
    .unique(["person_id", "s"], keep="first", maintain_order=True)
    .unique("row_original", keep="first", maintain_order=True)
)
print(json.dumps({
    "arrests_kept": kept.height + unknown.height,
    "arrest_rows": int(kept["row_original"].cast(pl.Int64).sum() + unknown["row_original"].cast(pl.Int64).sum()),
    "stays": stays.height,
    "stints": int(stays["stints"].sum()),
    "last_rows": int(stays["last_row"].cast(pl.Int64).sum()),
    "longest_book_ins": int(stays["longest"].sum()),
    "codes": int(stays["digits"].sum()),
    "bonds": int(stays["bond"].sum()),
    "pairs": near.height,
    "pair_rows": int((near["row_original"].cast(pl.Int64) * 3 + near["last_row"].cast(pl.Int64)).sum()),
}))
