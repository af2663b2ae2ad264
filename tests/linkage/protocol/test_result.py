"""Results of runs: one size for everybody, one form for each."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.errors import VerificationError
from linkage.protocol.result import (
    RESULT_BYTES,
    RunResult,
    finished_at,
    parse_result,
    result_bytes,
)

AT = finished_at(datetime(2026, 3, 2, 9, 0, 30, tzinfo=UTC))
RESULT = RunResult("ab" * 32, 2, "0a" * 16, AT, ("care", "police"), 1234)


def test_a_result_says_what_it_says_in_4096_bytes():
    content = result_bytes(RESULT)
    assert len(content) == RESULT_BYTES
    assert content.startswith(
        b'{"agencies":["care","police"],"agreement":"' + b"ab" * 32 + b'",'
        b'"finished":"2026-03-02T09:00:30Z","padding":"   '
    )
    assert content.endswith(
        b' ","round":2,"rows":1234,"run":"' + b"0a" * 16 + b'","type":"concord.run-result/1"}'
    )
    assert parse_result(content, "it") == RESULT


@given(
    st.integers(1, 2**53 - 1),
    st.integers(0, 2**53 - 1),
    st.lists(st.from_regex(r"[a-z][a-z0-9-]{0,63}", fullmatch=True), min_size=2, max_size=90),
)
def test_results_come_back_and_differ_in_size_only_by_the_agencies(round_, rows, agencies):
    result = replace(RESULT, round=round_, rows=rows, agencies=tuple(agencies))
    content = result_bytes(result)
    assert parse_result(content, "it") == result
    assert len(content) % RESULT_BYTES == 0
    if sum(map(len, agencies)) + 3 * len(agencies) < 3_500:
        assert len(content) == RESULT_BYTES


def test_any_other_bytes_are_refused():
    content = result_bytes(RESULT)
    for wrong in (
        content[:-1],
        content.replace(b'"padding":" ', b'"padding":"x'),
        content.replace(b'"padding":" ', b'"padding":"'),
        content.replace(b'"rows":1234', b'"rows":-123'),
        content.replace(b"run-result/1", b"run-result/2"),
        content.replace(b'"round":2', b'"round":"2"'),
        content + b"\n",
    ):
        assert wrong != content
        with pytest.raises(VerificationError):
            parse_result(wrong, "it")
