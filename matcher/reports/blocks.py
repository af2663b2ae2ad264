"""What a printed report is made of, whatever it is printed as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matcher.runs.report.parts import Figure, Table


@dataclass(frozen=True)
class Text:
    """A paragraph; a ``warning`` stands out."""

    words: str
    warning: bool = False


@dataclass(frozen=True)
class Pairs:
    """What is known by name: names and values, which are texts."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Code:
    """Lines to be copied as they stand; with the ``name`` of a file they are attached, too."""

    lines: tuple[str, ...]
    name: str = ""

    @property
    def content(self) -> str:
        """The lines as the file."""
        return "".join(f"{line}\n" for line in self.lines)


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    words: str


@dataclass(frozen=True)
class Section:
    """A numbered section; ``clause`` says under what it was done, empty where nothing was."""

    title: str
    clause: str
    blocks: tuple[Text | Pairs | Code | Heading | Table | Figure, ...]


@dataclass(frozen=True)
class Document:
    """A whole report: ``title``, a line below it, and its sections in order."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]
