"""Whether another agency holds the person, or has refused, makes no difference that can be seen.

Three worlds differ in nothing else: care releases, care refuses, care doesn't hold the person. What
the asker and a third agency get to see is the same in all of them, to the last byte but for random
ones; but for the asker's opened answers where care releases. So is the work that the matcher does
for what they see, and the worker for the comparison, on which the time depends.
"""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from linkage.protocol.keys import Identity
from linkage.protocol.lookups.replies import parse_matches
from tests.databases import open_database
from tests.linkage.protocol.agreements import OFFICER
from tests.linkage.protocol.parties import CARE, HEALTH, POLICE
from tests.matcher.api.serving import running
from tests.matcher.api.test_lookup_routes import FILES, RECORD, WHOSE, known_to, opened, person
from tests.matcher.lookups.asking import PATH, Asking
from tests.matcher.work import watched

SOMEBODY = known_to({"care", "police"}, {"health"})
WORLDS = ("releases", "refuses", "holds nobody")
# Digests, ids, keys, salts, ciphertexts, signatures: whatever is hashed or drawn.
_RANDOM = re.compile(rb"[0-9a-f]{32,}|[A-Za-z0-9+/]{40,}={0,2}")


@dataclasses.dataclass
class Seen:
    """What a party has seen: of every answer its status, headers and body."""

    asking: Asking
    own: Identity
    answers: list[Any] = dataclasses.field(default_factory=list)

    def get(self, path: str) -> Any:
        self.asking.work.taken()
        answer = self.note(self.asking.matcher.caller(self.own).get(path))
        self.answers.append(self.asking.work.taken())
        return answer

    def note(self, answer: Any) -> Any:
        headers = {name: len(value) for name, value in answer.headers.items() if name != "date"}
        self.answers.append((answer.status_code, headers, plain(answer.content)))
        return answer


def plain(content: bytes) -> bytes:
    """Return content with everything random replaced by as many marks."""
    return _RANDOM.sub(lambda found: b"#" * len(found[0]), content)


def files_of(world: str) -> dict[str, Any]:
    """Return the uploads; care has somebody else in the person's place in the last world."""
    if world != "holds nobody":
        return dict(FILES)
    care = FILES["care"]
    bits, row = care.bits.copy(), WHOSE["care"].index(SOMEBODY)
    rng = np.random.default_rng(9)
    drawn = rng.integers(0, 2**64, bits[row].shape, dtype=np.uint64, endpoint=False)
    used = FILES["care"].bits.any(axis=0)
    bits[row] = np.where(used & care.present[row][:, None], drawn, 0)
    return dict(FILES) | {"care": dataclasses.replace(care, bits=bits)}


@contextmanager
def asking_in(folder: Path, files: dict[str, Any], *, is_new: bool) -> Iterator[Asking]:
    database = open_database(f"sqlite:///{folder / 'matcher.sqlite'}")
    with running(database) as matcher:
        asking = Asking(matcher, folder / "runner", files, is_new)
        with watched(database, asking.runner.objects) as asking.work:
            yield asking
    database.close()


def linked(folder: Path, files: dict[str, Any], migrated: Path) -> Path:
    """Return a folder with a matcher whose agencies are linked."""
    folder.mkdir()
    shutil.copyfile(migrated, folder / "matcher.sqlite")
    with asking_in(folder, files, is_new=True) as asking:
        asking.link()
    return folder


def live(asking: Asking, world: str) -> tuple[dict[str, list[Any]], dict[str, Any], bool]:
    """Ask, answer and open; return what all saw, what was opened, and whether care was meant."""
    police, health = Seen(asking, POLICE), Seen(asking, HEALTH)
    request = asking.request(person("police", SOMEBODY))
    lookup = police.note(asking.lodge(*request)).json()["id"]
    looked(asking, police, health, lookup)
    asking.compare()
    police.answers.append(asking.work.taken())
    looked(asking, police, health, lookup)
    is_meant = bool(parse_matches(asking.shown(CARE, lookup).json()["matches"]))
    records, reason = (RECORD, "") if world == "releases" else ([], "It must not")
    empty = asking.answer_of(CARE, lookup)
    assert asking.answer(CARE, lookup, empty).status_code == 200
    looked(asking, police, health, lookup)
    asking.matcher.clock.forward(minutes=1)
    again = asking.answer_of(CARE, lookup, records, reason)
    # An agency that holds nobody sends what it has sent: as many requests, and nothing new.
    again = empty if world == "holds nobody" else again
    assert asking.answer(CARE, lookup, again).status_code == 200
    looked(asking, police, health, lookup)
    health.note(asking.answer(HEALTH, lookup, asking.answer_of(HEALTH, lookup)))
    asking.matcher.clock.forward(hours=1)
    looked(asking, police, health, lookup)
    officer = Seen(asking, OFFICER)
    size = asking.matcher.services.ledger.checkpoint().to_bytes().split(b"\n")[1].decode()
    officer.get(f"/v1/log/events?start=0&end={size}")
    seen = {own.own.name: own.answers for own in (police, health, officer)}
    return seen, opened(asking, lookup), is_meant


def looked(asking: Asking, police: Seen, health: Seen, lookup: str) -> None:
    """Let the asker and a third agency look at all there is."""
    for own in (police, health):
        own.get(PATH)
        own.get(f"{PATH}/{lookup}")
        own.get("/v1/log/checkpoint")


def all_worlds(folder: Path, migrated: Path) -> dict[str, Any]:
    """Live through each world; two of them have the same uploads, linked once."""
    held = linked(folder / "held", files_of(WORLDS[0]), migrated)
    linked(folder / WORLDS[2], files_of(WORLDS[2]), migrated)
    for world in WORLDS[:2]:
        shutil.copytree(held, folder / world)
    found = {}
    for world in WORLDS:
        with asking_in(folder / world, files_of(world), is_new=False) as asking:
            found[world] = live(asking, world)
    return found


def test_what_is_seen_is_the_same_in_all_worlds(tmp_path: Path, migrated_file: Path):
    worlds = all_worlds(tmp_path, migrated_file)
    assert [worlds[world][2] for world in WORLDS] == [True, True, False]
    assert worlds["releases"][1]["care"] == tuple(RECORD)
    assert worlds["refuses"][1] == worlds["holds nobody"][1] == {"care": (), "health": ()}
    for world in WORLDS[1:]:
        for party in ("police", "health", "officer"):
            expected, found = (worlds[name][0][party] for name in (WORLDS[0], world))
            assert len(expected) > 0
            assert found == expected, (world, party)


def test_the_comparison_would_find_a_difference():
    assert plain(b'{"state":"lodged"}') != plain(b'{"state":"closed"}')
    assert plain(b"ab" * 32) == plain(b"cd" * 32) != plain(b"cd" * 31)
