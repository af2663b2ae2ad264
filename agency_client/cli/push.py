"""``agency-client push``: encodings to the matcher, payload to analysts, and the receipts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from agency_client.cli.failures import say
from agency_client.cli.matcher_options import (
    Desk,
    agreement_option,
    connected,
    desk_options,
    witness_quietly,
)
from agency_client.cli.options import FILE, dry_run_option, format_option
from agency_client.cli.push_payload import (
    PayloadDesk,
    checked_payload,
    payload_options,
    push_payload,
    show_payload,
)
from agency_client.keystore.pins import remember
from agency_client.linkage_secrets import read_signed_agreement, require_usable
from agency_client.matcher_api.exchange import fetch_signatures
from agency_client.outputs import refuse_unusable
from agency_client.textfiles import read_text
from agency_client.uploads.file import SendableFile, look_at
from agency_client.uploads.receipts import keep_receipt, receipt_path
from linkage.errors import NotReadyError
from linkage.protocol.agreement import Agreement, parse_agreement

if TYPE_CHECKING:
    from agency_client.keystore.store import OpenKeystore
    from agency_client.matcher_api.api import MatcherApi
    from agency_client.payload.pushing import PushedPayload
    from agency_client.uploads.progress import Shown
    from linkage.receipts import VerifiedReceipt

_EXAMPLE = """\b
Example:
  agency-client push police.arrow --agreement agreement.toml --matcher https://matcher.example
  agency-client push police.arrow --agreement agreement.toml --map police.map.parquet \\
      --attributes children.csv --events missing.csv --events arrests.csv
"""


@dataclass(frozen=True)
class _Errand:
    """What is to be pushed, by whom, under which agreement and into which round."""

    agreement: Agreement
    store: OpenKeystore
    file: SendableFile
    round: int

    def outcome(self) -> dict[str, Any]:
        """Return what is told of it either way."""
        return {
            "agreement": self.agreement.digest(),
            "round": self.round,
            "rows": self.file.rows,
            "size": self.file.size,
            "sha256": self.file.sha256,
            "leakage": self.file.leakage.verdict if self.file.leakage else None,
            "receipt": str(receipt_path(self.file.path)),
        }


@click.command(epilog=_EXAMPLE)
@click.argument("file", type=FILE)
@agreement_option
@click.option(
    "--round",
    "round_number",
    type=click.IntRange(min=1),
    help="Round of linking; the newest that is open unless given.",
)
@payload_options
@desk_options
@dry_run_option
@format_option
def push(
    *,
    file: Path,
    agreement: Path,
    round_number: int | None,
    payload: PayloadDesk,
    desk: Desk,
    dry_run: bool,
    output: Literal["text", "json"],
) -> None:
    """Push the encodings in FILE to the matcher, as this agency's upload of a round.

    One upload is committed per round. If the connection breaks, it goes on from the last part that
    has arrived; the same holds if you run the command again. The receipt, FILE.receipt, proves that
    the matcher's log holds what you have sent. Exit code 75 while the agreement isn't in force or
    no round is open, 3 where the file is found damaged or not to fit, 4 where a rule forbids it.

    The leakage report in JSON has to lie beside FILE, as 'encode' has written it: its verdict, what
    each attack recovered and its digest go with the upload, signed, to the matcher and to data
    protection officers. Files that were encoded without a report go without.

    With --attributes, --events or --associations, payload for analysts goes after it: with the same
    command, or later with one that adds them. It is checked row by row against the agreement's
    [payload] before anything is sent, made coarse on your machine, and sealed to each analyst, so
    that the matcher can't read it. One payload is committed per round: give all of it at once.
    """
    from agency_client.uploads.progress import shown

    place, store = desk.matcher_place(), desk.opened()
    refuse_unusable((receipt_path(file),), (file, agreement, *payload.files.paths))
    with connected(place, store) as api, shown(file.stat().st_size, say) as progress:
        agreed = _agreed(api, agreement, store, fetch=not dry_run)
        looked_at = look_at(file, agreed, store.identity.name, progress.step("reading"))
        errand = _Errand(agreed, store, looked_at, round_number or _newest_round(api, agreed))
        prepared = checked_payload(payload, agreed, file)
        if dry_run:
            say(f"would push {file} in round {errand.round}; nothing was sent.")
            _tell_unsent(errand, show_payload(prepared, agreed, output), output)
            return
        upload, verified = _sent(errand, api, progress)
        pushed = push_payload(prepared, api, store, agreed, errand.round, file)
        witness_quietly(api)
    _tell(errand, upload, verified, pushed, output)


def _agreed(api: MatcherApi, file: Path, store: OpenKeystore, *, fetch: bool) -> Agreement:
    """Return the agreement, in force here and the newest that this keystore knows."""
    if fetch:
        fetch_signatures(api, parse_agreement(read_text(file), file.name), file)
    agreed = read_signed_agreement(file)
    require_usable(store, agreed)
    return agreed


def _newest_round(api: MatcherApi, agreed: Agreement) -> int:
    opened = [one.round for one in api.rounds(agreed.digest()).rounds]
    if not opened:
        raise NotReadyError(
            "No round is open yet: every agency hands in its answers with 'agency-client secret "
            "answers', and they have to be alike."
        )
    return max(opened)


def _sent(errand: _Errand, api: MatcherApi, progress: Shown) -> tuple[str, VerifiedReceipt]:
    from agency_client.uploads.live import LiveMatcher
    from agency_client.uploads.pushing import Push

    own, matcher = errand.store.identity, LiveMatcher(api.connection)
    remember(errand.store, errand.agreement)
    watcher = progress.watcher()
    done = Push(matcher, errand.agreement, own, errand.file, errand.round, watcher).run()
    log = api.connection.place.log_key
    verified = keep_receipt(done.receipt, errand.file, errand.agreement, own.name, matcher, log)
    return done.upload, verified


def _tell_unsent(errand: _Errand, payload: dict[str, Any], output: str) -> None:
    if output == "json":
        click.echo(json.dumps(errand.outcome() | payload))
        return
    click.echo("nothing was sent")


def _tell(
    errand: _Errand,
    upload: str,
    verified: VerifiedReceipt,
    pushed: list[PushedPayload],
    output: str,
) -> None:
    if output == "json":
        told = {"upload": upload, "log_size": verified.checkpoint.size}
        payload = [asdict(own) | {"receipt": str(own.receipt)} for own in pushed]
        click.echo(json.dumps(errand.outcome() | told | {"payload": payload}))
        return
    click.echo(
        f"committed in round {errand.round}: {errand.file.rows:,} rows, "
        f"{errand.file.size:,} bytes\n"
        f"leakage report: {_leakage(errand.file)}\n"
        f"receipt: {receipt_path(errand.file.path)}, verified against the matcher's log"
    )
    for own in pushed:
        done = "was committed before" if own.before else "committed"
        click.echo(f"payload for {own.analyst} {done}: {own.pieces:,} pieces of 1 MiB, sealed")
        click.echo(f"receipt: {own.receipt}, verified against the matcher's log")


def _leakage(file: SendableFile) -> str:
    if file.leakage is None:
        return "none came with the file"
    return f"{file.leakage.verdict}, which the upload tells with the digest of the report"
