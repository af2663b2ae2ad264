"""A column map made from headings and contents, with how sure it is and why."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agency_client.checking.contents import IN_WORDS, Contents, look_at
from agency_client.checking.headings import RECORD_ID, Match, match, names_another, recognised
from agency_client.extract import Extract
from linkage.protocol.scheme import FieldType

Confidence = Literal["sure", "likely", "guess", "undecided", "none"]

# Below it a column's values speak against its heading; from the upper one on they bear it out.
_LEAST_SHARE, _GOOD_SHARE = 0.3, 0.8
_CHECKABLE: Mapping[FieldType, str] = {
    "date": "date",
    "sex": "sex",
    "postcode": "postcode",
    "nhs_number": "nhs_number",
    "upn": "upn",
    "phone": "phone",
    "name": "name",
}
_HEADING_IN_WORDS = {
    Match.SAME: "same name",
    Match.SYNONYM: "a usual heading for it",
    Match.PARTLY: "the heading holds a usual one",
}
_TOLD_BY_CONTENTS = frozenset({"date", "sex", "postcode", "nhs_number", "upn", "phone"})


@dataclass(frozen=True)
class ProposedColumn:
    """The column proposed for a field, or for the record id.

    ``column`` is an index into the extract's, None where there is none; for an undecided one it
    is the fullest of several, and ``rivals`` are the others that are as likely.
    """

    field: str
    column: int | None
    confidence: Confidence
    reason: str
    rivals: tuple[int, ...] = ()


@dataclass(frozen=True)
class UnusedColumn:
    """A column that no field takes, and what it seems to hold."""

    heading: str
    seems: str


@dataclass(frozen=True)
class Proposal:
    """A whole column map: the record id's column first, then every field's."""

    columns: tuple[ProposedColumn, ...]
    unused: tuple[UnusedColumn, ...]

    def places(self) -> dict[str, int | None]:
        """Return the column of each field and of the record id."""
        return {proposed.field: proposed.column for proposed in self.columns}


@dataclass(frozen=True)
class _Candidate:
    column: int
    score: int
    confidence: Confidence
    reason: str


def propose_columns(
    extract: Extract, fields: Mapping[str, FieldType], *, british: bool
) -> Proposal:
    """Propose a column for the record id and for every field.

    ``british`` says whether postcodes are those of the United Kingdom. The likeliest pair of
    field and column is settled first; no column is used twice.
    """
    contents = [look_at(column) for column in extract.columns]
    candidates = {
        RECORD_ID: _record_id_candidates(extract, contents),
        **{
            name: _field_candidates(extract, contents, name, _checked_kind(kind, british=british))
            for name, kind in fields.items()
        },
    }
    chosen: dict[str, ProposedColumn] = {}
    taken: set[int] = set()
    while len(chosen) < len(candidates):
        free = {
            name: [c for c in own if c.column not in taken]
            for name, own in candidates.items()
            if name not in chosen
        }
        name = max(free, key=lambda field: max((c.score for c in free[field]), default=0))
        chosen[name] = _choose(name, free[name], extract, contents)
        taken |= {chosen[name].column, *chosen[name].rivals} - {None}  # type: ignore[arg-type]
    unused = _unused(extract, contents, taken)
    return Proposal(tuple(chosen[name] for name in candidates), unused)


def columns_toml(proposal: Proposal, header: Sequence[str], source: str, *, reasons: bool) -> str:
    """Return the proposal as a file for ``--columns``, with its confidence as comments.

    What is undecided is a comment, so that nothing is encoded before somebody decides.
    """
    record_id, *fields = proposal.columns
    absent = [f.field for f in fields if f.column is None]
    lines = [
        f"# Proposed for {source!r}: look it over before you encode with it.",
        _toml_line("record_id", record_id, header, reasons=reasons),
        f"absent = {json.dumps(absent)}   # fields of the agreement without a column here",
        "",
        "[fields]",
        *(_toml_line(f.field, f, header, reasons=reasons) for f in fields if f.column is not None),
    ]
    return "\n".join(lines) + "\n"


def _checked_kind(kind: FieldType, *, british: bool) -> str | None:
    return None if kind == "postcode" and not british else _CHECKABLE.get(kind)


def _field_candidates(
    extract: Extract, contents: Sequence[Contents], field: str, kind: str | None
) -> list[_Candidate]:
    found = []
    for column, heading in _headed(extract):
        named = match(heading, field)
        share = contents[column].shares.get(kind) if kind else None
        if named:
            found.append(_named(column, named, kind, share))
        elif (
            kind in _TOLD_BY_CONTENTS
            and (share or 0) >= _GOOD_SHARE
            and not (names_another(heading) or recognised(heading))
        ):
            reason = f"the heading doesn't say, but {_percent(share)} of its values look like "
            found.append(_Candidate(column, 5, "guess", reason + IN_WORDS[str(kind)]))
    return found


def _headed(extract: Extract) -> list[tuple[int, str]]:
    """Return the columns that a map can name: those with a heading."""
    return [(column, heading) for column, heading in enumerate(extract.header) if heading]


def _named(column: int, named: Match, kind: str | None, share: float | None) -> _Candidate:
    heading = _HEADING_IN_WORDS[named]
    certain: Confidence = "likely" if named == Match.PARTLY else "sure"
    if kind is None or share is None:
        reason = heading if kind is None else f"{heading}; the column is blank"
        return _Candidate(column, 10 * named, certain, reason)
    looks = f"{_percent(share)} of its values look like {IN_WORDS[kind]}"
    if share < _LEAST_SHARE:
        return _Candidate(column, 10 * named - 15, "guess", f"{heading}, but only {looks}")
    if share < _GOOD_SHARE:
        return _Candidate(column, 10 * named + 2, "likely", f"{heading}, although only {looks}")
    return _Candidate(column, 10 * named + 5, certain, f"{heading}; {looks}")


def _record_id_candidates(extract: Extract, contents: Sequence[Contents]) -> list[_Candidate]:
    found = []
    for column, heading in _headed(extract):
        named = match(heading, RECORD_ID)
        distinct = contents[column].distinct
        unique = distinct == len(extract)
        own = f"different in {'every row' if unique else f'{distinct:,} of {len(extract):,} rows'}"
        if named:
            confidence: Confidence = (
                "sure" if named > Match.PARTLY and distinct > 0.9 * len(extract) else "likely"
            )
            reason = f"{_HEADING_IN_WORDS[named]}; {own}"
            found.append(_Candidate(column, 10 * named + 5 * unique, confidence, reason))
        elif unique and len(extract) > 1 and _could_be_id(extract, column, contents[column]):
            found.append(_Candidate(column, 4, "guess", f"the heading doesn't say, but {own}"))
    return found


def _could_be_id(extract: Extract, column: int, contents: Contents) -> bool:
    if contents.looks_like() or recognised(extract.header[column]):
        return False
    return all(len(cell) <= 40 and " " not in cell.strip() for cell in extract.columns[column])


def _choose(
    field: str, candidates: Sequence[_Candidate], extract: Extract, contents: Sequence[Contents]
) -> ProposedColumn:
    if not candidates:
        return ProposedColumn(field, None, "none", "no column seems to hold it")
    score = max(candidate.score for candidate in candidates)
    best = [candidate for candidate in candidates if candidate.score == score]
    best.sort(key=lambda candidate: -contents[candidate.column].filled)
    first, *others = best
    if not others:
        return ProposedColumn(field, first.column, first.confidence, first.reason)
    names = ", ".join(repr(extract.header[other.column]) for other in others)
    reason = f"{names} could be it as well; {first.reason}"
    rivals = tuple(other.column for other in others)
    return ProposedColumn(field, first.column, "undecided", reason, rivals)


def _unused(
    extract: Extract, contents: Sequence[Contents], taken: Iterable[int]
) -> tuple[UnusedColumn, ...]:
    used = set(taken)
    return tuple(
        UnusedColumn(
            heading or f"(no heading, column {column + 1})", _seems(heading, contents[column])
        )
        for column, heading in enumerate(extract.header)
        if column not in used
    )


def _seems(heading: str, contents: Contents) -> str:
    if not contents.filled:
        return "blank"
    if recognised(heading) == "full_name":
        return "whole names: export given name and surname in columns of their own"
    if kind := contents.looks_like():
        return IN_WORDS[kind]
    return "none of the fields"


def _toml_line(key: str, proposed: ProposedColumn, header: Sequence[str], *, reasons: bool) -> str:
    why = f": {proposed.reason}" if reasons else ""
    if proposed.column is None:
        return f"# {key} = ?   # {proposed.confidence}{why}"
    line = f"{key} = {_toml_string(header[proposed.column])}   # {proposed.confidence}{why}"
    return f"# {line}" if proposed.confidence == "undecided" else line


def _toml_string(text: str) -> str:
    """Return a TOML basic string; JSON's escapes are TOML's, except that DEL needs one."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _percent(share: float | None) -> str:
    return f"{share or 0:.0%}"
