"""Reading TOML that people wrote: every fault is named with its place."""

from __future__ import annotations

import json
import tomllib
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from linkage.errors import InputError

_Parsed = TypeVar("_Parsed")


def parse_toml(adapter: TypeAdapter[_Parsed], text: str, source: str, what: str) -> _Parsed:
    """Read TOML as what ``adapter`` describes; ``what`` is its name in errors.

    ``source`` is the name that errors give to the text. Raises `InputError` that lists every
    fault with its place.
    """
    table = toml_table(text, source)
    try:
        # Strict validation takes JSON arrays as tuples, which it refuses from Python lists.
        return adapter.validate_json(json.dumps(table, default=str))
    except ValidationError as error:
        raise InputError(f"{source} is not a usable {what}: {_faults(error, what)}.") from None


def toml_table(text: str, source: str) -> dict[str, Any]:
    """Return TOML as plain tables, or raise `InputError`."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{source} is not valid TOML: {error}.") from None
    except (ValueError, RecursionError):
        raise InputError(
            f"{source} is not valid TOML: a number is too long, or it is nested too deeply."
        ) from None


def _faults(error: ValidationError, what: str) -> str:
    return "; ".join(
        f"{'.'.join(map(str, fault['loc'])) or what}: {_sentence(fault['msg'])}"
        for fault in error.errors()
    )


def _sentence(message: str) -> str:
    if message == "Unexpected keyword argument":
        return "not a known setting"
    return message.removeprefix("Value error, ").rstrip(".")
