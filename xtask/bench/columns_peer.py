"""Reads the first sheet of a released workbook as people do today: READER FILE ROWS-BEFORE-THE-HEADER."""
import sys

reader, path, before = sys.argv[1], sys.argv[2], int(sys.argv[3])
if reader == "fastexcel":
    import fastexcel

    frame = fastexcel.read_excel(path).load_sheet(0, header_row=before).to_polars()
    print(frame.height)
elif reader == "polars":
    import polars

    frame = polars.read_excel(path, sheet_id=1, read_options={"header_row": before})
    print(frame.height)
elif reader == "pandas":
    import pandas

    frame = pandas.read_excel(path, sheet_name=0, skiprows=before)
    print(len(frame))
else:
    sys.exit(f"expected fastexcel, polars or pandas, found {reader}")
