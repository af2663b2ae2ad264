"""What is prepared of a run for its pages, and what reads it without the machinery that made it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from linkage.errors import VerificationError
from matcher.quality.cards import card_of
from matcher.quality.deriving import derived
from matcher.quality.kept import ABOUT, LINKS, KeptRun, files_of, read_about, read_links
from matcher.quality.match_log import page_of_links
from matcher.quality.shown import Wanted
from tests.matcher.made_up import make_linkage, make_sources
from tests.matcher.quality.made_up import KEY, RUN, contents_of

HEAVY = ("altair", "numba", "scipy", "vl_convert")


def kept_again(run):
    files = files_of(run)
    about = read_about(RUN, files[ABOUT])
    return KeptRun(RUN, about, read_links(RUN, about, files[LINKS]))


def test_what_is_read_is_what_was_kept(run):
    again = kept_again(run)
    assert again.about == run.about
    assert again.links.tobytes() == run.links.tobytes()
    for wanted in (Wanted(), Wanted(agencies=("care", "police"), weakest_first=True)):
        assert page_of_links(again, wanted) == page_of_links(run, wanted)
    assert card_of(again, 5) == card_of(run, 5)


def test_a_run_of_an_earlier_release_and_one_without_links_are_kept_as_well(linked):
    bare = derived(RUN, contents_of(*linked, weights=False), KEY)
    assert card_of(kept_again(bare), 0) == card_of(bare, 0)
    assert card_of(bare, 0).alone is None
    sources = make_sources({"care": 30, "police": 30})
    empty = kept_again(derived(RUN, contents_of(sources, make_linkage(sources, [])), KEY))
    assert page_of_links(empty, Wanted()).rows == ()
    assert page_of_links(empty, Wanted(cluster="0" * 8)).found == 0


def test_what_is_damaged_is_not_believed(run):
    files = files_of(run)
    for cut in (0, 40, len(files[LINKS]) // 2, len(files[LINKS]) - 1):
        with pytest.raises(VerificationError, match="damaged"):
            read_links(RUN, run.about, files[LINKS][:cut])
        with pytest.raises(VerificationError, match="damaged"):
            read_about(RUN, files[ABOUT][: min(cut, len(files[ABOUT]) - 1)])
    for other in (b"[]", b"{}", files[ABOUT].replace(b'"weighed"', b'"weighted"')):
        with pytest.raises(VerificationError, match="damaged"):
            read_about(RUN, other)


def test_links_of_another_kind_are_not_believed(run):
    fewer = replace(run, links=run.links[["name", "weight"]].copy())
    with pytest.raises(VerificationError, match="damaged"):
        read_links(RUN, run.about, files_of(fewer)[LINKS])


def test_nothing_that_compiles_or_draws_is_loaded_for_a_page():
    code = (
        "import sys, matcher.quality.desk, matcher.quality.cards; "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_rows_hold_what_files_hold(run, loaded_run):
    records = loaded_run.records
    assert np.array_equal(run.links["weight"], records.links.weight)
    assert np.array_equal(run.links["levels"], records.links.levels)
    assert np.array_equal(run.links["own"], records.weighed.own)
    assert np.array_equal(run.links["corrections"][:, 1], records.weighed.corrections.rarity)
