"""The rules of `docs/reference/derived-tables.md` in DuckDB: episodes, stays, arrest to stay. Prints figures of the result."""
import json
import sys

import duckdb

folder, spill = sys.argv[1:3]
db = duckdb.connect(config={"temp_directory": spill})
db.execute(f"""
CREATE TEMP TABLE kept AS
WITH rows AS (
  SELECT person_id, epoch(apprehension_date_time)::BIGINT AS t, row_original,
    apprehension_method = 'ERO Reprocessed Arrest' AS late,
    hash(apprehension_method, case_status, apprehension_state, citizenship_country) AS cell
  FROM '{folder}/arrests.parquet'
), gaps AS (
  SELECT *, t - lag(t) OVER w AS gap FROM rows WHERE person_id IS NOT NULL
  WINDOW w AS (PARTITION BY person_id ORDER BY t, late, row_original)
), chained AS (
  SELECT *, sum(CASE WHEN gap IS NULL OR gap > 86400 THEN 1 ELSE 0 END) OVER (
    PARTITION BY person_id ORDER BY t, late, row_original ROWS UNBOUNDED PRECEDING) AS episode
  FROM gaps
), marked AS (
  SELECT *, first_value(cell) OVER (PARTITION BY person_id, episode ORDER BY t, late, row_original) AS first_cell
  FROM chained
)
SELECT person_id, t, row_original FROM marked WHERE cell = first_cell
QUALIFY row_number() OVER (PARTITION BY person_id, episode ORDER BY t DESC, late, row_original) = 1
""")
db.execute(f"""
CREATE TEMP TABLE stays AS
WITH rows AS (
  SELECT person_id, epoch(stay_book_in_date_time)::BIGINT AS s, epoch(book_in_date_time)::BIGINT AS i,
    epoch(book_out_date_time)::BIGINT AS o, detention_facility_code::VARCHAR AS code, detention_release_reason AS reason,
    case_status AS status, bond_posted_amount AS bond, row_original
  FROM '{folder}/detention_stints.parquet' WHERE person_id IS NOT NULL
), bonds AS (
  SELECT person_id, s, i, o, code, min(row_original) AS row_original, min(bond) AS bond
  FROM rows GROUP BY person_id, s, i, o, code, reason, status
), days AS (
  SELECT * FROM bonds
  QUALIFY row_number() OVER (PARTITION BY person_id, s, code, i // 86400 ORDER BY i DESC, row_original DESC) = 1
)
SELECT person_id, s, count(*) AS stints, string_agg(code, '; ' ORDER BY i, row_original) AS codes,
  arg_max(row_original, (i, row_original)) AS last_row,
  arg_max(i, (coalesce(o, {20_522 * 86_400}) - i, i, row_original)) AS longest,
  min(bond) AS bond
FROM days GROUP BY person_id, s
""")
db.execute("""
CREATE TEMP TABLE pairs AS
WITH near AS (
  SELECT stays.person_id, s, last_row, t, row_original, abs(s - t) AS gap FROM stays JOIN kept USING (person_id)
  WHERE s - t BETWEEN -5 * 86400 AND 10 * 86400
), of_stay AS (
  SELECT * FROM near QUALIFY row_number() OVER (PARTITION BY person_id, s ORDER BY gap, t, row_original) = 1
)
SELECT * FROM of_stay QUALIFY row_number() OVER (PARTITION BY row_original ORDER BY gap, s) = 1
""")
unknown = db.execute(f"SELECT count(*), sum(row_original) FROM '{folder}/arrests.parquet' WHERE person_id IS NULL").fetchone()
kept = db.execute("SELECT count(*), sum(row_original) FROM kept").fetchone()
stays = db.execute("SELECT count(*), sum(stints), sum(last_row), sum(longest), sum(bond) FROM stays").fetchone()
codes = db.execute("""
SELECT sum(nth * substr(code, 2)::BIGINT) FROM (
  SELECT unnest(string_split(codes, '; ')) AS code, generate_subscripts(string_split(codes, '; '), 1) AS nth FROM stays)
""").fetchone()
pairs = db.execute("SELECT count(*), sum(row_original::BIGINT * 3 + last_row) FROM pairs").fetchone()
print(json.dumps({
    "arrests_kept": kept[0] + unknown[0], "arrest_rows": int(kept[1] + unknown[1]),
    "stays": stays[0], "stints": int(stays[1]), "last_rows": int(stays[2]), "longest_book_ins": int(stays[3]),
    "bonds": int(stays[4]), "codes": int(codes[0]), "pairs": pairs[0], "pair_rows": int(pairs[1]),
}))
