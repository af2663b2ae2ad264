"""``agency-client console``: sign in to the matcher's console with a browser."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import click

from agency_client.cli.failures import say
from agency_client.cli.matcher_options import Desk, desk_options
from agency_client.cli.options import FILE, format_option
from agency_client.textfiles import read_text
from linkage.errors import UnavailableError
from linkage.protocol.agreement import parse_agreement

LINK_FILE = "console-link.html"
"""In the keystore's folder; what it holds is worth nothing two minutes later."""

_EXAMPLE = """\b
Example:
  agency-client console --agreement agreement.toml --reason "Quarterly audit"
  agency-client console --agreement agreement.toml --print
"""


@click.command(epilog=_EXAMPLE)
@click.option("--agreement", required=True, type=FILE, help="The agreement.")
@click.option(
    "--reason",
    metavar="WORDS",
    help="Why you look, for the log; if not given, what your role is there for.",
)
@click.option(
    "--print", "printed", is_flag=True, help="Print the link and leave opening it to you."
)
@desk_options
@format_option
def console(
    *,
    agreement: Path,
    reason: str | None,
    printed: bool,
    desk: Desk,
    output: Literal["text", "json"],
) -> None:
    """Sign in to your matcher's console, and open it in your browser.

    The link is signed with your keys, works once and for two minutes. The console shows what your
    role in the agreement may see; that you have looked, and why, stands in the log. Nothing is
    approved there: that takes your keys, and these stay here.
    """
    from agency_client.console import make_link, open_in_browser

    place, store = desk.matcher_place(), desk.opened()
    agreed = parse_agreement(read_text(agreement), agreement.name)
    now = int(datetime.now(UTC).timestamp())
    address = make_link(agreed, store.identity, place.url, now, reason)
    if printed:
        click.echo(json.dumps({"link": address}) if output == "json" else address)
        return
    if not open_in_browser(address, desk.keystore / LINK_FILE):
        raise UnavailableError("There is no browser to be opened here; use --print.")
    say("the console opens in your browser; if it can't read the page, use --print.")
    if output == "json":
        click.echo(json.dumps({"opened": True}))
