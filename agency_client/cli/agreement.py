"""``agency-client agreement``: write, understand, sign and follow an agreement."""

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import click

from agency_client.agreement_templates import TEMPLATES, new_agreement
from agency_client.agreement_words import agreement_in_words
from agency_client.cli.failures import say
from agency_client.cli.matcher_options import Desk, connected, desk_options, witness_quietly
from agency_client.cli.options import FILE, dry_run_option, format_option
from agency_client.matcher_api.exchange import fetch_signatures
from agency_client.outputs import refuse_unusable, write_alone
from agency_client.signatures import signature_path, signatures_of
from agency_client.textfiles import read_text
from linkage.errors import PolicyError, VerificationError
from linkage.protocol.agreement import Agreement, parse_agreement
from linkage.protocol.binding import require_successor, unsettled
from linkage.protocol.cards import parse_card
from linkage.protocol.differences import Difference, differences
from linkage.protocol.keys import PublicIdentity
from linkage.protocol.sections.party import Role
from linkage.protocol.standing import Standing, require_in_force, sign_agreement, standing

Output = Literal["text", "json"]
_WIDTH = 96
_ROLES: tuple[Role, ...] = ("agency", "matcher", "analyst", "recipient", "dpo")

_EXAMPLE = """\b
Example:
  agency-client agreement new --template safeguarding-uk --id safeguarding-2026 \\
      --agency police.card.toml --agency care.card.toml --out agreement.toml
  agency-client agreement check agreement.toml
  agency-client agreement sign agreement.toml
  agency-client agreement status agreement.toml
"""


@click.group(epilog=_EXAMPLE)
def agreement() -> None:
    """Write an agreement, understand it, sign it, and see whether it is in force."""


def _card_options(command: Any) -> Any:
    for role in reversed(_ROLES):
        article = "an" if role[0] == "a" else "a"
        command = click.option(
            f"--{role}", role, type=FILE, multiple=True, help=f"Card of {article} {role}; again."
        )(command)
    return command


@agreement.command(
    epilog="\b\nExample:\n  agency-client agreement new --template generic --id trial "
    "--agency police.card.toml --out agreement.toml"
)
@click.option("--template", type=click.Choice(TEMPLATES), required=True, help="What to start from.")
@click.option("--id", "identifier", required=True, help="The agreement's id, such as 'trial-1'.")
@_card_options
@click.option("--out", required=True, type=FILE, help="New file for the agreement (TOML).")
@dry_run_option
def new(
    *, template: str, identifier: str, out: Path, dry_run: bool, **cards: tuple[Path, ...]
) -> None:
    """Write a whole agreement with comments, to be edited.

    Parties come from their cards; compare each card's fingerprint with its owner first. A role
    without a card is filled with a name to be replaced.
    """
    if out.exists():
        raise PolicyError(f"{out} exists already; choose another name.")
    refuse_unusable((out,), ())
    today = datetime.now(UTC).date()
    text = new_agreement(template, identifier, _parties(cards), today)
    parse_agreement(text, out.name)
    if dry_run:
        say(f"would write {out}; nothing was written.")
        return
    write_alone(out, text.encode("utf-8"))
    say(f"wrote {out}; edit it, then run 'agency-client agreement check {out}'.")


def _parties(cards: dict[str, tuple[Path, ...]]) -> list[tuple[Role, PublicIdentity]]:
    return [
        (role, parse_card(read_text(path), path.name)) for role in _ROLES for path in cards[role]
    ]


@agreement.command(
    epilog="\b\nExample:\n  agency-client agreement check new.toml --previous agreement.toml"
)
@click.argument("file", type=FILE)
@click.option("--previous", type=FILE, help="The version before: show what differs.")
@format_option
@click.pass_context
def check(ctx: click.Context, *, file: Path, previous: Path | None, output: Output) -> None:
    """Say in words what the agreement in FILE allows, and what is left to settle.

    Exit code 3 while something has to be settled before people can sign.
    """
    agreed = _read(file)
    before = _read(previous) if previous else None
    changes = differences(before, agreed) if before else []
    faults = unsettled(agreed)
    if before is not None:
        faults += _succession(agreed, before)
    if output == "json":
        click.echo(
            json.dumps(
                _identified(agreed)
                | {
                    "words": agreement_in_words(agreed),
                    "unsettled": faults,
                    "differences": [asdict(change) for change in changes],
                }
            )
        )
    else:
        click.echo(_in_words(agreed) + _changes(changes, before is not None))
    for fault in faults:
        say(fault)
    if faults:
        ctx.exit(VerificationError.exit_code)
    say("everything is settled; every party can sign it.")


@agreement.command(epilog="\b\nExample:\n  agency-client agreement show agreement.toml")
@click.argument("file", type=FILE)
@click.option("--canonical", is_flag=True, help="Show the bytes that are signed instead.")
@format_option
def show(*, file: Path, canonical: bool, output: Output) -> None:
    """Show the agreement in FILE: its digest, its parties' fingerprints, and what it allows."""
    agreed = _read(file)
    if canonical:
        click.echo(agreed.content(), nl=False)
    elif output == "json":
        click.echo(json.dumps(_identified(agreed) | {"words": agreement_in_words(agreed)}))
    else:
        click.echo(_in_words(agreed))


@agreement.command(epilog="\b\nExample:\n  agency-client agreement sign agreement.toml")
@click.argument("file", type=FILE)
@desk_options
@click.option("--out", type=FILE, help="File for the signature; beside FILE unless given.")
@click.option("--yes", is_flag=True, help="Sign without being asked once more.")
@dry_run_option
@format_option
def sign(
    *,
    file: Path,
    desk: Desk,
    out: Path | None,
    yes: bool,
    dry_run: bool,
    output: Output,
) -> None:
    """Sign the agreement in FILE with your key.

    What is signed is the agreement's canonical form, of which the digest is shown: compare it with
    the other parties'. Send the file of the signature to all of them; with --matcher it is also
    handed in there, where they find it.
    """
    agreed = _read(file)
    place, store = desk.place(), desk.opened()
    own = store.identity
    signature = sign_agreement(agreed, own)
    path = out or signature_path(file, own.name)
    refuse_unusable((path,), (file,))
    say(f"{agreed.agreement.title!r}, digest {agreed.digest()}.")
    if dry_run:
        say(f"would sign as {own.name} and write {path}; nothing was written.")
        return
    if not yes:
        click.confirm(f"Sign it as {own.name}?", abort=True, err=True)
    write_alone(path, signature)
    if place is not None:
        with connected(place, store) as api:
            api.sign(agreed.digest(), own.name, signature)
            say(f"handed in at {place.url}.")
            witness_quietly(api)
    outcome = _identified(agreed) | {"signer": own.name, "out": str(path)}
    click.echo(json.dumps(outcome) if output == "json" else f"signed by {own.name}: {path}")


@agreement.command(epilog="\b\nExample:\n  agency-client agreement status agreement.toml")
@click.argument("file", type=FILE)
@click.argument("signatures", type=FILE, nargs=-1)
@click.option("--successor", type=FILE, help="A later version, with its signatures beside it.")
@desk_options
@format_option
def status(
    *,
    file: Path,
    signatures: tuple[Path, ...],
    successor: Path | None,
    desk: Desk,
    output: Output,
) -> None:
    """Say who has signed the agreement in FILE, and whether it is in force today.

    SIGNATURES are the files of 'agreement sign'; those beside FILE unless given. With --matcher,
    those that have come there since are first put beside FILE. Exit code 75 while a signature or
    the first day is to come, 4 when it has ended or was replaced.
    """
    agreed = _read(file)
    place = None if signatures else desk.place()
    if place is not None:
        with connected(place, desk.opened()) as api:
            fetched = fetch_signatures(api, agreed, file)
            say(f"fetched from {place.url}: {', '.join(fetched) or 'nothing new'}.")
    found = _standing(agreed, signatures_of(file, signatures), successor)
    if output == "json":
        click.echo(json.dumps(_identified(agreed) | asdict(found)))
    else:
        click.echo(_standing_text(agreed, found))
    require_in_force(agreed, found)


def _standing(agreed: Agreement, signed: dict[str, bytes], successor: Path | None) -> Standing:
    today = datetime.now(UTC).date()
    later = None
    if successor is not None:
        later = _read(successor)
        require_successor(later, agreed)
        of_later = standing(later, signatures_of(successor, ()), today)
        if of_later.state != "in force":
            say(f"{successor.name} isn't in force itself ({of_later.state}).")
            later = None
    return standing(agreed, signed, today, later)


def _read(file: Path) -> Agreement:
    return parse_agreement(read_text(file), file.name)


def _succession(agreed: Agreement, before: Agreement) -> list[str]:
    try:
        require_successor(agreed, before)
    except PolicyError as error:
        return [str(error)]
    return []


def _identified(agreed: Agreement) -> dict[str, Any]:
    terms = agreed.agreement
    return {
        "id": terms.id,
        "version": terms.version,
        "epoch": terms.epoch,
        "digest": agreed.digest(),
        "scheme_digest": agreed.scheme.digest(),
    }


def _in_words(agreed: Agreement) -> str:
    lines = [f"digest  {agreed.digest()}"]
    for heading, sentences in agreement_in_words(agreed).items():
        lines += ["", heading]
        for sentence in sentences:
            lines += textwrap.wrap(
                sentence,
                _WIDTH,
                initial_indent="  ",
                subsequent_indent="    ",
                break_on_hyphens=False,
            )
    return "\n".join(lines)


def _changes(changes: list[Difference], compared: bool) -> str:
    if not compared:
        return ""
    lines = ["", "", f"What differs from the version before ({len(changes)})"]
    for change in changes:
        before, after = change.before or "not set", change.after or "not set"
        lines.append(f"  {change.place}: {before} → {after}")
    return "\n".join(lines)


def _standing_text(agreed: Agreement, found: Standing) -> str:
    terms = agreed.agreement
    lines = [
        f"{terms.id} version {terms.version}, epoch {terms.epoch}: {found.state}",
        f"digest   {found.digest}",
    ]
    if terms.starts and terms.ends:
        lines.append(f"holds    {terms.starts} to {terms.ends}")
    lines.append(f"signed   {', '.join(found.signed) or 'by nobody'}")
    if found.missing:
        lines.append(f"missing  {', '.join(found.missing)}")
    return "\n".join(lines)
