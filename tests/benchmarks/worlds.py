"""Whether an agency's clock tells the two worlds of tests/matcher/api/test_two_worlds.py apart.

::

    python -m tests.benchmarks.worlds --requests 300 --planted-ms 2

In one world care holds ann's record, too; in the other it doesn't. The police ask both matchers the
same in turn, in an order drawn anew each time, and note how long each answer took. A permutation
test gives for each kind of request how often a difference of medians as large comes about by chance
alone. No two matchers are quite alike, though, whatever they know: so a second one of the first
world is asked as well, and p for these two says what p comes to where there is nothing to find.
As a control the first matcher is then made slower by a known time, which has to show.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linkage.protocol.canonical import canonical_json
from tests.databases import _migrate
from tests.linkage.protocol.parties import POLICE
from tests.matcher.api.test_disclosure_routes import BASE, Asking
from tests.matcher.api.test_two_worlds import KNOWN, UNKNOWN, worlds_of

SHUFFLES = 2_000
Times = NDArray[np.float64]


def kinds(asking: Asking, id_: str) -> dict[str, tuple[str, str, bytes | None]]:
    """Return what the police ask, by name."""
    (bob,) = asking.world.pseudonyms("bob")
    run = next(iter(asking.world.names))
    return {
        "result of the run": ("GET", f"/runs/{run}/result", None),
        "list of disclosures": ("GET", "/disclosures", None),
        "a disclosure": ("GET", f"/disclosures/{id_}", None),
        "own records before the quorum": ("GET", f"/disclosures/{id_}/holdings", None),
        "evidence": ("POST", "/evidence", canonical_json({"clusters": [bob]})),
    }


def measured(worlds: list[Asking], ids: list[str], kind: str, count: int) -> list[Times]:
    """Return seconds of ``count`` requests of a kind in each world, asked in turn."""
    asked = [kinds(asking, id_)[kind] for asking, id_ in zip(worlds, ids, strict=True)]
    took: list[list[float]] = [[] for _ in worlds]
    for _ in range(count):
        for at in random.sample(range(len(worlds)), len(worlds)):
            caller, (method, path, body) = worlds[at].callers[POLICE], asked[at]
            request = caller.signed(method, BASE + path, body)
            begin = time.perf_counter()
            answer = caller.matcher.http.request(
                request.method, request.url, headers=request.headers, content=request.body
            )
            took[at].append(time.perf_counter() - begin)
            caller.believe(answer.headers)
    return [np.array(own) for own in took]


def p_value(one: Times, other: Times) -> float:
    """Return how often chance alone gives medians of pairs as far from zero."""
    rng, apart = np.random.default_rng(), one - other
    seen = abs(np.median(apart))
    signs = rng.choice((-1.0, 1.0), (SHUFFLES, len(apart)))
    drawn = np.abs(np.median(signs * apart, axis=1))
    return float((1 + np.count_nonzero(drawn >= seen)) / (1 + SHUFFLES))


def report(label: str, known: Times, again: Times, unknown: Times) -> None:
    medians = ", ".join(f"{statistics.median(own) * 1e3:.2f}" for own in (known, again, unknown))
    print(
        f"{label}: medians {medians} ms; p = {p_value(known, unknown):.3f} between the worlds, "
        f"{p_value(known, again):.3f} within one"
    )


def slower(listed: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    def found(*words: Any) -> Any:
        time.sleep(seconds)
        return listed(*words)

    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--planted-ms", type=float, default=2.0)
    chosen = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        migrated = Path(name) / "migrated.sqlite"
        _migrate(f"sqlite:///{migrated}")
        with worlds_of(Path(name), migrated, KNOWN, KNOWN, UNKNOWN) as worlds:
            ids = [asking.propose("bob") for asking in worlds]
            for kind in kinds(worlds[0], ids[0]):
                measured(worlds, ids, kind, 10)
                report(kind, *measured(worlds, ids, kind, chosen.requests))
            disclosures = worlds[0].matcher.services.disclosures
            disclosures.all = slower(disclosures.all, chosen.planted_ms / 1e3)  # type: ignore[method-assign]
            found = measured(worlds, ids, "list of disclosures", chosen.requests)
            report(f"control, {chosen.planted_ms} ms planted", *found)


if __name__ == "__main__":
    main()
