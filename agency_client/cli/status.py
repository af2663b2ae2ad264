"""``agency-client status``: how far linking has come under an agreement."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from agency_client.cli.matcher_options import Desk, connected, desk_options
from agency_client.cli.options import FILE, format_option
from agency_client.textfiles import read_text
from linkage.protocol.agreement import parse_agreement

if TYPE_CHECKING:
    from agency_client.uploads.standing import Progress

_EXAMPLE = """\b
Example:
  agency-client status --agreement agreement.toml --matcher https://matcher.example
"""


@click.command(epilog=_EXAMPLE)
@click.option("--agreement", required=True, type=FILE, help="The agreement.")
@desk_options
@format_option
def status(*, agreement: Path, desk: Desk, output: Literal["text", "json"]) -> None:
    """Say where the agreement stands at the matcher, and whether the newest round has finished.

    That is all there is to see: nobody is told which of their records others hold. Exit code 0 once
    the newest round has finished with your upload in it, 75 before. If you have pushed nothing in a
    later round, your upload from before is the one that is linked.
    """
    from agency_client.uploads.standing import read_progress

    place, store = desk.matcher_place(), desk.opened()
    agreed = parse_agreement(read_text(agreement), agreement.name)
    with connected(place, store) as api:
        found = read_progress(api, agreed.digest())
    click.echo(json.dumps(_members(found)) if output == "json" else _text(found))
    found.require_finished()


def _members(found: Progress) -> dict[str, Any]:
    upload, run = found.upload, found.run
    return {
        "agreement": found.entry.digest,
        "state": found.entry.state,
        "round": found.round or None,
        "upload": upload and {"id": upload.id, "state": upload.state, "reason": upload.reason},
        "run": run and {"id": run.id, "state": run.state},
        "finished": not found.waits_for,
    }


def _text(found: Progress) -> str:
    entry, run = found.entry, found.run
    lines = [f"agreement  {entry.id}, version {entry.version}: {entry.state}"]
    if found.round:
        lines.append(f"round      {found.round}")
        lines.append(f"upload     {_upload_text(found)}")
        lines.append(f"run        {run.state if run else 'none yet'}")
    return "\n".join(lines)


def _upload_text(found: Progress) -> str:
    upload = found.upload
    if upload is None:
        return "none in this round" if found.round > 1 else "none yet"
    if upload.state == "refused":
        return f"refused: {upload.reason}"
    if upload.state == "open":
        there = len(upload.received)
        return f"begun, {there:,} of {there + len(upload.missing):,} parts are there"
    return upload.state
