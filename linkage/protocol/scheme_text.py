"""A scheme as the TOML of an agreement's ``[scheme]``, for people to read and edit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from linkage.protocol.scheme import Scheme
from linkage.protocol.settings import settings

_TABLES = ("fields", "features")


def scheme_toml(scheme: Scheme, comments: Mapping[str, str] | None = None) -> str:
    """Return the scheme as TOML that parses to the same scheme, settings at defaults left out.

    ``comments`` are one-line remarks on fields, by their names.
    """
    table = settings(scheme)
    groups = table.pop("group")
    inner = {name: table.pop(name) for name in _TABLES}
    lines = ["[scheme]", *(f"{name} = {_value(value)}" for name, value in table.items())]
    for name, rows in inner.items():
        lines += ["", f"[scheme.{name}]"]
        remarks = (comments or {}) if name == "fields" else {}
        for key, value in rows.items():
            remark = f"   # {_one_line(remarks[key])}" if key in remarks else ""
            lines.append(f"{key} = {_value(value)}{remark}")
    for group in groups:
        parts = group.pop("parts")
        lines += ["", "[[scheme.group]]"]
        lines += [f"{name} = {_value(value)}" for name, value in group.items()]
        lines += ["parts = [", *(f"  {_value(part)}," for part in parts), "]"]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(own)}" for key, own in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return repr(value)


def _string(value: str) -> str:
    """Return a TOML basic string: JSON's, but for DEL, which TOML wants escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _one_line(remark: str) -> str:
    return "".join(c if c.isprintable() else " " for c in remark)
