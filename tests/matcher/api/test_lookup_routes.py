"""The endpoints of lookups, and what the worker does for them."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from linkage.protocol.canonical import canonical_json, decode_base64, encode_base64
from linkage.protocol.disclosure.protection import ProtectedRecords, sign_protected
from linkage.protocol.lookups.content import open_answer
from linkage.protocol.lookups.messages import verify_answer, verify_request
from linkage.protocol.lookups.record import EncodedPerson
from linkage.protocol.lookups.replies import parse_matches
from linkage.protocol.problems import parse_problem
from matcher.store.tables import lookup_matches, lookups
from matcher.worker.lookups import beside
from tests.databases import open_database
from tests.linkage.protocol.agreements import HUB, changed, parse
from tests.linkage.protocol.parties import CARE, HEALTH, MATCHER, POLICE
from tests.matcher.api.serving import Matcher, running
from tests.matcher.lookups.asking import AGREEMENT, LIMIT, LOOKUPS, Asking, person_at, uploads

FILES, WHOSE = uploads()
RECORD = [{"given_name": "Ada", "surname": "Byron"}]


def known_to(names: set[str], without: set[str] = frozenset()) -> int:
    """Return somebody whom these agencies hold, and others don't."""
    everybody = set(WHOSE["care"]) | set(WHOSE["health"]) | set(WHOSE["police"])
    return next(
        number
        for number in sorted(everybody)
        if all(number in WHOSE[name] for name in names)
        and not any(number in WHOSE[name] for name in without)
    )


def person(name: str, number: int) -> EncodedPerson:
    return person_at(FILES[name], WHOSE[name].index(number))


def token(name: str, number: int) -> str:
    return FILES[name].tokens[WHOSE[name].index(number)].tobytes().hex()


def problem(answer) -> str:
    return parse_problem(answer.content, "it")[0].name


SOMEBODY = known_to({"care", "police"}, {"health"})


@pytest.fixture
def asking(matcher: Matcher, tmp_path: Path) -> Asking:
    return Asking(matcher, tmp_path / "matcher", dict(FILES))


@pytest.fixture(scope="module")
def finished(tmp_path_factory, migrated_file: Path) -> Path:
    """Give a folder with a matcher whose agencies are linked, to copy."""
    folder = tmp_path_factory.mktemp("finished")
    shutil.copyfile(migrated_file, folder / "matcher.sqlite")
    database = open_database(f"sqlite:///{folder / 'matcher.sqlite'}")
    with running(database) as matcher:
        Asking(matcher, folder / "runner", dict(FILES)).link()
    database.close()
    return folder


@pytest.fixture
def linked(finished: Path, tmp_path: Path) -> Iterator[Asking]:
    """Give a matcher whose agencies are linked, on SQLite."""
    shutil.copytree(finished, tmp_path / "linked")
    database = open_database(f"sqlite:///{tmp_path / 'linked' / 'matcher.sqlite'}")
    with running(database) as matcher:
        yield Asking(matcher, tmp_path / "linked" / "runner", dict(FILES), is_new=False)
    database.close()


def test_holders_are_told_which_of_theirs_is_meant_and_the_asker_opens_what_is_released(asking):
    asking.link()
    lookup = asking.asked(person("police", SOMEBODY))
    assert asking.compare() == 1
    found = {
        own.name: parse_matches(asking.shown(own, lookup).json()["matches"])
        for own in (CARE, HEALTH, POLICE)
    }
    assert found == {"care": [token("care", SOMEBODY)], "health": [], "police": []}
    assert asking.answer(CARE, lookup, asking.answer_of(CARE, lookup, RECORD)).status_code == 200
    assert asking.answer(HEALTH, lookup, asking.answer_of(HEALTH, lookup)).status_code == 200
    assert asking.shown(POLICE, lookup).json()["answers"] == []
    asking.matcher.clock.forward(hours=1)
    assert opened(asking, lookup) == {"care": tuple(RECORD), "health": ()}
    assert [event.kind for event in asking.events()] == [
        "lookup.lodged", "lookup.answered", "lookup.answered", "lookup.closed", "lookup.opened",
    ]  # fmt: skip
    assert opened(asking, lookup) == {"care": tuple(RECORD), "health": ()}
    assert asking.shown(CARE, lookup).json()["state"] == "closed"
    (handed,) = asking.events("lookup.opened")
    assert (handed.party, handed.digests) == ("police", {"request": lookup})
    assert [event.recipients for event in asking.events()][1:3] == [("police",)] * 2


def test_what_a_holder_is_told_has_the_size_of_what_others_are(linked):
    lookup = linked.asked(person("police", SOMEBODY))
    linked.compare()
    held, other = (linked.shown(own, lookup).content for own in (CARE, HEALTH))
    assert len(held) == len(other)
    assert held != other


def opened(asking: Asking, lookup: str) -> dict[str, Any]:
    """Return what the police open of every answer."""
    file = asking.shown(POLICE, lookup).json()
    signed = decode_base64(file["request"], "it")
    _, request = verify_request(signed, "it", AGREEMENT)
    answers = [decode_base64(one["answer"], "it") for one in file["answers"]]
    said = [verify_answer(own, "it", AGREEMENT, "police", signed) for own in answers]
    return {name: open_answer(AGREEMENT, name, own, request, POLICE) for name, own in said}


def test_after_the_end_nothing_of_the_person_is_left(linked):
    lookup = linked.asked(person("police", SOMEBODY))
    linked.compare()
    linked.matcher.clock.forward(hours=1)
    file = linked.shown(CARE, lookup).json()
    assert (file["state"], parse_matches(file["matches"])) == ("closed", [])
    with linked.matcher.services.database.reading() as connection:
        assert connection.execute(lookup_matches.select()).all() == []
        [row] = connection.execute(lookups.select()).all()
    assert row.encoding is None
    assert linked.listed(CARE) == []
    assert [own["state"] for own in linked.listed(POLICE)] == ["closed"]
    assert problem(linked.answer(CARE, lookup, linked.answer_of(CARE, lookup))) == "refused"


def test_a_lookup_waits_for_a_run_and_is_compared_once_with_each(asking):
    lookup = asking.asked(person("police", SOMEBODY))
    assert asking.compare() == 0
    assert asking.shown(CARE, lookup).json()["compared"] is False
    asking.link()
    assert (asking.compare(), asking.compare()) == (1, 0)
    assert parse_matches(asking.shown(CARE, lookup).json()["matches"])
    asking.runner.runs.queue(AGREEMENT.digest())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("matcher.runs.linking.render", lambda *_: "<html>")
        asking.runner.worker().run_next(lambda: False)
    assert (asking.compare(), asking.compare()) == (1, 0)


def test_a_worker_that_dies_while_it_compares_is_followed_by_another(linked):
    lookup = linked.asked(person("police", SOMEBODY))
    assert linked.comparing._take() is not None
    assert linked.compare() == 0
    linked.matcher.clock.forward(minutes=3)
    assert linked.compare() == 1
    assert parse_matches(linked.shown(CARE, lookup).json()["matches"])


def test_what_is_compared_too_late_is_dropped(linked):
    linked.asked(person("police", SOMEBODY))
    work = linked.comparing._take()
    linked.matcher.clock.forward(hours=1)
    linked.matcher.services.lookups.visible(AGREEMENT, "care")
    linked.comparing._store(work, {"care": "-" * 512})
    with linked.matcher.services.database.reading() as connection:
        assert connection.execute(lookup_matches.select()).all() == []


def test_the_same_request_again_is_the_same_lookup(asking):
    request = asking.request(person("police", SOMEBODY))
    first, again = asking.lodge(*request), asking.lodge(*request)
    assert first.json() == again.json()
    assert len(asking.events()) == 1
    asking.matcher.clock.forward(minutes=30)
    assert asking.lodge(*request).json() == first.json()


def test_an_agency_has_so_many_lookups_a_day(asking):
    one = person("police", SOMEBODY)
    for number in range(LIMIT):
        asking.asked(one, reference=f"Meeting {number}")
    refused = asking.lodge(*asking.request(one, reference="One more"))
    assert problem(refused) == "refused"
    assert "lookups_per_day" in refused.text
    asking.asked(one, CARE)
    asking.matcher.clock.forward(days=1)
    asking.asked(one, reference="Tomorrow")


def test_the_limit_is_one_for_all_versions_of_the_agreement(linked):
    for number in range(LIMIT):
        linked.asked(person("police", SOMEBODY), reference=f"Meeting {number}")
    link = f'version = 2\nprevious = "{AGREEMENT.digest()}"\ntitle = "A trial"'
    later = parse(changed(('title = "A trial"', link), *LOOKUPS))
    linked.matcher.admit(later)
    linked.matcher.sign_all(later)

    def lodge():
        request, encoding = linked.request(person("police", SOMEBODY), agreement=later.digest())
        body = {"request": encode_base64(request), "encoding": encode_base64(encoding)}
        path = f"/v1/agreements/{later.digest()}/lookups"
        return linked.matcher.caller(POLICE).post(path, canonical_json(body))

    refused = lodge()
    assert (refused.status_code, "lookups_per_day" in refused.text) == (403, True)
    linked.matcher.clock.forward(days=1)
    assert lodge().status_code == 200


REFUSED: dict[str, tuple[Callable[[Asking], Any], str]] = {
    "of another agency": (lambda a: a.lodge(*a.request(ANYBODY), CARE), "refused"),
    "of no recipient": (lambda a: a.lodge(*a.request(ANYBODY, HEALTH), HEALTH), "refused"),
    "of no agency": (lambda a: a.lodge(*a.request(ANYBODY, MATCHER)), "unverified"),
    "for a field": (lambda a: ask(a, fields=("date_of_birth",)), "refused"),
    "for a purpose": (lambda a: ask(a, purpose="curiosity"), "refused"),
    "for too long": (lambda a: ask(a, until=a.matcher.clock.seconds + 31 * 86_400), "refused"),
    "from yesterday": (lambda a: ask(a, at=a.matcher.clock.seconds - 301), "invalid"),
    "from tomorrow": (lambda a: ask(a, at=a.matcher.clock.seconds + 61), "invalid"),
    "of another scheme": (lambda a: ask(a, scheme="ab" * 32), "unverified"),
    "of another epoch": (lambda a: ask(a, epoch=2), "unverified"),
    "of another agreement": (lambda a: ask(a, agreement="ab" * 32), "unverified"),
    "that names somebody": (lambda a: ask(a, necessity="Born on 2011-03-04"), "invalid"),
    "of another encoding": (lambda a: ask(a, encoding="ab" * 32), "unverified"),
}
ANYBODY = person("police", SOMEBODY)


def ask(asking: Asking, **changes: Any):
    return asking.lodge(*asking.request(ANYBODY, **changes))


def test_what_the_agreement_does_not_allow_is_refused(asking):
    for name, (attempt, kind) in REFUSED.items():
        assert problem(attempt(asking)) == kind, name
    assert asking.events() == []
    assert asking.listed(CARE) == []


def test_no_bit_of_a_request_or_an_encoding_can_be_changed(asking):
    rng = random.Random(1)
    request, encoding = asking.request(ANYBODY)
    for _ in range(6):
        assert problem(asking.lodge(flipped(rng, request), encoding)) == "unverified"
        assert problem(asking.lodge(request, flipped(rng, encoding))) == "unverified"
    assert asking.events() == []


def test_no_bit_of_an_answer_can_be_changed(asking):
    rng = random.Random(2)
    lookup = asking.asked(ANYBODY)
    answer = asking.answer_of(CARE, lookup, RECORD)
    for _ in range(6):
        assert problem(asking.answer(CARE, lookup, flipped(rng, answer))) == "unverified"
    assert asking.listed(CARE)[0]["answered"] is False


def flipped(rng: random.Random, content: bytes) -> bytes:
    changed = bytearray(content)
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def test_an_answer_is_the_senders_own_to_this_lookup_and_of_the_one_size(asking):
    lookup = asking.asked(ANYBODY)
    other = asking.asked(ANYBODY, reference="Another meeting")
    own = asking.answer_of(CARE, lookup)
    assert problem(asking.answer(HEALTH, lookup, own)) == "refused"
    assert problem(asking.answer(CARE, other, own)) == "unverified"
    assert problem(asking.answer(CARE, "0" * 64, own)) == "missing"
    of_asker = asking.answer_of(POLICE, lookup)
    assert problem(asking.answer(POLICE, lookup, of_asker)) == "unverified"
    elsewhere = asking.answer_of(CARE, lookup, sealed="AAAA")
    assert problem(asking.answer(CARE, lookup, elsewhere)) == "unverified"
    early = asking.answer_of(CARE, lookup, at=1)
    assert problem(asking.answer(CARE, lookup, early)) == "unverified"


def test_an_answer_takes_the_place_of_an_older_one_and_of_no_newer(asking):
    lookup = asking.asked(ANYBODY)
    first = asking.answer_of(CARE, lookup)
    assert asking.answer(CARE, lookup, first).json()["answered"] is True
    asking.matcher.clock.forward(minutes=1)
    assert asking.answer(CARE, lookup, asking.answer_of(CARE, lookup, RECORD)).status_code == 200
    assert problem(asking.answer(CARE, lookup, first)) == "conflict"
    assert len(asking.events()) == 1
    asking.matcher.clock.forward(hours=1)
    assert opened(asking, lookup) == {"care": tuple(RECORD)}


def test_an_agency_sees_of_the_answers_its_own_alone(asking):
    lookup = asking.asked(ANYBODY)
    for own in (CARE, HEALTH):
        asking.answer(own, lookup, asking.answer_of(own, lookup))
    asking.matcher.clock.forward(hours=1)
    for own, count in ((POLICE, 2), (CARE, 1), (HEALTH, 1)):
        assert len(asking.shown(own, lookup).json()["answers"]) == count
    assert problem(asking.shown(HUB, lookup)) == "refused"


def test_a_record_that_was_erased_is_not_compared(linked, monkeypatch):
    from matcher.lookups import comparing
    from matcher.runs.tombstones import Tombstones

    gone = Tombstones({"care": frozenset({token("care", SOMEBODY)})})
    monkeypatch.setattr(comparing, "read_erased", lambda *_: gone)
    lookup = linked.asked(person("police", SOMEBODY))
    linked.compare()
    assert parse_matches(linked.shown(CARE, lookup).json()["matches"]) == []


@pytest.mark.parametrize("own", [CARE, POLICE])
def test_a_protected_person_is_not_found_whoever_has_marked_it(linked, own):
    """Also where the asker has: the others, who haven't, would be asked about it."""
    now, epoch = linked.matcher.clock.seconds, AGREEMENT.agreement.epoch
    marked = ProtectedRecords(AGREEMENT.digest(), epoch, now, (token(own.name, SOMEBODY),))
    path = f"/v1/agreements/{AGREEMENT.digest()}/protected"
    answer = linked.matcher.caller(own).put(path, sign_protected(marked, own))
    assert answer.status_code == 204
    lookup = linked.asked(person("police", SOMEBODY))
    assert linked.compare() == 1
    assert parse_matches(linked.shown(CARE, lookup).json()["matches"]) == []


def test_a_damaged_upload_stops_its_own_comparison_alone(linked):
    with linked.matcher.services.database.reading() as connection:
        from matcher.store.tables import committed_uploads

        rows = connection.execute(committed_uploads.select()).all()
    upload = next(row.upload for row in rows if row.agency == "care")
    path = linked.runner.folder / f"{upload}.arrow"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    lookup = linked.asked(person("police", SOMEBODY))
    with pytest.raises(Exception, match="isn't what was stored"):
        linked.compare()
    assert linked.shown(CARE, lookup).json()["compared"] is False


def test_the_worker_compares_and_closes_while_it_waits(linked):
    """As in life: lodged, compared within seconds by the worker's own thread, closed in time."""
    closing = linked.matcher.services.closing
    lookup = linked.asked(person("police", SOMEBODY))
    steps = (linked.comparing.compare_next, closing.close_due, closing.erase_due)
    with beside(steps):
        wait_until(lambda: linked.shown(CARE, lookup).json()["compared"])
        linked.matcher.clock.forward(hours=1)
        wait_until(lambda: linked.events("lookup.closed"))
        linked.matcher.clock.forward(days=30)
        wait_until(lambda: linked.events("records.erased"))
    assert problem(linked.shown(POLICE, lookup)) == "missing"


def wait_until(is_so: Callable[[], Any]) -> None:
    until = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_step_that_fails_is_taken_again(linked):
    calls: list[str] = []

    def failing() -> bool:
        calls.append("failing")
        raise ValueError("it fails")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("matcher.worker.lookups.LOOK_SECONDS", 0.01)
        with beside((failing, lambda: calls.append("after"))):
            wait_until(lambda: calls.count("after") > 1)
    assert calls[:4] == ["failing", "after"] * 2
