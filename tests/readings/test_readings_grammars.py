"""NEM12, Green Button and Excel become one table of text; what does not follow its grammar is refused with the line."""

import io
import zipfile
from collections import defaultdict

import pytest

from core.readings.grammars import TABLE, green_button, is_green_button, is_nem12, nem12, workbook
from core.readings.issues import FileRefused, Findings

DAY = ",".join(f"{k / 10:.1f}" for k in range(48))  # 0.0 + 0.1 + … + 4.7 = 112.8
HEAD = "100,NEM12,202406150000,MDP1,RETAIL\n"
E1 = "200,NMI1,E1B1Q1,E1,E1,N1,M1,KWH,30,\n"


def of_nem12(text):
    findings = Findings("meter.csv")
    try:
        return nem12(text, findings), ""
    except FileRefused:
        return None, findings.all()[0].message


def sums(sheet):
    found = defaultdict(float)
    for _, household, quantity, value, unit, _ in sheet.rows:
        found[household, quantity, unit] += float(value or 0)
    return {key: round(value, 9) for key, value in found.items()}


def test_nem12_gives_every_interval_at_standard_time():
    sheet, _ = of_nem12(HEAD + E1 + f"300,20240613,{DAY},A,,,20240614000000,\n900\n")
    assert sheet.header == TABLE
    assert sheet.rows[0] == ("2024-06-13T00:00:00+10:00", "NMI1", "import", "0.0", "kWh", "")
    assert sheet.rows[47][0] == "2024-06-13T23:30:00+10:00"
    assert sums(sheet) == {("NMI1", "import", "kWh"): 112.8}


def test_export_registers_are_export_and_reactive_ones_are_left_out_and_said():
    b1, q1 = "200,NMI1,x,B1,B1,N1,M1,Wh,30,\n", "200,NMI1,x,Q1,Q1,N1,M1,kvarh,30,\n"
    day = f"300,20240613,{DAY},A,,,20240614000000,\n"
    sheet, _ = of_nem12(HEAD + b1 + day + q1 + day + "900\n")
    assert sums(sheet) == {("NMI1", "export", "Wh"): 112.8}
    assert any("Q1 (kvarh)" in note for note in sheet.notes)


def test_null_quality_is_no_reading_and_a_newer_record_replaces_an_older_one():
    old = f"300,20240613,{DAY},A,,,20240614000000,\n"
    new = f"300,20240613,{DAY},V,,,20240615000000,\n400,2,3,N,,\n400,4,4,E14,,\n400,5,48,A,,\n"
    sheet, _ = of_nem12(HEAD + E1 + old + new + "900\n")
    assert [row[3] for row in sheet.rows[:4]] == ["0.0", "", "", "0.3"]
    assert [row[5] for row in sheet.rows[:4]] == ["", "", "", "estimated"]
    assert any("replaced by a newer" in note for note in sheet.notes)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (E1 + "300,20240613,1,2,3,A\n", "line 3: a day of 30 minutes has 6 fields, expected at least 51"),
        (E1 + f"300,20241313,{DAY},A,,,1,\n", 'line 3: "20241313" is not a date'),
        (f"300,20240613,{DAY},A,,,1,\n", "line 2: a 300 record stands before the first 200 record"),
        ("200,NMI1,x,E1,E1,N1,M1,KWH,7,\n", 'line 2: the interval length is "7"'),
        ("200,NMI1,x,E1,E1,N1,M1,m3,30,\n", 'register "E1" in "m3"'),
        ("777,x\n", 'record "777"'),
        ("900\n", "without an energy register"),
        (
            E1 + f"300,20240613,{DAY},A,,,1,\n300,20240613,{DAY.replace('4.7', '4.8')},A,,,1,\n",
            "line 4: the day of line 3 again with other values",
        ),
    ],
)
def test_what_breaks_the_grammar_is_refused_with_its_line(body, said):
    sheet, message = of_nem12(HEAD + body)
    assert sheet is None
    assert said in message


ESPI = '<feed xmlns="http://www.w3.org/2005/Atom">{}</feed>'


def entry(inner, *, up="", self="", related=()):
    links = "".join(f'<link rel="{r}" href="{h}"/>' for r, h in [("up", up), ("self", self)] if h)
    links += "".join(f'<link rel="related" href="{h}"/>' for h in related)
    return f'<entry>{links}<content xmlns:e="http://naesb.org/espi">{inner}</content></entry>'


def kind(*, uom=72, flow=1, power=0):
    return (
        f"<e:ReadingType><e:accumulationBehaviour>4</e:accumulationBehaviour><e:flowDirection>{flow}</e:flowDirection>"
        f"<e:powerOfTenMultiplier>{power}</e:powerOfTenMultiplier><e:uom>{uom}</e:uom></e:ReadingType>"
    )


def block(*values):
    readings = "".join(
        f"<e:IntervalReading><e:timePeriod><e:duration>3600</e:duration><e:start>{1718236800 + 3600 * k}</e:start>"
        f"</e:timePeriod><e:value>{value}</e:value></e:IntervalReading>"
        for k, value in enumerate(values)
    )
    return f"<e:IntervalBlock>{readings}</e:IntervalBlock>"


def of_espi(*entries):
    findings = Findings("usage.xml")
    try:
        return green_button(ESPI.format("".join(entries)).encode(), findings, household="Home"), ""
    except FileRefused:
        return None, findings.all()[0].message


def test_green_button_gives_intervals_in_utc_with_their_power_of_ten():
    sheet, _ = of_espi(entry(kind(power=-1)), entry(block(500, 700)))
    assert sheet.rows[0] == ("2024-06-13T00:00:00Z", "Home", "import", "500e-1", "Wh", "")
    assert sums(sheet) == {("Home", "import", "Wh"): 120.0}  # (500 + 700) / 10


def test_green_button_keeps_import_and_export_of_one_home_apart():
    place = "/UsagePoint/9/MeterReading/{}"
    sheet, _ = of_espi(
        entry(kind(flow=1), self="/ReadingType/1"),
        entry(kind(flow=19), self="/ReadingType/2"),
        entry("<e:MeterReading/>", self=place.format(1), related=["/ReadingType/1"]),
        entry("<e:MeterReading/>", self=place.format(2), related=["/ReadingType/2"]),
        entry(block(3), up=place.format(1) + "/IntervalBlock"),
        entry(block(5), up=place.format(2) + "/IntervalBlock"),
    )
    assert sums(sheet) == {("Home", "import", "Wh"): 3.0, ("Home", "export", "Wh"): 5.0}


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([entry(block(3))], "no ReadingType"),
        ([entry(kind(uom=169)), entry(block(3))], "readings in unit 169"),
        ([entry(kind()), entry(kind(flow=19)), entry(block(3))], "which of several ReadingTypes"),
        ([entry(kind())], "no electricity reading"),
    ],
)
def test_green_button_without_a_sure_unit_or_direction_is_refused(entries, said):
    sheet, message = of_espi(*entries)
    assert sheet is None
    assert said in message


def test_an_xml_bomb_is_refused_before_it_goes_off():
    bomb = b'<!DOCTYPE x [<!ENTITY a "IntervalReading">]><feed>&a;</feed>'
    findings = Findings("usage.xml")
    with pytest.raises(FileRefused):
        green_button(bomb, findings, household="Home")
    assert "not valid XML" in findings.all()[0].message


def test_the_two_grammars_are_told_from_the_first_bytes():
    assert is_nem12("100,NEM12,2024")
    assert not is_nem12("timestamp,NEM12")
    assert is_green_button("<feed><IntervalReading/></feed>")
    assert not is_green_button("a,b\nIntervalReading")


def cell(content):
    """A cell as it stands in the sheet's XML; text becomes an inline string."""
    return content if content.startswith("<c") else f'<c t="inlineStr"><is><t>{content}</t></is></c>'


def xlsx(rows):
    """A workbook of one sheet, written by hand."""
    cells = "".join("<row>" + "".join(map(cell, row)) + "</row>" for row in rows)
    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.'
        'spreadsheetml.sheet.main+xml"/></Types>',
        "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/'
        'officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r='
        '"http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Usage" '
        'sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
        'relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
        'relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="http://schemas.openxmlformats.org/'
        'officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": '<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><cellXfs>'
        '<xf numFmtId="0"></xf><xf numFmtId="22"></xf></cellXfs></styleSheet>',
        "xl/worksheets/sheet1.xml": '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f"<sheetData>{cells}</sheetData></worksheet>",
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return file.getvalue()


def test_a_workbook_gives_the_text_a_person_sees():
    book = xlsx([["time", "load_kW"], ['<c s="1"><v>45456.010416666664</v></c>', "<c><v>0.42</v></c>"]])
    sheet = workbook(book, Findings("usage.xlsx"))
    assert sheet.header == ("time", "load_kW")
    assert sheet.rows == [("2024-06-13 00:15:00", "0.42")]  # 45456 days after 30 Dec 1899, and a quarter of an hour
    assert sheet.lines == [2]


@pytest.mark.parametrize("data", [b"PK\x03\x04 broken", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 broken"])
def test_a_broken_workbook_is_refused_in_a_sentence(data):
    findings = Findings("usage.xlsx")
    with pytest.raises(FileRefused):
        workbook(data, findings)
    assert "spreadsheet that cannot be opened" in findings.all()[0].message


def test_a_workbook_that_unpacks_to_too_much_is_not_unpacked():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 310_000_000)
    findings = Findings("usage.xlsx")
    with pytest.raises(FileRefused):
        workbook(file.getvalue(), findings)
    assert "unpacks to 310,000,000 bytes" in findings.all()[0].message
