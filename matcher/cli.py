"""The ``matcher`` command: link encodings and measure the outcome, without a server."""

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

if TYPE_CHECKING:
    from matcher.runs.run import Run

# The commands import what they run: help and refusals needn't wait for a compiler to load.

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FORMAT = click.Choice(["text", "json"])


@click.group()
@click.version_option(package_name="concord-linkage")
def cli() -> None:
    """Link the encodings of several agencies without seeing a name."""


@cli.command("link")
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option("--agreement", required=True, type=_FILE, help="The agreement, in TOML.")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Folder for the run; made new."
)
@click.option("--format", "output", type=_FORMAT, default="text", help="What stdout gets.")
def link_command(files: tuple[Path, ...], agreement: Path, out: Path, output: str) -> None:
    r"""Link the FILES that the agencies encoded, one per agency.

    Writes links.parquet, clusters.parquet, model.json and report.html.

    \b
    Example:
      matcher link police.arrow care.arrow --agreement agreement.toml --out run/
    """
    from matcher.runs.inputs import read_agreement
    from matcher.runs.outputs import refuse_foreign_folder

    agreed = read_agreement(agreement)
    refuse_foreign_folder(out)
    from matcher.runs.run import link_files

    with _progress() as progress:
        task = progress.add_task("comparing every pair", total=None)
        run = link_files(
            list(files),
            agreed,
            out,
            lambda done, total: progress.update(task, completed=done, total=total),
        )
    click.echo(json.dumps(_summary(run, out)) if output == "json" else _summary_text(run, out))


@cli.command("evaluate")
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--truth", required=True, type=_FILE, help="CSV: agency, record_id, entity_id.")
@click.option(
    "--map", "maps", multiple=True, required=True, metavar="AGENCY=FILE",
    help="The map an agency wrote when it encoded; once per agency.",
)  # fmt: skip
@click.option("--format", "output", type=_FORMAT, default="json", help="What stdout gets.")
def evaluate_command(run: Path, truth: Path, maps: tuple[str, ...], output: str) -> None:
    r"""Measure the RUN against a known truth.

    Precision, recall and F1 with 95% confidence intervals: over all, by pair of agencies, and by
    each further column of the truth (sex, ethnicity, ...), whose values are subgroups.

    \b
    Example:
      matcher evaluate run/ --truth truth.csv --map police=police.map.parquet \\
          --map care=care.map.parquet
    """
    from matcher.runs.evaluate import evaluate
    from matcher.runs.evaluation_text import evaluation_text

    result = evaluate(run, truth, dict(_parse_map(text) for text in maps))
    click.echo(json.dumps(result, indent=2) if output == "json" else evaluation_text(result))


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
