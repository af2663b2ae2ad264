"""``agency-client secret``: the linkage secret of an epoch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import click

from agency_client.cli.failures import say
from agency_client.cli.matcher_options import Desk, connected, desk_options, witness_quietly
from agency_client.cli.options import FILE, dry_run_option, format_option
from agency_client.doctor import library_versions
from agency_client.keystore.store import OpenKeystore
from agency_client.keystore.vault import has_secret, load_secret
from agency_client.linkage_secrets import (
    ANSWERS_SUFFIX,
    accept_secret,
    answers_of,
    answers_path,
    commitment_path,
    create_secret,
    read_signed_agreement,
    require_usable,
    sealed_path,
)
from agency_client.matcher_api.exchange import fetch_secret, fetch_signatures, send_secret
from agency_client.matcher_api.place import MatcherPlace
from agency_client.outputs import refuse_unusable, write_alone
from agency_client.signatures import files_beside
from agency_client.textfiles import read_text
from hashing.known_answers import known_answers
from hashing.secret import create_secret as create_secret_file
from linkage.errors import InputError
from linkage.protocol.agreement import Agreement, parse_agreement
from linkage.protocol.handshake import (
    Answers,
    Handshake,
    compare_answers,
    require_same_answers,
    verify_answers,
)
from linkage.protocol.replies import RoundState
from linkage.protocol.secret_messages import verify_commitment

Output = Literal["text", "json"]
_agreement = click.option(
    "--agreement",
    required=True,
    type=FILE,
    help="The agreement, with its signatures beside it.",
)
_round = click.option(
    "--round",
    "round_number",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Which round of linking the answers are for.",
)

_EXAMPLE = """\b
Example:
  agency-client secret create --out secret.key
  agency-client secret create --agreement agreement.toml
  agency-client secret accept --agreement agreement.toml
"""


@click.group(epilog=_EXAMPLE)
def secret() -> None:
    """Make the linkage secret that the agencies of a project share, or accept it."""


@secret.command(
    epilog="\b\nExample:\n  agency-client secret create --out secret.key\n"
    "  agency-client secret create --agreement agreement.toml"
)
@click.option("--out", type=FILE, help="For an offline trial: new file for the secret.")
@click.option("--agreement", type=FILE, help="The agreement, with its signatures beside it.")
@desk_options
@dry_run_option
@format_option
def create(
    *,
    out: Path | None,
    agreement: Path | None,
    desk: Desk,
    dry_run: bool,
    output: Output,
) -> None:
    """Make a new secret: for an agreement in force, or, with --out, for an offline trial.

    One agency makes it. With --agreement it stays in your keystore, and beside the agreement are
    written the secret sealed to each other agency, which nobody else can open, and your signed
    commitment to it: send them those. With --out it is a file that only you can read: hand it to
    the other agencies, never to the matcher, since whoever has it can test who is behind an
    encoding.
    """
    if (out is None) == (agreement is None):
        raise click.UsageError("give either --agreement or --out")
    if out is not None:
        _create_file(out, dry_run, output)
        return
    assert agreement is not None
    place, store = desk.place(), desk.opened()
    agreed = _agreed(agreement, None if dry_run else place, store)
    if dry_run:
        others = [name for name in agreed.names("agency") if name != store.identity.name]
        what = "seal the secret again" if has_secret(store, agreed) else "make a secret"
        say(f"would {what} for {', '.join(others)}; nothing was written.")
        return
    made = create_secret(store, agreed, agreement)
    own = agreed.agreement
    if output == "json":
        files = {name: str(path) for name, path in made.sealed.items()}
        outcome = {"epoch": own.epoch, "drawn": made.drawn, "sealed": files}
        outcome |= {"commitment": made.commitment, "commitment_file": str(made.commitment_file)}
        click.echo(json.dumps(outcome))
    else:
        click.echo(f"secret of epoch {own.epoch} {'made' if made.drawn else 'sealed again'}")
        click.echo("\n".join(str(path) for path in (made.commitment_file, *made.sealed.values())))
    if place is None:
        say(f"send these files to {', '.join(made.sealed)}; each can open its own alone.")
        return
    with connected(place, store) as api:
        sent = send_secret(api, agreed, made)
        say(f"handed in at {place.url} for {', '.join(sent) or 'nobody anew'}.")
        witness_quietly(api)


def _agreed(agreement: Path, place: MatcherPlace | None, store: OpenKeystore) -> Agreement:
    """Return the agreement if it is in force, with signatures that a matcher has."""
    if place is not None:
        with connected(place, store) as api:
            fetch_signatures(api, parse_agreement(read_text(agreement), agreement.name), agreement)
    return read_signed_agreement(agreement)


def _create_file(out: Path, dry_run: bool, output: Output) -> None:
    refuse_unusable((out,), ())
    if dry_run:
        say(f"would write a new secret to {out}; nothing was written.")
        return
    create_secret_file(out)
    if output == "json":
        click.echo(json.dumps({"out": str(out)}))
    say(f"wrote a new secret to {out}; give it to the other agencies, never to the matcher.")


@secret.command(epilog="\b\nExample:\n  agency-client secret accept --agreement agreement.toml")
@click.argument("sealed", type=FILE, required=False)
@_agreement
@click.option("--commitment", type=FILE, help="The signed commitment; beside it unless given.")
@desk_options
@dry_run_option
@format_option
def accept(
    *,
    sealed: Path | None,
    agreement: Path,
    commitment: Path | None,
    desk: Desk,
    dry_run: bool,
    output: Output,
) -> None:
    """Open the secret that was SEALED to you, check it, and keep it in your keystore.

    It is looked for beside the agreement unless given; with --matcher it is first fetched from
    there. It is refused unless it is the one that its maker committed to.
    """
    store, place = desk.opened(), desk.place() if sealed is None else None
    agreed = _agreed(agreement, None if dry_run else place, store)
    with _fetched(agreement, agreed, place, store, write=not dry_run) as beside:
        path = sealed or sealed_path(beside, store.identity.name)
        promised = commitment or commitment_path(beside)
        record = accept_secret(store, agreed, path, promised, write=not dry_run)
    if dry_run:
        say("it opens and is the one promised; nothing was written.")
    if output == "json":
        click.echo(json.dumps(asdict(record)))
    else:
        click.echo(f"secret of epoch {record.epoch}, made by {record.creator}")


@contextmanager
def _fetched(
    agreement: Path,
    agreed: Agreement,
    place: MatcherPlace | None,
    store: OpenKeystore,
    *,
    write: bool,
) -> Iterator[Path]:
    """Give the file beside which the secret lies: the agreement, or one that is soon gone."""
    if place is None:
        yield agreement
        return
    with TemporaryDirectory() as folder, connected(place, store) as api:
        beside = agreement if write else Path(folder) / agreement.name
        fetch_secret(api, agreed, beside, store.identity.name)
        yield beside


@secret.command(epilog="\b\nExample:\n  agency-client secret status --agreement agreement.toml")
@_agreement
@desk_options
@format_option
def status(*, agreement: Path, desk: Desk, output: Output) -> None:
    """Say whose secret you hold for the agreement's epoch, and its known answers to read out.

    Exit code 1 where you hold none.
    """
    store = desk.opened()
    agreed = _agreed(agreement, desk.place(), store)
    require_usable(store, agreed)
    stored = load_secret(store, agreed)
    with stored.lent() as lent:
        found = known_answers(agreed.scheme, lent)
    outcome = asdict(stored.record) | {
        "known_answers": found.digest,
        "known_answers_short": found.short,
        "scheme_digest": found.scheme_digest,
    }
    if output == "json":
        click.echo(json.dumps(outcome))
        return
    record = stored.record
    click.echo(f"{record.agreement_id}, epoch {record.epoch}: made by {record.creator}")
    click.echo(f"commitment     {record.commitment[:32]}")
    click.echo(f"scheme         {found.scheme_digest[:16]}")
    click.echo(f"known answers  {found.short}")


@secret.command(epilog="\b\nExample:\n  agency-client secret answers --agreement agreement.toml")
@_agreement
@_round
@desk_options
@click.option("--out", type=FILE, help="File for the answers; beside the agreement unless given.")
@dry_run_option
@format_option
def answers(
    *,
    agreement: Path,
    round_number: int,
    desk: Desk,
    out: Path | None,
    dry_run: bool,
    output: Output,
) -> None:
    """Encode the fictional list under your secret and sign what came out, before a round.

    Send the file to the other agencies: it gives nothing away, and 'secret compare' tells from
    everybody's whether all would set the same bits. With --matcher it is also handed in there; the
    round opens when everybody's are alike. Exit code 3 if somebody's differ.
    """
    place, store = desk.place(), desk.opened()
    agreed = _agreed(agreement, None if dry_run else place, store)
    path = out or answers_path(agreement, store.identity.name)
    refuse_unusable((path,), (agreement,))
    content = answers_of(store, agreed, round_number, library_versions())
    if dry_run:
        say(f"would write {path}; nothing was written.")
        return
    write_alone(path, content)
    outcome = {"agency": store.identity.name, "round": round_number, "out": str(path)}
    if output == "json":
        click.echo(json.dumps(outcome))
    else:
        click.echo(f"answers of {store.identity.name}: {path}")
    if place is None:
        return
    with connected(place, store) as api:
        found = api.answer(agreed.digest(), round_number, content)
        witness_quietly(api)
    say(f"handed in at {place.url}; {_round_text(found)}.")
    if found.different:
        require_same_answers(Handshake(found.different, found.missing))


@secret.command(epilog="\b\nExample:\n  agency-client secret compare --agreement agreement.toml")
@click.argument("files", type=FILE, nargs=-1)
@_agreement
@_round
@desk_options
@format_option
def compare(
    *, files: tuple[Path, ...], agreement: Path, round_number: int, desk: Desk, output: Output
) -> None:
    """Compare everybody's answers, and name who has another secret, scheme or standardisation.

    FILES are those beside the agreement unless given; with --matcher it says how those compare
    that came there. Exit code 3 where somebody differs, 75 while answers are missing.
    """
    place = None if files else desk.place()
    if place is None:
        agreed = read_signed_agreement(agreement)
        beside = files_beside(agreement, ANSWERS_SUFFIX)
        found = _compared(agreed, agreement, files or beside, round_number)
    else:
        store = desk.opened()
        agreed = _agreed(agreement, place, store)
        with connected(place, store) as api:
            state = api.round_state(agreed.digest(), round_number)
        found = Handshake(state.different, state.missing)
    if output == "json":
        click.echo(json.dumps(asdict(found)))
    require_same_answers(found)
    if output == "text":
        click.echo("all agencies would set the same bits")


def _round_text(found: RoundState) -> str:
    if found.opened is not None:
        return f"all agencies' are alike, and round {found.round} is open"
    if found.missing:
        return f"those of {', '.join(found.missing)} are missing"
    return "they differ"


def _compared(
    agreed: Agreement, agreement: Path, files: Iterable[Path], round_number: int
) -> Handshake:
    given: dict[str, Answers] = {}
    for path in files:
        name, own = verify_answers(path.read_bytes(), path.name, agreed, round_number)
        if given.setdefault(name, own) != own:
            raise InputError(f"There are two different answers of {name!r}; keep the newer file.")
    commitment = None
    promised = commitment_path(agreement)
    if promised.exists():
        _, commitment = verify_commitment(promised.read_bytes(), promised.name, agreed)
    return compare_answers(agreed, given, commitment)
