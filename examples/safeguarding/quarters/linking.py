"""One round: each agency encodes its extract and pushes it with its payload; the matcher links."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from examples.safeguarding.quarters.periods import Quarter
from examples.safeguarding.quarters.stage import (
    AGENCIES,
    AGREEMENT_ID,
    COLUMNS,
    Stage,
    show_matcher,
)
from examples.showing import say_note

PARTS = ("attributes", "events", "associations")


def link(stage: Stage, quarter: Quarter) -> None:
    """Let all agencies encode and push, and wait for the run."""
    say_note("Each agency checks and encodes its own extract, and pushes it with its payload.")
    stage.each(AGENCIES, lambda name: provide(stage, quarter, name))
    say_note("After the last upload the matcher links by itself; the operator waits for it.")
    show_matcher(
        "run", stage.operator.folder, "--agreement", AGREEMENT_ID, "--wait",
        "--out", run_folder(stage, quarter),
    )  # fmt: skip


def run_folder(stage: Stage, quarter: Quarter) -> Path:
    """Return where the operator's copy of a quarter's run lies."""
    return stage.folder / f"{quarter.name}.run"


def provide(stage: Stage, quarter: Quarter, name: str) -> None:
    """Check, encode and push one agency's files, and keep what the commands said of them."""
    extract, place = stage.files / quarter.name / f"{name}.csv", stage.place(name, quarter)
    columns = ("--columns", COLUMNS / f"{name}.toml")
    encodings, mapped = place / f"{name}.arrow", own_map(stage, quarter, name)
    checked = stage.ask(name, quarter, "check", extract, *columns, keys=False)
    encoded = stage.ask(
        name, quarter, "encode", extract, "--agency", name, *columns,
        "--out", encodings, "--map-out", mapped,
    )  # fmt: skip
    push: list[str | Path] = ["push", encodings, "--map", mapped]
    for part in PARTS:
        file = payload_file(extract, part)
        push += [f"--{part}", file] if file.exists() else []
    shown = stage.ask(name, quarter, *push, "--dry-run")
    said = {"checked": checked, "encoded": encoded, "payload": shown["payload"]}
    said["children"] = {part: _children(payload_file(extract, part)) for part in PARTS}
    said["pushed"] = stage.ask(name, quarter, *push)
    verdict = encoded["leakage"]["verdict"]
    say_note(f"{name} has pushed {encoded['records']:,} records; the attack on them: {verdict}.")
    (place / "provided.json").write_text(json.dumps(said), encoding="utf-8")


def payload_file(extract: Path, part: str) -> Path:
    """Return the file of one part of the payload that goes with an extract."""
    return extract.with_name(f"{extract.stem}.{part}.csv")


def _children(file: Path) -> dict[str, int]:
    """Count the children of whom a file tells, by attribute, type of event or association."""
    found: dict[str, set[str]] = {}
    rows: list[dict[str, str]] = []
    if file.exists():
        with file.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
    for row in rows:
        what = row.get("event") or row.get("association")
        ids = {row["record_id"], row.get("other_record_id") or row["record_id"]}
        names = [what] if what else [n for n, own in row.items() if own and n != "record_id"]
        for name in names:
            found.setdefault(name, set()).update(ids)
    return {name: len(ids) for name, ids in sorted(found.items())}


def provided(stage: Stage, quarter: Quarter, name: str) -> dict[str, Any]:
    """Return what was kept of an agency's commands."""
    said: dict[str, Any] = json.loads(
        (stage.place(name, quarter) / "provided.json").read_text(encoding="utf-8")
    )
    return said


def own_map(stage: Stage, quarter: Quarter, name: str) -> Path:
    """Return where an agency keeps the map from its encodings back to its records."""
    return stage.place(name, quarter) / f"{name}.map.parquet"


def evaluate(stage: Stage, quarter: Quarter) -> dict[str, Any]:
    """Measure a quarter's run against the truth, which an example has and life has not."""
    maps = [f"--map={name}={own_map(stage, quarter, name)}" for name in AGENCIES]
    truth = stage.files / quarter.name / "truth.csv"
    said = show_matcher(
        "evaluate", run_folder(stage, quarter), "--truth", truth, *maps, "--format", "json",
        shown=False,
    )  # fmt: skip
    measured: dict[str, Any] = json.loads(said)
    return measured
