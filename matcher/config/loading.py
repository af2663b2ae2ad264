"""Reading settings: ``matcher.toml``, over it ``CONCORD_*`` variables, over them flags."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from linkage.errors import InputError
from matcher.config.settings import (
    ConsoleSettings,
    DatabaseSettings,
    IdentitySettings,
    LoggingSettings,
    LogSettings,
    MetricsSettings,
    ObjectSettings,
    Sections,
    ServiceSettings,
    Settings,
    UploadSettings,
    WorkerSettings,
)

FILE_NAME = "matcher.toml"
_PREFIX = "CONCORD_"
_SECTIONS: dict[str, type[BaseModel]] = {
    "log": LogSettings,
    "identity": IdentitySettings,
    "database": DatabaseSettings,
    "objects": ObjectSettings,
    "uploads": UploadSettings,
    "service": ServiceSettings,
    "worker": WorkerSettings,
    "logging": LoggingSettings,
    "metrics": MetricsSettings,
    "console": ConsoleSettings,
}


@dataclass
class _Values:
    """The values by section and name, and where each comes from."""

    sections: dict[str, Any]
    origins: dict[tuple[str, ...], str] = field(default_factory=dict)

    def set(self, section: str, name: str, value: str, origin: str) -> None:
        self.sections.setdefault(section, {})[name] = value
        self.origins[section, name] = origin

    def origin(self, place: tuple[str, ...]) -> str:
        return self.origins.get(place[:2]) or f"{FILE_NAME}: {'.'.join(place) or 'the whole'}"


def load_settings(folder: Path, environ: Mapping[str, str], flags: Mapping[str, str]) -> Settings:
    """Return the settings of the matcher in a folder.

    A setting ``section.name`` is overruled by the variable ``CONCORD_SECTION_NAME`` of
    ``environ``, and that by ``flags["section.name"]``. Raises `InputError`, which says where a
    value stands and never which value it is.
    """
    values = _Values(_read_toml(folder / FILE_NAME))
    for section, name, value, variable in _variables(environ):
        values.set(section, name, value, variable)
    for flag, value in flags.items():
        section, _, name = flag.partition(".")
        values.set(section, name, value, f"the flag for {flag}")
    try:
        sections = Sections.model_validate(values.sections)
    except ValidationError as error:
        raise InputError(f"{_faults(error, values)}; mend it and run again.") from None
    return Settings(folder, sections)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        read = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"There is no {path.name} in {path.parent}; make one with 'matcher init'."
        ) from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not text in UTF-8; save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is not TOML: {error}.") from None
    for section, values in read.items():
        if not isinstance(values, dict):
            raise InputError(f"{path}: {section} stands outside of a section; move it into one.")
    return read


def _variables(environ: Mapping[str, str]) -> list[tuple[str, str, str, str]]:
    """Return section, name, value and variable of those that belong to a section.

    A variable of a section that names no setting is refused as a setting is.
    """
    found = []
    for variable, value in sorted(environ.items()):
        for section in _SECTIONS:
            name = variable.removeprefix(f"{_PREFIX}{section.upper()}_")
            if name != variable:
                found.append((section, name.lower(), value, variable))
    return found


def _faults(error: ValidationError, values: _Values) -> str:
    faults = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(_fault(fault["loc"], fault["type"], fault["msg"], values) for fault in faults)


def _fault(loc: tuple[int | str, ...], kind: str, message: str, values: _Values) -> str:
    place = tuple(str(step) for step in loc)
    if kind == "extra_forbidden":
        return f"{values.origin(place)} is not a setting; there are {_known(place)}"
    if kind == "missing":
        return f"{values.origin(place)} is missing"
    return f"{values.origin(place)} {_sentence(message)}"


def _known(place: tuple[str, ...]) -> str:
    if len(place) == 1:
        return ", ".join(f"[{name}]" for name in _SECTIONS)
    return ", ".join(_SECTIONS[place[0]].model_fields)


def _sentence(message: str) -> str:
    words = message.removeprefix("Value error, ").rstrip(".")
    return words if words.startswith("must") else f"is wrong: {words}"
