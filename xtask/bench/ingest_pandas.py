"""The same work in pandas: each delimited file of a folder read, its dates parsed, written as Parquet."""
import pathlib
import sys

import pandas as pd

source, target = map(pathlib.Path, sys.argv[1:3])
target.mkdir(parents=True, exist_ok=True)
for path in sorted(source.glob("*.csv.gz")):
    counts = path.name.startswith("encounter_counts")
    table = pd.read_csv(path, sep="," if counts else "|", skiprows=0 if counts else 5, low_memory=False)
    for column in table.columns:
        if "date" in column.lower():
            table[column] = pd.to_datetime(table[column], errors="coerce")
    table.to_parquet(target / f"{path.name.removesuffix('.csv.gz')}.parquet", compression="zstd")
