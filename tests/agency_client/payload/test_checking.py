"""Files of payload as data officers have them, held against an agreement's ``[payload]``."""

import codecs
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from agency_client.agreement_templates import new_agreement
from agency_client.payload.checking import Inspection, Terms
from agency_client.payload.columns import PayloadColumns, parse_payload_columns
from agency_client.payload.faults import refuse_faults
from agency_client.payload.reading import read_handed
from agency_client.payload.records import OwnRecords
from linkage.errors import InputError
from linkage.protocol.agreement import parse_agreement

TODAY = date(2026, 9, 20)
AGREEMENT = parse_agreement(new_agreement("safeguarding-uk", "t", [], TODAY), "new.toml")
TERMS = Terms(AGREEMENT, AGREEMENT.payload, TODAY)
RECORDS = OwnRecords(pa.array(["r1", "r2", "r3"]), np.arange(48, dtype=np.uint8).reshape(3, 16))


def inspect(folder, part, content, columns=PayloadColumns()):  # noqa: B008
    file = folder / f"{part}.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Inspection(read_handed(file, part, columns, AGREEMENT.payload), RECORDS, TERMS)


def rows(checked):
    return pa.table(dict(checked.columns)).to_pylist()


def test_events_are_made_coarse_and_their_places_standardised(tmp_path):
    content = (
        codecs.BOM_UTF8
        + (
            "Record ID;Event;DATE;kind;Place;Postcode;Officer\n"
            " r2 ;Missing episode;14/07/2026;;King’s Cross, St. Pancras;n1c 4ql;A. Name\n"
            "r1;missing_episode;2026-08;;N/A;;A. Name\n"
            "r1;meeting;1 Sept 2026;MASE;;;A. Name\n"
            "r3;MEETING;;Multi-agency child exploitation meeting;;;A. Name\n"
            "r3;arrest;19.09.2026;;;E1;A. Name\n"
        ).encode()
    )
    inspection = inspect(tmp_path, "events", content)
    found = rows(inspection.events())
    assert inspection.faults.count == 0
    assert inspection.table.left == ("Officer",)
    none = {"kind": None, "district": None, "place": None}
    july, august, september = (date(2026, month, 1) for month in (7, 8, 9))
    place = {"district": "N1C", "place": "kings cross st pancras\nn1c4ql"}
    assert found == [
        none | {"record": 2, "event": "arrest", "date": september, "district": "E1"},
        none | {"record": 0, "event": "meeting", "date": september, "kind": "mase"},
        none | {"record": 2, "event": "meeting", "date": None, "kind": "mace"},
        none | {"record": 1, "event": "missing_episode", "date": july} | place,
        none | {"record": 0, "event": "missing_episode", "date": august},
    ]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("r9,arrest,2026-09-01,,,", "row 3, column 'record_id': no record of the file"),
        ("r1,Wandering,2026-09-01,,,", "row 3, column 'event': none of the agreement's event"),
        ("r1,,2026-09-01,,,", "row 3, column 'event': empty"),
        ("r1,arrest,21/09/2026,,,", "row 3, column 'date': a date in the future"),
        ("r1,arrest,31/06/2026,,,", "row 3, column 'date': a date that is in no calendar"),
        ("r1,arrest,01/02/26,,,", "row 3, column 'date': a date whose year has two digits"),
        ("r1,arrest,2026,,,", "row 3, column 'date': a date whose month isn't known; leave"),
        ("r1,meeting,2026-09-01,Marvin Gay,,", "row 3, column 'kind': none of the terms mase"),
        ("r1,arrest,2026-09-01,mase,,", "row 3, column 'kind': it may not travel"),
        ("r1,arrest,2026-09-01,,Marvin Gay,", "row 3, column 'place': it may not travel"),
        ("r1,referral,2026-09-01,,,E1 1AA", "row 3, column 'postcode': it may not travel"),
        ("r1,arrest,2026-09-01,,,Marvin Gay", "row 3, column 'postcode': no postcode of the"),
    ],
)
def test_what_may_not_travel_is_refused_with_its_place_and_without_what_it_says(
    tmp_path, row, told
):
    sound = "r1,arrest,2026-09-01,,,E1 1AA"
    content = f"record_id,event,date,kind,place,postcode\n{sound}\n{row}\n"
    inspection = inspect(tmp_path, "events", content)
    inspection.events()
    with pytest.raises(InputError) as caught:
        refuse_faults([inspection.faults])
    assert str(caught.value).startswith(f"events.csv has a cell that can't travel: {told}")
    assert "Marvin" not in str(caught.value)
    assert "r9" not in str(caught.value)


def test_attributes_are_one_value_per_record(tmp_path):
    columns = parse_payload_columns('[attributes]\nhome = "PCode"', "c.toml", AGREEMENT.payload)
    content = (
        "record_id,Sex,date of birth,PCode,surname\n"
        "r3,F,14/03/2011,EC1A 1BB,Gay\n"
        "r1,,,,Gay\n"
        "r3,female,2011,,Gay\n"
    )  # fmt: skip
    inspection = inspect(tmp_path, "attributes", content, columns)
    found = {name: own.to_pylist() for name, own in inspection.attributes().items()}
    assert inspection.faults.count == 0
    assert inspection.table.left == ("surname",)
    assert found == {
        "concern": [None, None, None],
        "date_of_birth": [None, None, "2011"],
        "home": [None, None, "EC1A"],
        "sex": [None, None, "f"],
    }


def test_rows_of_one_record_may_not_contradict_each_other(tmp_path):
    inspection = inspect(tmp_path, "attributes", "record_id,sex\nr1,f\nr2,f\nr1,m\n")
    inspection.attributes()
    assert "row 4, column 'sex': not what another row says" in inspection.faults.sentence()


def test_associations_join_two_records_of_the_agency(tmp_path):
    content = (
        "record_id,other record id,association,date,place\n"
        "r1,r2,missing together,2026-08-30,The Arches\n"
        "r2,r3,recruiter,,\n"
    )
    inspection = inspect(tmp_path, "associations", content)
    found = rows(inspection.associations())
    assert inspection.faults.count == 0
    assert [(row["record"], row["other"], row["association"], row["place"]) for row in found] == [
        (0, 1, "missing_together", "the arches"), (1, 2, "recruiter", None)
    ]  # fmt: skip
    bad = inspect(tmp_path, "associations", content + "r1,r1,recruiter,,\nr1,r9,recruiter,2026,\n")
    bad.associations()
    sentence = bad.faults.sentence()
    assert "3 cells that can't" in sentence
    assert "row 4, column 'other record id': the record itself" in sentence
    assert "row 5, column 'other record id': no record" in sentence
    assert "row 5, column 'date': it may not travel" in sentence


def test_a_file_without_its_columns_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match=r"events\.csv has no column 'date'; its columns are"):
        inspect(tmp_path, "events", "record_id,event,when\nr1,arrest,2026-01-01\n")
    with pytest.raises(InputError, match=r"names 'colour' under \[events\]"):
        parse_payload_columns('[events]\ncolour = "x"', "c.toml", AGREEMENT.payload)
