"""What preparing and reading a run's pages takes: 100,000 people in three agencies, 300,000 links.

``python -m tests.benchmarks.run_pages`` prints processor seconds, which other programs on the
machine don't change: of the first time, and the least of the next ones. How long the pages take
over HTTP says ``python -m tests.benchmarks.console``, which has such a run as well.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from linkage.clustering import Clusters
from linkage.estimates import EstimateBasis
from linkage.evaluation import Estimate
from linkage.linking import Linkage, Links
from linkage.patterns import PatternHistogram
from linkage.sources import Sources
from matcher.quality.cards import card_of
from matcher.quality.deriving import derived
from matcher.quality.kept import ABOUT, LINKS, KeptRun, files_of, read_about, read_links
from matcher.quality.match_log import find_link, page_of_links
from matcher.quality.shown import Wanted
from tests.matcher.made_up import make_model, make_sources
from tests.matcher.quality.made_up import KEY, RUN, contents_of

PEOPLE = 100_000
_Found = TypeVar("_Found")


def made_up(sources: Sources) -> Linkage:
    """Return links between every two of a person's three records, some of them doubtful."""
    rng = np.random.default_rng(1)
    one = np.arange(PEOPLE, dtype=np.int32)
    left = np.concatenate([one, one, one + PEOPLE])
    right = np.concatenate([one + PEOPLE, one + 2 * PEOPLE, one + 2 * PEOPLE])
    patterns = np.array(np.unravel_index(np.arange(125), (5, 5, 5))).T.astype(np.int8)
    weight = rng.normal(12, 4, len(left))
    probability = np.clip(1 / (1 + np.exp2(-weight)), 0.1, 1)
    order = np.lexsort((-weight, -probability))
    levels = patterns[rng.integers(0, 125, len(left))]
    links = Links(left[order], right[order], weight[order], probability[order], levels[order])
    none = np.empty(0, np.int32)
    model, each = make_model(), Estimate(PEOPLE, 0.97 * PEOPLE, 1.02 * PEOPLE, None, None, True)
    histogram = PatternHistogram(
        patterns, np.ones(125, np.int64), np.empty(0, np.int64), np.ones((3, 5), np.int64), 10**10
    )
    return Linkage(
        links,
        Clusters(
            np.tile(one.astype(np.int64), 3), np.full(3 * PEOPLE, 0.99), none, none, np.empty(0)
        ),
        model,
        histogram,
        model.log_odds(patterns) / np.log(2),
        rng.uniform(0.69, 0.99, 125),
        replace(each, links=3 * PEOPLE),
        {(sources.names[a], sources.names[b]): each for a, b in sources.pairs()},
        EstimateBasis(),
        True,
    )


def timed(name: str, compute: Callable[[], _Found], times: int = 5) -> _Found:
    """Print how long something takes at first, and later at best."""
    taken = []
    for _ in range(times):
        begun = time.process_time()
        found = compute()
        taken.append(1000 * (time.process_time() - begun))
    later = f", then {min(taken[1:]):7.1f} ms" if times > 1 else ""
    print(f"{name:36} {taken[0]:8.1f} ms{later}")
    return found


def main() -> None:
    """Make the run up, load it, and make its pages."""
    print(f"{platform.processor() or platform.machine()}, {PEOPLE:,} people")
    own = files_of_run()
    run = timed("preparing, which the worker does", lambda: derived(RUN, own, KEY), 2)
    files = timed("writing the files of it", lambda: files_of(run), 2)
    print(", ".join(f"{name}: {len(content):,} bytes" for name, content in files.items()))
    about = timed("reading the figures", lambda: read_about(RUN, files[ABOUT]))
    rows = timed("reading the links", lambda: read_links(RUN, about, files[LINKS]))
    run = KeptRun(RUN, about, rows)
    first = timed("first page of the match log", lambda: page_of_links(run, Wanted()))
    timed("its page 3,000", lambda: page_of_links(run, Wanted(), 3000))
    between = Wanted(("care", "police"), (0.5, 0.9), weakest_first=True)
    timed("of two agencies, by probability", lambda: page_of_links(run, between))
    cluster = Wanted(cluster=first.rows[0].clusters[0])
    timed("of one cluster", lambda: page_of_links(run, cluster))
    timed("an evidence card", lambda: card_of(run, find_link(run, first.rows[7].name)))


def files_of_run() -> dict[str, bytes]:
    """Return the own files of a run of so many people."""
    sources = make_sources(dict.fromkeys(("care", "health", "police"), PEOPLE))
    return contents_of(sources, made_up(sources))


if __name__ == "__main__":
    main()
