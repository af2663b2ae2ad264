"""Both quarters from beginning to end, with the commands that the parties would type."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

import click

from examples.offices import empty_folder
from examples.safeguarding.quarters import agreeing
from examples.safeguarding.quarters.analysing import Study, pull, released
from examples.safeguarding.quarters.guild import Facts, Part, write_report
from examples.safeguarding.quarters.linking import evaluate, link
from examples.safeguarding.quarters.periods import FIRST, SECOND, Quarter
from examples.safeguarding.quarters.stage import OFFICER, Stage, set_stage, show_matcher
from examples.safeguarding.quarters.urgent import Disclosed, disclose
from examples.safeguarding.quarters.writing import Scenario, write_quarters
from examples.showing import say_note


@dataclass(frozen=True)
class Played:
    """What is there once all is done; ``report`` and ``record`` are the report's two files."""

    stage: Stage
    scenario: Scenario
    facts: Facts
    report: Path
    record: Path


def play(folder: Path, *, seed: int, records_per_agency: int, workers: int) -> Played:
    """Play both quarters in a folder; raise `click.ClickException` where a command fails."""
    started = time.monotonic()
    empty_folder(folder)
    scenario = write_quarters(folder / "files", seed=seed, records_per_agency=records_per_agency)
    stage = set_stage(folder, workers)
    written = agreeing.write_first(stage)
    agreeing.admit(stage, FIRST, written)
    with stage.operator.serving():
        parts = [_quarter(stage, FIRST)]
        agreeing.admit(stage, SECOND, agreeing.write_next(stage, written, SECOND))
        parts.append(_quarter(stage, SECOND))
        disclosed = disclose(stage, parts[-1].study)
        verified = _verify(stage)
    say_note("The operator verifies the log in the database, from its bytes.")
    show_matcher("verify-log", stage.operator.folder)
    seconds = time.monotonic() - started
    facts = Facts(stage, parts, disclosed, verified, seconds)
    report, record = write_report(folder / "report", facts)
    _tell(facts, disclosed, report)
    return Played(stage, scenario, facts, report, record)


def _quarter(stage: Stage, quarter: Quarter) -> Part:
    """Play one quarter up to the tables that leave."""
    click.secho(f"\n── {quarter.name}", bold=True)
    agreeing.sign(stage, quarter)
    agreeing.share_secret(stage, quarter)
    link(stage, quarter)
    study = Study(pull(stage, quarter), quarter)
    study.keep()
    return Part(quarter, evaluate(stage, quarter), study, released(stage, study))


def _verify(stage: Stage) -> dict[str, object]:
    say_note("The data protection officer downloads the log and verifies it, event by event.")
    said = stage.desks[OFFICER].client("log", "verify", "--format", "json")
    verified: dict[str, object] = json.loads(said)
    return verified


def _tell(facts: Facts, disclosed: Disclosed, report: Path) -> None:
    """Print what the analyst sees of the last quarter, and where the report is."""
    study = facts.newest.study
    for title, frame in (
        ("of most concern, under pseudonyms", study.most_urgent().head(8)),
        ("discussed at either meeting", study.meetings()),
        ("missing episodes by borough", study.change()),
        ("disruption measures per missing episode", study.measures()),
    ):
        click.secho(f"\n{study.now}: {title}", bold=True)
        click.echo(frame.round(2).to_string(index=False))
    alone = study.known_to_charity_alone().count
    click.echo(
        f"\nknown to the charity, not to the police: {alone.expected:.0f} children "
        f"({alone.low:.0f} to {alone.high:.0f})"
    )
    click.echo(f"{len(disclosed.people)} children were named to the hub.")
    click.echo(f"\nThe report: {report}, after {facts.seconds:.0f} s.")
