"""The link that signs a party in to its matcher's console, and the way from it to the browser."""

from __future__ import annotations

import html
import secrets
import webbrowser
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from agency_client.outputs import write_alone
from linkage.audit.events import Text
from linkage.errors import InputError, PolicyError
from linkage.protocol.agreement import Agreement
from linkage.protocol.console import MOST_SECONDS, ConsoleLink, link_address, sign_link
from linkage.protocol.keys import Identity
from linkage.protocol.sections.party import Role

REASONS: dict[Role, str] = {
    "dpo": "Oversight by the data protection officer",
    "agency": "Following what is done under the agreement",
    "analyst": "Following the cohorts that were asked for",
    "recipient": "Following the disclosures that were received",
    "matcher": "Running the matcher",
}
"""What the log says of a visit if its reason isn't given, by the visitor's role."""
_REASON = TypeAdapter(Text)
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Concord console</title>
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={address}"></head>
<body><p><a href="{address}">Sign in to the console</a></p></body></html>
"""


def make_link(
    agreement: Agreement, own: Identity, matcher: str, now: int, reason: str | None
) -> str:
    """Return the address that signs a party in, for the next `MOST_SECONDS` and once.

    ``now`` is POSIX seconds; without a ``reason`` it is the usual one of the party's role. Raises
    `PolicyError` where the keys are those of no party, `InputError` for a reason that the log
    can't hold.
    """
    if agreement.identity(own.name) != own.public:
        raise PolicyError(
            f"The agreement {agreement.agreement.id!r} has other keys for {own.name!r} than your "
            "keystore; sign in under the version that has these."
        )
    link = ConsoleLink(
        agreement=agreement.digest(),
        matcher=matcher,
        created=now,
        expires=now + MOST_SECONDS,
        nonce=secrets.token_hex(16),
        reason=_usual_reason(agreement, own.name) if reason is None else _checked(reason),
    )
    return link_address(sign_link(link, own), matcher)


def open_in_browser(address: str, file: Path) -> bool:
    """Open a link in the user's browser; return whether there is one.

    The browser is given a file that only the user can read and that leads to the link: other users
    of the machine see what programs are started with.
    """
    page = _PAGE.format(address=html.escape(address, quote=True))
    write_alone(file, page.encode())
    return webbrowser.open(file.absolute().as_uri())


def _usual_reason(agreement: Agreement, party: str) -> str:
    return next(words for role, words in REASONS.items() if party in agreement.names(role))


def _checked(reason: str) -> str:
    try:
        return _REASON.validate_python(reason or None)
    except ValidationError:
        raise InputError(
            "The reason can't be entered into the log: leave out dates, long numbers, postcodes "
            "and addresses, and keep to one line of at most 1,000 characters."
        ) from None
