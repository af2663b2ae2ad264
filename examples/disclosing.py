"""Two disclosures among five agencies: one finds its quorum, the other doesn't and expires."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from examples.offices import Desk
from examples.showing import say_note

RULE = "missing"
WHY = "Missing together with a child at high risk."
_SECONDS = 30
_COLUMNS = Path(__file__).parent / "safeguarding" / "columns"


@dataclass(frozen=True)
class Scene:
    """Everybody's desks, and the folder in which agencies' extracts lie."""

    folder: Path
    desks: Mapping[str, Desk]

    def act(self, party: str, command: str, *words: str | Path, lines: int | None = 1) -> str:
        """Run a command about disclosures as a party, shown to whoever watches."""
        desk = replace(self.desks[party], shown=True)
        return desk.client("disclosures", command, *words, *self._agreement(party), lines=lines)

    def ask(self, party: str, command: str, *words: str | Path) -> str:
        """Run one for its JSON alone."""
        desk = replace(self.desks[party], shown=False)
        said = ("--format", "json")
        return desk.client("disclosures", command, *words, *said, *self._agreement(party))

    def _agreement(self, party: str) -> tuple[str, Path]:
        return "--agreement", self.desks[party].agreement


def disclose(scene: Scene) -> None:
    """Name one child that three agencies know to the recipient, and fail to name another."""
    say_note("The analyst sees pseudonyms, and proposes one that three agencies know.")
    first, second = _known_to_three(scene)
    digest = _propose(scene, first.cluster)
    say_note("One of its holders looks at it; two agencies approve, and one refuses.")
    one, two, three = first.agencies
    scene.act(one, "show", digest[:8], lines=None)
    scene.act(one, "approve", digest[:8], "--yes")
    scene.act(three, "refuse", digest[:8], "--reason", "The family is supported already.", "--yes")
    scene.act(two, "approve", digest[:8], "--yes")
    say_note("Each holder is told which of its records is meant, and seals what was agreed.")
    for agency in first.agencies:
        own_map = scene.desks[agency].folder / f"{agency}.map.parquet"
        scene.act(
            agency, "release", digest[:8], "--extract", scene.folder / f"{agency}.csv",
            "--map", own_map, "--columns", _COLUMNS / f"{agency}.toml", "--yes",
        )  # fmt: skip
    say_note("The recipient verifies all of it, and opens what the matcher could not.")
    opened = scene.desks["hub"].folder / "opened"
    scene.act("hub", "open", digest[:8], "--out", opened, lines=2)
    _let_expire(scene, second)


@dataclass(frozen=True)
class _Found:
    """A pseudonym, and the three agencies that know who it is."""

    cluster: str
    agencies: tuple[str, str, str]


def _known_to_three(scene: Scene) -> tuple[_Found, _Found]:
    listed = json.loads(scene.ask("analyst", "clusters"))
    found = [
        _Found(own["cluster"], tuple(own["agencies"]))
        for own in listed
        if len(own["agencies"]) == 3 == own["records"]
    ]
    return found[0], found[1]


def _propose(scene: Scene, cluster: str, *words: str) -> str:
    before = {own["id"] for own in json.loads(scene.ask("analyst", "list"))}
    scene.act(
        "analyst", "propose", "--cluster", f"{cluster}={RULE}", "--purpose", "missing-children",
        "--reference", "MACE 12", "--necessity", WHY, *words, "--yes",
    )  # fmt: skip
    listed = [own["id"] for own in json.loads(scene.ask("analyst", "list"))]
    return next(str(digest) for digest in listed if digest not in before)


def _let_expire(scene: Scene, found: _Found) -> None:
    say_note(f"A second proposal finds one approval of two, and its time is over in {_SECONDS} s.")
    until = datetime.now(UTC) + timedelta(seconds=_SECONDS)
    digest = _propose(scene, found.cluster, "--expires", until.strftime("%Y-%m-%dT%H:%M:%SZ"))
    scene.act(found.agencies[0], "approve", digest[:8], "--yes")
    time.sleep(max(0.0, (until - datetime.now(UTC)).total_seconds()) + 1)
    scene.act("analyst", "list", lines=2)
