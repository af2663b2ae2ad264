"""The agreement of a quarter: written, admitted, signed by all; then its secret, shared and proved.

The second quarter has a version of its own, with a new epoch, so a new secret, and a newer
vocabulary of risk.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from examples.offices import AGREEMENT
from examples.safeguarding.quarters.periods import FIRST, Quarter
from examples.safeguarding.quarters.stage import (
    AGENCIES,
    AGREEMENT_ID,
    MATCHER,
    OFFICER,
    Stage,
    show_matcher,
)
from examples.showing import run_command, say_note
from linkage.protocol.agreement import parse_agreement

_SCHEME = Path(__file__).parents[1] / AGREEMENT
_RISK = 'version = "1"\nterms = { standard = "standard risk", '
_NEWER_RISK = 'version = "2"\nterms = { standard = "standard risk", emerging = "emerging risk", '


def write_first(stage: Stage) -> Path:
    """Write the agreement of the first quarter from everybody's cards."""
    say_note("An agreement is written from everybody's cards, with the example's scheme.")
    cards = [word for desk in stage.desks.values() for word in (f"--{desk.role}", desk.card)]
    cards += ["--matcher", stage.operator.card(MATCHER)]
    written = stage.folder / f"{FIRST.name}.{AGREEMENT}"
    run_command(
        "agency-client", "agreement", "new", "--template", "safeguarding-uk", "--id", AGREEMENT_ID,
        *cards, "--out", written, shown=False,
    )  # fmt: skip
    head, _, _ = written.read_text(encoding="utf-8").partition("[scheme]")
    _, mark, scheme = _SCHEME.read_text(encoding="utf-8").partition("[scheme]")
    written.write_text(head + mark + scheme, encoding="utf-8")
    return written


def write_next(stage: Stage, before: Path, quarter: Quarter) -> Path:
    """Write the version that follows: a new epoch, and risk in newer words."""
    say_note("A new quarter, a new version: a new epoch, and a newer vocabulary of risk.")
    text = before.read_text(encoding="utf-8")
    digest = parse_agreement(text, before.name).digest()
    text = _changed(text, "\nversion = 1\n", f'\nversion = 2\nprevious = "{digest}"\n')
    text = _changed(text, "\nepoch = 1 ", "\nepoch = 2 ")
    text = _changed(text, _RISK, _NEWER_RISK)
    written = stage.folder / f"{quarter.name}.{AGREEMENT}"
    written.write_text(text, encoding="utf-8")
    return written


def _changed(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise ValueError(f"the template has {text.count(old)} times {old!r}, and once is meant")
    return text.replace(old, new)


def admit(stage: Stage, quarter: Quarter, written: Path) -> None:
    """Give everybody a copy, and let the matcher admit it, by which it signs."""
    for name in stage.desks:
        stage.place(name, quarter).mkdir()
        shutil.copyfile(written, stage.agreement(name, quarter))
    show_matcher("admit", stage.operator.folder, written)


def sign(stage: Stage, quarter: Quarter) -> None:
    """Let all read it, sign it, and hand their signatures in."""
    say_note("All others read it, sign it, and hand their signatures in.")
    stage.each(
        stage.desks,
        lambda name: stage.desks[name].client(
            "agreement", "sign", stage.agreement(name, quarter), "--yes"
        ),
    )
    officer = stage.desks[OFFICER]
    officer.client("agreement", "status", stage.agreement(OFFICER, quarter))


def share_secret(stage: Stage, quarter: Quarter) -> None:
    """Let one agency draw the secret of the epoch, and each prove that it has the same."""
    say_note(
        "One agency draws the epoch's secret, and each proves that it would set the same bits."
    )
    first, *rest = AGENCIES
    stage.act(first, quarter, "secret", "create")
    stage.each(rest, lambda name: stage.act(name, quarter, "secret", "accept"))
    stage.each(AGENCIES, lambda name: stage.act(name, quarter, "secret", "answers"))
