"""What of the leakage report beside a file goes with it, and that it is the file's own."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from agency_client.leakage import as_json
from agency_client.leakage_files import record_path, summary_beside
from hashing.risk import AttackResult, LeakageReport, Measure, SampleSize
from linkage.errors import VerificationError
from linkage.protocol.leakage import AttackOutcome

REASON = "These people are invented."


def attack(groups: tuple[str, ...], recovered: int, name: str = "similarity graph") -> AttackResult:
    return AttackResult("dense", 1000, groups, name, 900, recovered, 1 / 900)


REPORT = LeakageReport(
    scheme="x6-t6", scheme_digest="ab" * 32, limit=0.02, samples=(SampleSize("dense", 1000),),
    measures=(Measure("GD", "fill", 0.501, 0.5),),
    attacks=(
        attack(("GD",), 4), attack(("GD", "SD"), 6), attack(("SD",), 5),
        attack(("GD",), 0, "frequency"),
    ),
    weak_groups=(), undiffused=(), own_rows_attacked=False, seconds=31.4,
)  # fmt: skip
LEAKY = replace(REPORT, attacks=(*REPORT.attacks, attack(("CLK",), 600)))


def beside(folder: Path, report: LeakageReport, reason: str | None = None) -> tuple[Path, str]:
    """Write a report where that of ``police.arrow`` lies; return the file and the digest."""
    file, content = folder / "police.arrow", as_json(report, "police", reason).encode()
    record_path(file).write_bytes(content)
    return file, hashlib.sha256(content).hexdigest()


def test_the_worst_of_each_attack_is_told(tmp_path: Path):
    file, digest = beside(tmp_path, REPORT)
    told = summary_beside(file, digest)
    assert told is not None
    assert (told.report, told.verdict, told.limit, told.overruled) == (digest, "passed", 0.02, None)
    assert told.attacks == (
        AttackOutcome("dense", 1000, "similarity graph", ("GD", "SD"), 0.006667, 0.001111, False),
        AttackOutcome("dense", 1000, "frequency", ("GD",), 0.0, 0.001111, False),
    )


def test_an_overruled_report_is_told_with_its_reason(tmp_path: Path):
    told = summary_beside(*beside(tmp_path, LEAKY, REASON))
    assert told is not None
    assert (told.verdict, told.overruled) == ("overruled", REASON)
    assert told.worst == AttackOutcome(
        "dense", 1000, "similarity graph", ("CLK",), 0.666667, 0.001111, True
    )


def test_a_reason_that_was_not_needed_is_not_told(tmp_path: Path):
    told = summary_beside(*beside(tmp_path, REPORT, REASON))
    assert told is not None
    assert (told.verdict, told.overruled) == ("passed", None)


def test_where_nothing_was_attacked_nothing_is_told_of_attacks(tmp_path: Path):
    told = summary_beside(*beside(tmp_path, replace(REPORT, attacks=(), samples=())))
    assert told is not None
    assert (told.verdict, told.attacks, told.worst) == ("passed", (), None)


def test_a_file_that_names_no_report_goes_without(tmp_path: Path):
    file, _ = beside(tmp_path, REPORT)
    assert summary_beside(file, "") is None


def test_only_the_file_s_own_report_will_do(tmp_path: Path):
    file, digest = beside(tmp_path, REPORT)
    record = record_path(file)
    record.write_text(record.read_text().replace('"passed"', '"passed" '))
    with pytest.raises(VerificationError, match="isn't the leakage report of") as altered:
        summary_beside(file, digest)
    beside(tmp_path, LEAKY, REASON)
    with pytest.raises(VerificationError, match="encode the extract again"):
        summary_beside(file, digest)
    record.unlink()
    with pytest.raises(VerificationError, match="Put it back beside the file") as missing:
        summary_beside(file, digest)
    assert altered.value.exit_code == missing.value.exit_code == 3


@pytest.mark.parametrize(
    "change", [{"format": "concord-leakage/2"}, {"verdict": "failed"}, {"attacks": [{}]}]
)
def test_a_file_that_names_something_else_is_refused(tmp_path: Path, change: dict[str, object]):
    file, _ = beside(tmp_path, REPORT)
    record = record_path(file)
    content = json.dumps(json.loads(record.read_bytes()) | change).encode()
    for other in (content, b"", b"not JSON"):
        record.write_bytes(other)
        with pytest.raises(VerificationError, match="isn't a leakage report as this release"):
            summary_beside(file, hashlib.sha256(other).hexdigest())
