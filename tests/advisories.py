"""Which pinned packages have a known hole, by OSV's advisories for PyPI, without a network.

    python -m tests.advisories all.zip constraints.txt

``all.zip`` is the file in which OSV publishes all advisories for PyPI, one JSON document each
(https://ossf.github.io/osv-schema). Prints a line for every advisory that names a pinned version,
and ends with exit code 3 if there is one.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version


@dataclass(frozen=True)
class Finding:
    """An advisory about a pinned version, and the versions that mend it."""

    package: str
    version: str
    advisory: str
    aliases: tuple[str, ...]
    fixed: tuple[str, ...]

    def __str__(self) -> str:
        names = ", ".join((self.advisory, *self.aliases))
        return f"{self.package} {self.version}: {names}; mended in {', '.join(self.fixed) or '?'}"


def read_pins(text: str) -> dict[str, str]:
    """Return version by package; raises `ValueError` for a line that pins nothing exactly."""
    pins = {}
    for line in text.splitlines():
        words = line.partition("#")[0].strip()
        if not words:
            continue
        wanted = Requirement(words)
        exact = re.fullmatch(r"==([^*]+)", str(wanted.specifier))
        if exact is None:
            raise ValueError(f"{words!r} is not pinned to one version")
        pins[canonicalize_name(wanted.name)] = exact[1]
    return pins


def find(advisories: Path, pins: dict[str, str]) -> list[Finding]:
    """Return what the advisories say of the pins, by package; withdrawn ones are left out."""
    found = []
    with zipfile.ZipFile(advisories) as archive:
        for name in archive.namelist():
            if name.endswith(".json"):
                found += list(_about(json.loads(archive.read(name)), pins))
    return sorted(found, key=lambda one: (one.package, one.advisory))


def _about(advisory: dict[str, Any], pins: dict[str, str]) -> Iterator[Finding]:
    if advisory.get("withdrawn"):
        return
    for affected in advisory.get("affected", ()):
        package = affected.get("package", {})
        name = canonicalize_name(package.get("name", ""))
        if package.get("ecosystem") != "PyPI" or name not in pins:
            continue
        ranges = [one["events"] for one in affected.get("ranges", ()) if one["type"] != "GIT"]
        if pins[name] in affected.get("versions", ()) or any(
            _within(Version(pins[name]), events) for events in ranges
        ):
            fixed = (event["fixed"] for events in ranges for event in events if "fixed" in event)
            aliases = tuple(advisory.get("aliases", ()))
            yield Finding(name, pins[name], advisory["id"], aliases, tuple(fixed))
            return


def _within(version: Version, events: list[dict[str, str]]) -> bool:
    """Whether the last event at or below a version leaves it affected."""
    affected = False
    for event in sorted(events, key=_order):
        (kind,), since = event, _order(event)
        if since > version or (kind == "last_affected" and since == version):
            continue
        affected = kind == "introduced"
    return affected


def _order(event: dict[str, str]) -> Version:
    (at,) = event.values()
    try:
        return Version(at)
    except InvalidVersion:  # of a package that once numbered otherwise
        return Version("0")


def main() -> None:
    """Print the findings."""
    advisories, constraints = map(Path, sys.argv[1:])
    pins = read_pins(constraints.read_text(encoding="utf-8"))
    found = find(advisories, pins)
    for one in found:
        print(one)
    print(f"{len(pins)} pins, {len(found)} advisories about them", file=sys.stderr)
    sys.exit(3 if found else 0)


if __name__ == "__main__":
    main()
