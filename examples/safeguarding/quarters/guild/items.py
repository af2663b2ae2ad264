"""What a report consists of: items under the four steps, each with sentences and tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

CITATION = (
    "Gilbert R, Lafferty R, Hagger-Johnson G, Harron K, Zhang LC, Smith P, Dibben C, Goldstein H. "
    "GUILD: GUidance for Information about Linking Data sets. Journal of Public Health 2018; "
    "40(1): 191–198. doi:10.1093/pubmed/fdx037"
)
STEPS = {
    "provision": "Data provision",
    "linkage": "Data linkage",
    "analysis": "Data analysis",
    "reporting": "Reporting",
}


@dataclass(frozen=True)
class Table:
    """Rows of text under headings; the first column names the row."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Item:
    """One thing to be told, and who can tell it."""

    heading: str
    by: str
    sentences: Sequence[str]
    tables: Sequence[Table] = field(default_factory=tuple)
