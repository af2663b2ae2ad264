"""Templates made into pages."""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from matcher.runs.report.numbers import percent, signed
from matcher.runs.report.times import MONTHS, day, in_utc, moment

STATIC = "/console/static"
_FILES = Path(__file__).parent / "static"


class Views:
    """Renders templates; whatever isn't marked as safe is escaped, and no name may be missing."""

    @cached_property
    def _environment(self) -> jinja2.Environment:
        environment = jinja2.Environment(
            loader=jinja2.PackageLoader("matcher.console"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals["static"] = static_address
        environment.filters |= {
            "moment": moment,
            "short": short_moment,
            "day": day,
            "date": date_of,
            "count": count,
            "digest": short_digest,
            "code": code,
            "share": percent,
            "bits": signed,
        }
        return environment

    def page(self, template: str, **context: Any) -> str:
        """Return a template's page."""
        return self._environment.get_template(template).render(**context)


def short_moment(at: datetime | int) -> Markup:
    """Return a time for a column that says it is UTC: ``2 Mar 2026, 09:00``, on one line."""
    utc = in_utc(at)
    said = f"{utc.day} {MONTHS[utc.month - 1][:3]} {utc.year}, {utc:%H:%M}"
    return Markup('<span class="console-line">{}</span>').format(said)


def date_of(at: int) -> str:
    """Return the day (UTC) of a time in POSIX seconds."""
    return day(in_utc(at).date())


def count(number: int) -> str:
    """Return a whole number with its thousands apart."""
    return f"{number:,}"


def code(text: str) -> Markup:
    """Return something that is to be read letter by letter."""
    return Markup('<code class="console-digest">{}</code>').format(text)


def short_digest(digest: str) -> Markup:
    """Return the first 16 digits of a digest, which are enough to compare it by."""
    return code(digest[:16])


def static_address(name: str) -> str:
    """Return the address of a file of the console's, which changes with the file."""
    return f"{STATIC}/{name}?v={_versions()[name]}"


def static_file(name: str) -> bytes | None:
    """Return a file of the console's, None where there is none."""
    return (_FILES / name).read_bytes() if name in _versions() else None


_known: dict[str, str] = {}


def _versions() -> dict[str, str]:
    """Return the files there are, with the beginning of the digest of each."""
    if not _known:
        for path in sorted(_FILES.iterdir()):
            if path.suffix in {".css", ".js"}:
                _known[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    return _known
