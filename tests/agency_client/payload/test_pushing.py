"""Payload on its way: sealed to each analyst, committed once, whatever breaks."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from agency_client.matcher_api.cohorts import CohortsApi
from agency_client.payload.blinding import place_keys
from agency_client.payload.checking import Terms
from agency_client.payload.files import PayloadFiles
from agency_client.payload.preparing import prepare
from agency_client.payload.pushing import PayloadPush
from agency_client.payload.records import OwnRecords
from hashing.secret import LinkageSecret
from linkage.errors import PolicyError, UnavailableError
from linkage.protocol.cohort.messages import verify_payload_manifest
from linkage.protocol.cohort.payload import open_payload
from tests.agency_client.cohort.made_up import PAYLOAD
from tests.agency_client.payload.matcher import Connection
from tests.linkage.protocol import agreements
from tests.linkage.protocol.parties import CARE, POLICE, identity

SECOND = identity("second", 91)
PARTY = f"""[[party]]
name = "second"
roles = ["analyst"]
signing_key = "{SECOND.public.signing_key}"
sealing_key = "{SECOND.public.sealing_key}"
[matching]"""
AGREEMENT = agreements.parse(
    agreements.changed(
        ('\n[payload.events]\nmissing = { date = "month" }\n', PAYLOAD), ("[matching]", PARTY)
    )
)
ANALYSTS = {"analyst": agreements.ANALYST, "second": SECOND}
KEYS = place_keys(LinkageSecret(b"a secret of thirty-two bytes and more"), AGREEMENT, ANALYSTS)
EVENTS = """record_id,event,date,place
r2,missing,14/07/2026,The Arches!
r2,missing,,
"""


def prepared(folder, rows=3):
    """A payload of some records; rows beyond the first few make it longer than one piece."""
    (folder / "events.csv").write_text(EVENTS)
    ids = pa.array([f"r{number}" for number in range(rows)])
    tokens = np.random.default_rng(0).integers(0, 256, (rows, 16), dtype=np.uint8)
    terms = Terms(AGREEMENT, AGREEMENT.payload, dt.date(2026, 9, 1))
    return prepare(PayloadFiles(events=(folder / "events.csv",)), OwnRecords(ids, tokens), terms)


def push(connection, folder):
    api = CohortsApi(connection, AGREEMENT.digest())
    return PayloadPush(api, AGREEMENT, connection.agency, 2, folder / "own.arrow")


def opened(connection, analyst):
    manifest = verify_payload_manifest(connection.manifests[analyst], "it", AGREEMENT)[1]
    pieces = [connection.pieces[analyst][number] for number in range(len(manifest.pieces))]
    name = connection.agency.name
    return open_payload(AGREEMENT, name, manifest, pieces, ANALYSTS[analyst])


def test_each_analyst_opens_what_was_checked_and_no_two_have_ids_that_join(tmp_path):
    found = {}
    for own in (CARE, POLICE):
        connection = Connection(AGREEMENT, own)
        for analyst in ANALYSTS:
            done = push(connection, tmp_path).run(prepared(tmp_path), analyst, KEYS[analyst])
            assert (done.pieces, done.before) == (1, False)
            assert done.receipt.exists()
            found[own.name, analyst] = opened(connection, analyst)
        assert len(connection.held) == len(ANALYSTS)
    assert not list(tmp_path.glob("*.commit"))
    places = {key: set(own.events["place"].drop_null().to_pylist()) for key, own in found.items()}
    for analyst in ANALYSTS:
        assert places["care", analyst] == places["police", analyst]
    assert places["care", "analyst"].isdisjoint(places["care", "second"])
    people = [set(own.people["person"].to_pylist()) for own in found.values()]
    assert len(set.union(*people)) == sum(map(len, people)) == 3 * len(found)
    first = found["care", "analyst"].events.to_pylist()
    assert sorted((row["date"] or dt.date.max, row["place"] is None) for row in first) == [
        (dt.date(2026, 7, 1), False), (dt.date.max, True)
    ]  # fmt: skip


@pytest.mark.parametrize("breaks_at", [1, 2, 3, 4])
def test_the_same_command_goes_on_wherever_it_broke_and_commits_once(tmp_path, breaks_at):
    connection = Connection(AGREEMENT, CARE)
    payload = prepared(tmp_path, rows=60_000)
    connection.breaks_at = breaks_at
    with pytest.raises(UnavailableError):
        push(connection, tmp_path).run(payload, "analyst", KEYS["analyst"])
    committed = connection.manifests.get("analyst")
    done = push(connection, tmp_path).run(payload, "analyst", KEYS["analyst"])
    assert done.pieces == 2
    assert done.before == (committed is not None)
    assert committed in (None, connection.manifests["analyst"])
    assert opened(connection, "analyst").people.num_rows == 60_000
    requests = connection.requests
    again = push(connection, tmp_path).run(payload, "analyst", KEYS["analyst"])
    assert (again.before, connection.requests) == (True, requests + 1)


def test_a_payload_that_somebody_else_committed_is_not_taken_for_this_one(tmp_path):
    connection = Connection(AGREEMENT, CARE)
    push(connection, tmp_path).run(prepared(tmp_path), "analyst", KEYS["analyst"])
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with pytest.raises(PolicyError, match="a round has one"):
        push(connection, elsewhere).run(prepared(elsewhere), "analyst", KEYS["analyst"])
