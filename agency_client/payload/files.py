"""Which files of payload a command names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PayloadFiles:
    """What an agency hands in; ``columns`` says its own headings (TOML)."""

    attributes: tuple[Path, ...] = ()
    events: tuple[Path, ...] = ()
    associations: tuple[Path, ...] = ()
    columns: Path | None = None

    def __bool__(self) -> bool:
        return bool(self.attributes or self.events or self.associations)

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every file of it."""
        columns = () if self.columns is None else (self.columns,)
        return (*self.attributes, *self.events, *self.associations, *columns)
