"""The settings of an agreement's dataclasses as plain data, less those at their defaults."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from dataclasses import Field as DataclassField
from datetime import date
from typing import Any


def changed_settings(message: Any) -> dict[str, Any]:
    """Return the settings of an agreement's dataclass that aren't at their defaults."""
    values = {own.name: (getattr(message, own.name), _default(own)) for own in fields(message)}
    return {name: value for name, (value, default) in values.items() if value != default}


def settings(message: Any) -> Any:
    """Return an agreement's dataclass as plain tables and lists, less what is at its default."""
    if is_dataclass(message):
        return settings(changed_settings(message))
    if isinstance(message, dict):
        return {name: settings(value) for name, value in message.items()}
    if isinstance(message, date):
        return message.isoformat()
    if isinstance(message, tuple):
        return [settings(value) for value in message]
    return message


def _default(own: DataclassField[Any]) -> Any:
    return own.default if own.default_factory is MISSING else own.default_factory()
