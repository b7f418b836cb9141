"""Makes .xls files for the tests, and reads statement files with readers that are not ours.

    papers.py write-xls FILE.json FILE.xls         rows of texts, numbers and days into BIFF8
    papers.py read LIST.json                       [{file, kind, first, columns}] to lines on standard output, as JSON
"""

import csv
import datetime
import glob
import json
import os
import sys


def write_xls(source, target):
    import xlwt

    book = xlwt.Workbook()
    sheet = book.add_sheet("Sheet1")
    with open(source, encoding="utf-8") as file:
        rows = json.load(file)
    for r, row in enumerate(rows):
        for c, cell in enumerate(row):
            if cell != "":
                sheet.write(r, c, cell)
    book.save(target)


def rows_of(path, kind):
    if kind == "xlsx":
        import openpyxl

        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        return [list(row) for row in book.worksheets[0].iter_rows(values_only=True)]
    if kind == "xls":
        import xlrd

        sheet = xlrd.open_workbook(path).sheet_by_index(0)
        return [sheet.row_values(r) for r in range(sheet.nrows)]
    with open(path, encoding="utf-16" if kind == "csv16" else "utf-8-sig", newline="") as file:
        text = file.read()
    mark = max("\t;,", key=lambda mark: text.splitlines()[-3].count(mark))
    return list(csv.reader(text.splitlines(keepends=True), delimiter=mark))


def amount(cell, decimal):
    if cell in (None, "", "-"):
        return 0
    if isinstance(cell, (int, float)):
        return int(cell)
    text = cell.replace("VND", "").strip()
    group = "," if decimal == "." else "."
    return int(text.replace(group, "").split(decimal)[0])


def table(job):
    lines = []
    columns, decimal = job["columns"], job["decimal"]
    before = ""
    for row in rows_of(job["file"], job["kind"])[job["first"] : job["first"] + job["count"]]:
        cell = lambda name: row[columns[name]] if columns[name] is not None and columns[name] < len(row) else None
        day = str(cell("day") or "")[:10] or before
        before = day
        if day[2] == "/":
            day = "-".join(reversed(day.split("/")))
        sum_ = amount(cell("credit"), decimal) - abs(amount(cell("debit"), decimal))
        lines.append([day, sum_, str(cell("text") or "")])
    return lines[::-1] if job["reversed"] else lines


def mt940(job):
    import mt940 as reader

    lines = []
    for line in reader.parse(job["file"]):
        data = line.data
        day = data.get("entry_date") or data["date"]
        lines.append([f"{day.year:04}-{day.month:02}-{day.day:02}", int(data["amount"].amount), data.get("transaction_details", "")])
    return lines


def camt(job):
    import xml.etree.ElementTree as tree

    import xmlschema

    version = job["version"]
    for folder in sys.path:
        found = glob.glob(os.path.join(folder, "camt053", "xsd", f"camt.053.001.{version}.xsd"))
        if found:
            break
    xmlschema.XMLSchema(found[0]).validate(job["file"])
    lines = []
    for entry in tree.parse(job["file"]).getroot().findall(".//{*}Ntry"):
        sign = 1 if entry.find("{*}CdtDbtInd").text == "CRDT" else -1
        lines.append([entry.find("{*}BookgDt/{*}Dt").text, sign * int(float(entry.find("{*}Amt").text)), entry.find(".//{*}Ustrd").text])
    return lines


def main():
    if sys.argv[1] == "write-xls":
        for source, target in zip(sys.argv[2::2], sys.argv[3::2]):
            write_xls(source, target)
        return
    with open(sys.argv[2], encoding="utf-8") as file:
        jobs = json.load(file)
    readers = {"mt940": mt940, "camt": camt}
    json.dump([readers.get(job["kind"], table)(job) for job in jobs], sys.stdout)


main()
