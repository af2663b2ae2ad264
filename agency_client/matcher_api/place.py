"""Which matcher an agency uses: its address, and the key of its log."""

from __future__ import annotations

import ipaddress
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agency_client.outputs import write_alone
from linkage.audit.failures import LogError
from linkage.audit.keys import SignatureType, VerifierKey, parse_verifier_key
from linkage.errors import InputError, PolicyError

CONFIG_FILE = "config.toml"
_URL = re.compile(r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]+|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?")


@dataclass(frozen=True)
class MatcherPlace:
    """The address of a matcher, without a slash at its end, and the key that signs its log."""

    url: str
    log_key: VerifierKey


def matcher_place(url: str, log_key: str) -> MatcherPlace:
    """Return the place; raises `InputError`, or `PolicyError` for an address without TLS."""
    address = url.rstrip("/")
    found = _URL.fullmatch(address)
    if found is None:
        raise InputError(
            f"{url!r} is not the address of a matcher, such as https://matcher.example."
        )
    if found["scheme"] == "http" and not _is_loopback(found["host"].strip("[]")):
        raise PolicyError(
            f"{url} has no TLS, so that others on the way could read along; use https://, or http "
            "to a matcher on this machine."
        )
    return MatcherPlace(address, _parse_key(log_key))


def read_place(keystore: Path, url: str | None, log_key: str | None) -> MatcherPlace | None:
    """Return the place that options name, or else the keystore's config; None if neither does.

    Raises `InputError` where only one half is known.
    """
    kept = _read_config(keystore / CONFIG_FILE)
    url, log_key = url or kept.get("url"), log_key or kept.get("log_key")
    if url is None and log_key is None:
        return None
    if url is None or log_key is None:
        raise InputError(
            "A matcher needs both its address and the key of its log; give --matcher and --log-key,"
            " or keep both with 'agency-client init'."
        )
    return matcher_place(url, log_key)


def keep_place(keystore: Path, place: MatcherPlace) -> None:
    """Write the place into the keystore's config."""
    key = str(place.log_key).replace("\\", "\\\\").replace('"', '\\"')
    text = f'[matcher]\nurl = "{place.url}"\nlog_key = "{key}"\n'
    write_alone(keystore / CONFIG_FILE, text.encode())


def _read_config(path: Path) -> dict[str, str]:
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise InputError(f"{path} is not TOML in UTF-8; mend it or remove it.") from None
    matcher = table.get("matcher", {})
    if (
        set(table) - {"matcher"}
        or not isinstance(matcher, dict)
        or set(matcher) - {"url", "log_key"}
        or not all(isinstance(value, str) for value in matcher.values())
    ):
        raise InputError(f"{path} may hold [matcher] with url and log_key, as text; mend it.")
    return matcher


def _parse_key(text: str) -> VerifierKey:
    try:
        key = parse_verifier_key(text.strip())
    except LogError as error:
        raise InputError(f"The log's key isn't one: {error}") from None
    if key.type is not SignatureType.LOG:
        raise InputError("The log's key is that of a witness; ask the operator for the log's.")
    return key


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
