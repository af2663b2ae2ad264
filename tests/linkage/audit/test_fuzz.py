"""Whatever bytes arrive, only the project's own errors are raised."""

import subprocess
import sys
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.audit.failures import LogError
from tests.linkage.audit.parsers import PARSERS, SEEDS

ALL = list(range(len(PARSERS)))


def try_to_parse(number, data):
    with suppress(LogError):
        PARSERS[number](data)


@pytest.mark.parametrize("number", ALL)
def test_whole_examples_are_taken(number):
    PARSERS[number](SEEDS[number])


@pytest.mark.parametrize("number", ALL)
@given(data=st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_any_bytes(number, data):
    try_to_parse(number, data)


@pytest.mark.parametrize("number", ALL)
@given(data=st.data())
def test_damaged_examples(number, data):
    seed = bytearray(SEEDS[number])
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(seed)))
        end = min(len(seed), start + data.draw(st.integers(0, 9)))
        seed[start:end] = data.draw(
            st.binary(max_size=6)
            | st.text(max_size=3).map(str.encode)
            | st.just(seed[start:end] * 2)
        )
    try_to_parse(number, bytes(seed))


def test_coverage_guided_fuzzing(tmp_path):
    pytest.importorskip("atheris")
    fuzz = [sys.executable, "-m", "tests.linkage.audit.fuzz", "-runs=20000", "-seed=1"]
    done = subprocess.run(
        [*fuzz, "-max_total_time=10", f"-artifact_prefix={tmp_path}/", str(tmp_path)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Done" in done.stderr
