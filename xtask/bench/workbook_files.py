"""Writes the workbooks that `cargo xtask bench workbook` reads: made up, in the shape of released ones."""
import random
import sys

import xlsxwriter

folder = sys.argv[1]
random.seed(4)

HEADER = (
    "Apprehension Date|Apprehension Type|Apprehension State|Apprehension County|TOA Current Duty AOR|"
    "Apprehension Final Program|Arresting Agency|Apprehension Method|Apprehension Criminality|Case Status|"
    "Case Category|Departure Country|Final Order Yes No|Birth Date|Birth Year|Citizenship Country|Gender|"
    "Departed Date|Final Order Date|Apprehension Site Landmark|Operation|TOA Current Duty Site|"
    "Case Criminality|Case Threat Level|Anonymized Identifier"
).split("|")


def words(stem, count):
    return [f"{stem} {at:04d}" for at in range(count)]


def arrests(path, rows):
    book = xlsxwriter.Workbook(path, {"constant_memory": False})
    day = book.add_format({"num_format": "mm/dd/yyyy"})
    moment = book.add_format({"num_format": "mm/dd/yyyy hh:mm:ss"})
    sheet = book.add_worksheet("Arrests")
    for at in range(6):
        sheet.write_string(at, 0, f"notice, line {at}")
    for at, name in enumerate(HEADER):
        sheet.write_string(6, at, name)
    texts = {at: words(HEADER[at], 4 + at * 7 % 60) for at in range(25)}
    texts[19] = words("landmark of a county", 2400)
    shares = {1: 0.35, 2: 0.85, 3: 0.02, 11: 0.6, 17: 0.6, 18: 0.55, 20: 0.25, 23: 0.37}
    for row in range(rows):
        at = row + 7
        second = random.randrange(86400) if random.random() < 0.7 else 0
        sheet.write_number(at, 0, 44835 + row * 1200 // rows + second / 86400, moment)
        for column in range(1, 24):
            if random.random() >= shares.get(column, 0.98):
                continue
            if column in (17, 18):
                sheet.write_number(at, column, 44835 + random.randrange(1200), day)
            elif column == 14:
                sheet.write_number(at, column, 1950 + random.randrange(55))
            elif column == 13:
                sheet.write_string(at, column, "(b)(6), (b)(7)(C)")
            else:
                sheet.write_string(at, column, random.choice(texts[column]))
        sheet.write_string(at, 24, f"{random.randrange(16 ** 12):040x}")
    book.close()


def full(path):
    book = xlsxwriter.Workbook(path, {"constant_memory": True})
    day = book.add_format({"num_format": "mm/dd/yyyy"})
    sheet = book.add_worksheet("Full")
    for at, name in enumerate(["Departed Date", "Count", "Note"]):
        sheet.write_string(6, at, name)
    for at in range(7, 1048576):
        sheet.write_number(at, 0, 40000 + at % 4000, day)
        sheet.write_number(at, 1, at % 97)
        sheet.write_string(at, 2, "MEXICO" if at % 3 else "HONDURAS")
    book.close()


arrests(f"{folder}/arrests-100k.xlsx", 100_000)
full(f"{folder}/full-sheet.xlsx")
