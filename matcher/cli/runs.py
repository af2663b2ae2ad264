"""The commands ``run`` and ``worker``."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import Progress

from matcher.cli.options import FOLDER, example, format_option

if TYPE_CHECKING:
    from matcher.config.settings import Settings
    from matcher.runs.chosen import RunInputs
    from matcher.runs.service import Runs, RunView

# The commands import what they run: help and refusals needn't wait for it.

_LOOK_SECONDS = 0.5


@click.command("run", epilog=example("matcher run /srv/concord --agreement north-east --wait"))
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--agreement", required=True, metavar="ID", help="The id of an admitted agreement.")
@click.option("--wait", is_flag=True, help="Wait until it has ended; a worker has to run.")
@click.option(
    "--out", type=FOLDER, help="With --wait: copy what came out to this folder, which is made."
)
@click.option("--dry-run", is_flag=True, help="Say what would be linked, and queue nothing.")
@format_option
def run_command(
    folder: Path, agreement: str, wait: bool, out: Path | None, dry_run: bool, output: str
) -> None:
    """Queue a run of all that the agencies have committed under an agreement.

    Of each agency its newest upload goes in; two agencies are enough. When every agency has
    committed one, the matcher queues a run by itself. A run of just the same that hasn't ended is
    not queued again. The copy that --out makes is for 'matcher evaluate' and for people to look at:
    it holds what the matcher may know, and nobody else.
    """
    from matcher.app.running import open_runs
    from matcher.config.loading import load_settings

    if out is not None and not wait:
        raise click.UsageError("--out needs --wait: before it has ended, nothing has come out.")
    if out is not None:
        _refuse_unusable(out)
    settings = load_settings(folder, os.environ, {})
    runs = open_runs(settings)
    digest = runs.find_agreement(agreement)
    if dry_run:
        planned = runs.plan(digest)
        _say(output, _planned(planned), _planned_text(planned))
        return
    run = runs.queue(digest)
    view = _wait(runs, digest, run) if wait else runs.one(digest, run)
    if out is not None and view.state == "finished":
        _copy(settings, runs, view, out)
    _say(output, _seen(view, out), _seen_text(view, out))
    _require_finished(view)


@click.command("worker", epilog=example("matcher worker /srv/concord --processes 2"))
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option(
    "--processes", type=click.IntRange(1, 64), metavar="N",
    help="How many runs at a time; [worker] processes if not given, and 1 at least.",
)  # fmt: skip
def worker_command(folder: Path, processes: int | None) -> None:
    """Carry out the runs of the matcher in DIR until stopped, on this machine alone.

    'matcher serve' does so too, unless its [worker] processes are 0. Several may work at once, also
    on several machines if they share the database and the objects. One that is stopped, or killed,
    loses nothing: another goes on with its run.
    """
    from matcher.app.working import workers
    from matcher.config.loading import load_settings
    from matcher.logs.output import configure_logs
    from matcher.store.database import Database
    from matcher.store.migrating import require_current
    from matcher.worker.processes import StopSignal

    settings = load_settings(folder, os.environ, {})
    require_current(Database(settings.database_url))
    logging = settings.sections.logging
    configure_logs(logging.format, logging.level)
    stop = StopSignal()
    with workers(folder, {}, processes or max(settings.sections.worker.processes, 1)):
        stop.wait()


def _wait(runs: Runs, agreement: str, run: str) -> RunView:
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=None)
        while not (view := runs.one(agreement, run)).has_ended:
            now = view.progress
            total = now.total or None
            progress.update(task, description=now.stage, completed=now.done, total=total)
            time.sleep(_LOOK_SECONDS)
    return view


def _refuse_unusable(out: Path) -> None:
    """Say before the run, which may take hours, that its outcome can't be copied there."""
    if out.exists() or out.is_symlink():
        raise click.UsageError(f"{out} exists; name a folder to be made.")
    above = out.absolute().parent
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        raise click.UsageError(
            f"{out} can't be made: the folder {above} isn't there, or you may not write in it."
        )


def _copy(settings: Settings, runs: Runs, view: RunView, out: Path) -> None:
    from matcher.objects.opening import open_objects
    from matcher.runs.storing import fetch_run

    draft = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.absolute().parent))
    try:
        fetch_run(open_objects(settings), runs.outcome(view.agreement, view.id), draft)
        draft.rename(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _require_finished(view: RunView) -> None:
    """Raise for a run that has ended in another way; one that waits is as it should be."""
    from linkage.errors import LinkageError

    if view.state == "failed":
        raise LinkageError(f"The run {view.id} has failed. {view.reason}")
    if view.state == "cancelled":
        raise LinkageError(f"The run {view.id} was cancelled; queue another with 'matcher run'.")


def _planned(inputs: RunInputs) -> dict[str, Any]:
    return {"queued": False, "agencies": list(inputs.agencies), "rows": inputs.counts["rows"]}


def _planned_text(inputs: RunInputs) -> str:
    rows, agencies = inputs.counts["rows"], ", ".join(inputs.agencies)
    return f"{rows:,} rows of {agencies} would be linked"


def _seen(view: RunView, out: Path | None) -> dict[str, Any]:
    finished = out is not None and view.state == "finished"
    return {
        "run": view.id,
        "agreement": view.agreement,
        "round": view.round,
        "state": view.state,
        "reason": view.reason,
        "out": str(out) if finished else None,
    }


def _seen_text(view: RunView, out: Path | None) -> str:
    copied = f"; {out} has what came out" if out is not None and view.state == "finished" else ""
    return f"run {view.id} is {view.state}{copied}"


def _say(output: str, data: dict[str, Any], words: str) -> None:
    click.echo(json.dumps(data) if output == "json" else words)
