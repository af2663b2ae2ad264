"""The ``matcher`` command: link encodings and measure the outcome, and keep a matcher's log."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import Progress

from linkage.errors import LinkageError
from matcher.cli.backups import backup_command, restore_command
from matcher.cli.options import example
from matcher.cli.purging import purge_command
from matcher.cli.reporting import report_command
from matcher.cli.runs import run_command, worker_command
from matcher.cli.service import (
    identity_command,
    init_command,
    migrate_command,
    verify_log_command,
)
from matcher.cli.serving import admit_command, serve_command

if TYPE_CHECKING:
    from collections.abc import Callable

    from matcher.runs.run import Run, Stage

# The commands import what they run: help and refusals needn't wait for a compiler to load.

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_RUN = click.Path(exists=True, file_okay=False, path_type=Path)
_FORMAT = click.Choice(["text", "json"])


@click.group()
@click.version_option(package_name="concord-linkage")
def cli() -> None:
    """Link the encodings of several agencies without seeing a name."""


@cli.command(
    "link",
    epilog=example(
        "matcher link police.arrow care.arrow --agreement agreement.toml --out run/",
        "matcher link police.arrow care.arrow school.arrow --onto run/ \\",
        "    --agreement agreement.toml --out next/",
    ),
)
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option("--agreement", required=True, type=_FILE, help="The agreement, in TOML.")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Folder for the run; made new."
)
@click.option(
    "--onto", type=_RUN, metavar="RUN",
    help="An earlier run: pairs of files that it compared aren't compared again, cluster ids live "
    "on, and what was erased stays erased. Give all files, the earlier ones too.",
)  # fmt: skip
@click.option("--format", "output", type=_FORMAT, default="text", help="What stdout gets.")
def link_command(
    files: tuple[Path, ...], agreement: Path, out: Path, onto: Path | None, output: str
) -> None:
    """Link the FILES that the agencies encoded, one per agency.

    Writes links.parquet, clusters.parquet, model.json and report.html, and what later runs build
    on: evidence.parquet and the folder scans. With --onto also lineage.parquet.
    """
    from matcher.app.files import read_agreement
    from matcher.runs.outputs import refuse_foreign_folder

    agreed = read_agreement(agreement)
    refuse_foreign_folder(out)
    from matcher.runs.run import link_files

    with _progress() as progress:
        run = link_files(list(files), agreed, out, _shown_on(progress), onto)
    if onto:
        click.echo(_reuse_text(run, onto), err=True)
    for line in _hashed_lines(run):
        click.echo(line, err=True)
    click.echo(json.dumps(_summary(run, out)) if output == "json" else _summary_text(run, out))


@cli.command("erase", epilog=example("matcher erase run/ --tokens leavers.csv --out run/"))
@click.argument("run", type=_RUN)
@click.option("--tokens", required=True, type=_FILE, help="CSV: agency, record_token.")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path),
    help="Folder for the run without them; the RUN itself will do.",
)  # fmt: skip
def erase_command(run: Path, tokens: Path, out: Path) -> None:
    """Erase records from a finished RUN, and what only they joined.

    Needs none of the agencies' files. Only clusters that held one of the records change;
    lineage.parquet says how. Later runs --onto the new folder leave the records out. Other copies
    of the RUN, and the agencies' files, still hold them.
    """
    from matcher.runs.outputs import refuse_foreign_folder

    refuse_foreign_folder(out)
    from matcher.runs.erasing import erase_records

    done = erase_records(run, tokens, out)
    click.echo(f"{done.records:,} records erased; {done.clusters:,} clusters changed")
    if out.resolve() != run.resolve():
        click.echo(f"matcher: {run} still holds them; delete it when {out} is in use", err=True)


@cli.command(
    "evaluate",
    epilog=example(
        "matcher evaluate run/ --truth truth.csv --map police=police.map.parquet \\",
        "    --map care=care.map.parquet",
    ),
)
@click.argument("run", type=_RUN)
@click.option("--truth", required=True, type=_FILE, help="CSV: agency, record_id, entity_id.")
@click.option(
    "--map", "maps", multiple=True, required=True, metavar="AGENCY=FILE",
    help="The map an agency wrote when it encoded; once per agency.",
)  # fmt: skip
@click.option("--format", "output", type=_FORMAT, default="json", help="What stdout gets.")
def evaluate_command(run: Path, truth: Path, maps: tuple[str, ...], output: str) -> None:
    """Measure the RUN against a known truth.

    Precision, recall and F1 with 95% confidence intervals: over all, by pair of agencies, and by
    each further column of the truth (sex, ethnicity, ...), whose values are subgroups.
    """
    from matcher.runs.evaluate import evaluate
    from matcher.runs.evaluation_text import evaluation_text

    result = evaluate(run, truth, dict(_parse_map(text) for text in maps))
    click.echo(json.dumps(result, indent=2) if output == "json" else evaluation_text(result))


for _command in (
    init_command,
    identity_command,
    migrate_command,
    verify_log_command,
    backup_command,
    restore_command,
    purge_command,
    report_command,
    admit_command,
    serve_command,
    run_command,
    worker_command,
):
    cli.add_command(_command)


def main() -> None:
    """Run the command; errors become one sentence on stderr and the exit code they carry."""
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        _fail("stopped", 130)
    except LinkageError as error:
        _fail(str(error), error.exit_code)
    except OSError as error:
        _fail(f"{error.filename or 'the system'}: {error.strerror or error}", 1)
    except Exception as error:  # the last line of defence against tracebacks
        if os.environ.get("CONCORD_DEBUG") == "1":
            raise
        _fail(f"an unexpected error ({type(error).__name__}); set CONCORD_DEBUG=1 for more", 1)


def _fail(sentence: str, exit_code: int) -> None:
    click.echo(f"matcher: {sentence}", err=True)
    sys.exit(exit_code)


def _progress() -> Progress:
    console = Console(stderr=True)
    return Progress(console=console, transient=True, disable=not console.is_terminal)


def _shown_on(progress: Progress) -> Callable[[Stage], None]:
    task = progress.add_task("", total=None)

    def show(stage: Stage) -> None:
        total = stage.total or None
        progress.update(task, description=stage.name, completed=stage.done, total=total)

    return show


def _parse_map(text: str) -> tuple[str, Path]:
    agency, equals, path = text.partition("=")
    if not (agency and equals and path):
        raise click.BadParameter(f"{text!r} is not AGENCY=FILE", param_hint="--map")
    return agency, Path(path)


def _summary(run: Run, out: Path) -> dict[str, object]:
    linkage = run.linkage
    return {
        "out": str(out),
        "agencies": {name: run.sources.size(s) for s, name in enumerate(run.sources.names)},
        "pairs_compared": linkage.histogram.total_pairs,
        "links": linkage.estimate.links,
        "for_review": len(linkage.links) - linkage.estimate.links,
        "people": len(linkage.clusters.sizes()),
        "people_in_several_agencies": int((linkage.clusters.sizes() > 1).sum()),
        "estimated": linkage.estimate.as_dict(),
        "report": str(out / "report.html"),
    }


def _hashed_lines(run: Run) -> list[str]:
    """Return a line for each pair of files of which not every pair was compared."""
    return [
        f"matcher: {one} × {other} are too large to compare every pair; hashing found "
        f"{found.found:,} of the {found.likely:,} likely pairs of {found.sampled:,} records that "
        "were compared with every other"
        for (one, other), found in run.hashed.items()
    ]


def _reuse_text(run: Run, onto: Path) -> str:
    agencies = len(run.sources.names)
    reused = ", ".join(f"{one} × {other}" for one, other in run.reused) or "none"
    return (
        f"matcher: {len(run.reused)} of {agencies * (agencies - 1) // 2} pairs of files were "
        f"compared in {onto} and are reused: {reused}"
    )


def _summary_text(run: Run, out: Path) -> str:
    linkage, sizes = run.linkage, run.linkage.clusters.sizes()
    return "\n".join(
        [
            f"{len(run.sources):,} records of {len(run.sources.names)} agencies, "
            f"{linkage.histogram.total_pairs:,} pairs compared",
            f"{linkage.estimate.links:,} links; {int((sizes > 1).sum()):,} people are known to "
            "two agencies or more",
            f"the model's own estimate: precision {linkage.estimate.precision:.3f}, "
            f"recall {linkage.estimate.recall:.3f}",
            f"report: {out / 'report.html'}",
        ]
    )
