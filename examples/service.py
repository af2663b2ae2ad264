"""Five agencies link through a matcher that serves over HTTP, under an agreement all have signed.

Each party has a folder of its own, its desk, with its keys and its copy of the agreement; nothing
goes from one desk to another but the agreement and the cards, at the beginning. All else goes
through the matcher, which has no key to the encodings.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from examples.disclosing import Scene, disclose
from examples.offices import AGREEMENT, Desk, Operator, empty_folder, free_port
from examples.safeguarding import write_scenario
from examples.showing import run_command, say_note

AGENCIES = ("police", "social_care", "youth_offending", "health", "education")
OTHERS = {"analyst": "analyst", "hub": "recipient", "officer": "dpo"}
_PACKAGE = Path(__file__).parent / "safeguarding"
_LOG = "demo.example/log"
_ID = "safeguarding-demo"


def run_service(folder: Path, *, records_per_agency: int) -> None:
    """Run the whole of it in a folder, and measure the outcome against the truth."""
    empty_folder(folder)
    write_scenario(folder, seed=1, records_per_agency=records_per_agency)
    operator = Operator(folder / "matcher", free_port())
    say_note("The operator sets up a matcher: a folder, SQLite, and the key of its log.")
    log_key = operator.set_up(_LOG)
    desks = _furnish(folder, ("--matcher", operator.url, "--log-key", log_key))
    _agree(folder, desks, operator)
    with operator.serving():
        _sign(desks)
        _share_secret(desks)
        _encode_and_push(folder, desks)
        _await_run(operator, folder, desks)
        disclose(Scene(folder, desks))
        _audit(desks)
    say_note("The operator verifies the log in the database, from its bytes.")
    run_command("matcher", "verify-log", operator.folder)
    _measure(folder)


def _furnish(folder: Path, matcher: Sequence[str]) -> dict[str, Desk]:
    """Give every party a desk and keys; the first agency's commands are shown."""
    say_note("Everybody makes keys. The police's commands are shown; the others do the same.")
    roles = {**dict.fromkeys(AGENCIES, "agency"), **OTHERS}
    desks = {
        name: Desk(name, role, folder / name, shown=name == AGENCIES[0])
        for name, role in roles.items()
    }
    for desk in desks.values():
        desk.move_in(matcher)
    return desks


def _agree(folder: Path, desks: dict[str, Desk], operator: Operator) -> None:
    """Write the agreement from everybody's cards; the matcher signs it as it is admitted."""
    say_note("An agreement is written from everybody's cards, with the example's scheme.")
    cards = [word for desk in desks.values() for word in (f"--{desk.role}", desk.card)]
    cards += ["--matcher", operator.card("linker")]
    written = folder / AGREEMENT
    run_command(
        "agency-client", "agreement", "new", "--template", "safeguarding-uk", "--id", _ID,
        *cards, "--out", written, lines=0,
    )  # fmt: skip
    head, _, _ = written.read_text(encoding="utf-8").partition("[scheme]")
    _, mark, scheme = (_PACKAGE / AGREEMENT).read_text(encoding="utf-8").partition("[scheme]")
    written.write_text(head + mark + scheme, encoding="utf-8")
    for desk in desks.values():
        shutil.copyfile(written, desk.agreement)
    say_note("The operator admits it, by which the matcher signs it with its own keys, and serves.")
    run_command("matcher", "admit", operator.folder, written)


def _sign(desks: dict[str, Desk]) -> None:
    say_note("All others read it, sign it, and hand their signatures in.")
    for desk in desks.values():
        desk.client("agreement", "sign", desk.agreement, "--yes")
    desks[AGENCIES[0]].client("agreement", "status", desks[AGENCIES[0]].agreement)


def _share_secret(desks: dict[str, Desk]) -> None:
    say_note("The police draw the linkage secret and seal it to each agency; nobody else opens it.")
    first, *rest = (desks[name] for name in AGENCIES)
    first.client("secret", "create", "--agreement", first.agreement)
    for desk in rest:
        desk.client("secret", "accept", "--agreement", desk.agreement)
    say_note("Each agency proves that it would set the same bits; then the round opens.")
    for desk in (*rest, first):
        desk.client("secret", "answers", "--agreement", desk.agreement)


def _encode_and_push(folder: Path, desks: dict[str, Desk]) -> None:
    say_note("Each agency encodes its own extract at its own desk, and pushes the encodings.")
    for name in AGENCIES:
        desk = desks[name]
        encodings, own_map = desk.folder / f"{name}.arrow", desk.folder / f"{name}.map.parquet"
        desk.client(
            "encode", folder / f"{name}.csv", "--agreement", desk.agreement, "--agency", name,
            "--columns", _PACKAGE / "columns" / f"{name}.toml",
            "--out", encodings, "--map-out", own_map, lines=1,
        )  # fmt: skip
        desk.client("push", encodings, "--agreement", desk.agreement)


def _await_run(operator: Operator, folder: Path, desks: dict[str, Desk]) -> None:
    say_note("After the last upload the matcher links by itself; the operator waits for it.")
    run_command(
        "matcher", "run", operator.folder, "--agreement", _ID, "--wait", "--out", folder / "run"
    )
    police = desks[AGENCIES[0]]
    police.client("status", "--agreement", police.agreement)


def _audit(desks: dict[str, Desk]) -> None:
    say_note("The data protection officer downloads the log and verifies it, event by event.")
    officer = desks["officer"]
    shown = Desk(officer.name, officer.role, officer.folder, shown=True)
    shown.client("log", "verify", lines=12)


def _measure(folder: Path) -> None:
    say_note("A demonstration has the truth, which life has not.")
    maps = [f"--map={name}={folder / name / f'{name}.map.parquet'}" for name in AGENCIES]
    run_command(
        "matcher", "evaluate", folder / "run", "--truth", folder / "truth.csv", *maps,
        "--format", "text",
    )  # fmt: skip
