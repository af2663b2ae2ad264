"""``agency-client identity``: the card to hand over, and whose a card is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import click

from agency_client.cli.failures import say
from agency_client.cli.keystore_options import keystore_options, opened
from agency_client.cli.options import FILE, format_option
from agency_client.log_witness import witness_key
from agency_client.outputs import refuse_unusable, write_alone
from agency_client.textfiles import read_text
from linkage.protocol.cards import card_toml, parse_card
from linkage.protocol.keys import PublicIdentity

_EXAMPLE = """\b
Example:
  agency-client identity --out police.card.toml
  agency-client identity --of care.card.toml
"""


@click.command(epilog=_EXAMPLE)
@keystore_options
@click.option("--out", type=FILE, help="Write your card here, to hand over.")
@click.option("--of", "card", type=FILE, help="Instead: show whose card this is; needs no keys.")
@format_option
def identity(
    *,
    keystore: Path,
    passphrase_file: Path | None,
    out: Path | None,
    card: Path | None,
    output: Literal["text", "json"],
) -> None:
    """Show your card: your name and public keys, and their fingerprint.

    Whoever writes the agreement needs everybody's card. A card proves nothing by itself: read the
    fingerprint out to each other on the phone, the owner from his own screen and you from --of.
    """
    if card is not None and out is not None:
        raise click.UsageError("give either --of or --out")
    if out is not None:
        refuse_unusable((out,), ())
    if card is not None:
        public = parse_card(read_text(card), card.name)
    else:
        public = opened(keystore, passphrase_file).identity.public
    if out is not None:
        write_alone(out, card_toml(public).encode("utf-8"))
        say(f"wrote the card of {public.name} to {out}.")
    click.echo(_as_json(public) if output == "json" else _as_text(public, whole=out is None))


def _as_json(public: PublicIdentity) -> str:
    return json.dumps(
        {
            "name": public.name,
            "fingerprint": public.fingerprint,
            "signing_key": str(public.signing_key),
            "sealing_key": str(public.sealing_key),
            "witness_key": str(witness_key(public)),
        }
    )


def _as_text(public: PublicIdentity, *, whole: bool) -> str:
    lines = (
        f"name         {public.name}\nfingerprint  {public.fingerprint}\n"
        f"witness key  {witness_key(public)}"
    )
    return f"{lines}\n\n{card_toml(public)}".rstrip() if whole else lines
