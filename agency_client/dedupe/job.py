"""The whole of de-duplication: read, compare, decide, write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from agency_client.columns import (
    ColumnMap,
    ResolvedColumns,
    parse_column_map,
    record_ids,
    resolve_columns,
)
from agency_client.dedupe.candidates import candidate_pairs
from agency_client.dedupe.clean import kept_rows, refuse_taken_headings, write_clean
from agency_client.dedupe.comparison import Field, compare, fields_of
from agency_client.dedupe.merging import Doubt, Merging, Scored, merge
from agency_client.dedupe.model import estimate
from agency_client.dedupe.review import (
    Decision,
    ReviewPair,
    holds_decisions,
    pair_id,
    read_decisions,
    review_pairs,
    write_review,
)
from agency_client.extract import Extract, read_extract
from agency_client.outputs import refuse_unusable, write_together
from agency_client.textfiles import read_text
from hashing.standardise import standardise
from linkage.errors import InputError
from linkage.protocol.agreement import Agreement, parse_agreement

Report = Callable[[str], None]


@dataclass(frozen=True)
class DedupeRequest:
    """What to clean, under what, to where."""

    extract: Path
    agreement: Path
    out: Path
    review: Path
    columns: Path | None = None
    decisions: Path | None = None


@dataclass(frozen=True)
class DedupeResult:
    """What was done, in counts.

    ``people`` are the record ids in the cleaned extract, ``kept`` its rows; ``to_review`` the
    pairs that nobody has decided, ``likely`` those of them with a probability of at least 0.5.
    """

    rows: int
    people: int
    kept: int
    to_review: int
    likely: int
    decided: int
    warnings: tuple[str, ...]


@dataclass
class Dedupe:
    """An extract being cleaned: what was found in it, and what people have decided so far."""

    request: DedupeRequest
    extract: Extract
    columns: ResolvedColumns
    ids: tuple[str, ...]
    scored: Scored
    least: float
    decided: dict[tuple[int, int], Decision] = field(default_factory=dict)

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields that are compared."""
        return self.scored.fields

    def merged(self) -> Merging:
        """Merge what is sure and what is decided; `InputError` for decisions that clash."""
        decisions = {pair: said == "same" for pair, said in self.decided.items()}
        try:
            return merge(self.scored, decisions, self.least)
        except ValueError as error:
            left, right = (self.ids[row] for row in error.args)
            raise InputError(
                f"The decisions contradict each other: {left!r} and {right!r} (pair "
                f"{pair_id(left, right)}) can't be both the same person and not, given the "
                "other decisions about them; change one of those."
            ) from None

    def open_pairs(self, merging: Merging) -> list[ReviewPair]:
        """Return the pairs that nobody has decided."""
        doubts = [
            doubt for doubt in merging.doubts if (doubt.left, doubt.right) not in self.decided
        ]
        return review_pairs(self.extract, self.ids, self.columns, self.fields, doubts)

    def write(self, merging: Merging) -> DedupeResult:
        """Write the cleaned extract and the review list, whole or not at all."""
        kept = kept_rows(self.fields, merging.person)
        undecided = self.open_pairs(merging)
        listed = [*undecided, *self._decided_pairs()]
        write_together(
            self.request.review,
            lambda sink: write_review(sink, listed, self.decided),
            self.request.out,
            lambda sink: write_clean(
                sink, self.extract, self.columns.record_id, merging.person, kept
            ),
        )
        return DedupeResult(
            rows=len(self.ids),
            people=len(np.unique(merging.person)),
            kept=len(kept),
            to_review=len(undecided),
            likely=sum(pair.probability >= 0.5 for pair in undecided),
            decided=len(self.decided),
            warnings=(*self.extract.warnings, *_warnings(merging)),
        )

    def _decided_pairs(self) -> list[ReviewPair]:
        """Describe the decided pairs, so that the next list holds what this one was told."""
        left, right = np.array(list(self.decided), np.int64).reshape(-1, 2).T
        levels = compare(self.fields, left, right)
        odds = self.scored.model.log_odds(levels, left)
        doubts = [
            Doubt(one, other, weight, 1 / (1 + np.exp(-weight)))
            for (one, other), weight in zip(self.decided, odds.tolist(), strict=True)
        ]
        return review_pairs(self.extract, self.ids, self.columns, self.fields, doubts)


def start_dedupe(request: DedupeRequest, report: Report) -> Dedupe:
    """Read the extract and find how likely its pairs are the same person.

    Raises a `LinkageError` or an `OSError`; nothing is written.
    """
    _refuse_unusable(request)
    agreement = parse_agreement(read_text(request.agreement), request.agreement.name)
    report("reading the extract")
    extract = read_extract(request.extract)
    refuse_taken_headings(extract)
    columns = resolve_columns(extract, list(agreement.scheme.fields), _read_columns(request))
    ids = record_ids(extract, columns)
    decided = read_decisions(request.decisions, ids) if request.decisions else {}
    fields = _standard_fields(extract, columns, agreement)
    scored = _scored(fields, agreement.matching.seed, report)
    return Dedupe(request, extract, columns, ids, scored, agreement.matching.review, decided)


def _refuse_unusable(request: DedupeRequest) -> None:
    """Refuse outputs that would destroy an input, or answers that nobody asked to destroy.

    The list of decisions may be replaced by the next list, which holds every decision.
    """
    inputs = [request.extract, request.agreement, request.columns]
    continued = request.decisions and request.decisions.resolve() == request.review.resolve()
    if not continued:
        inputs.append(request.decisions)
    refuse_unusable((request.out, request.review), filter(None, inputs))
    if not continued and request.review.exists() and holds_decisions(request.review):
        raise InputError(
            f"{request.review} holds decisions, which a new list would overwrite; hand it in with "
            "--decisions, or choose another name for --review."
        )


def _read_columns(request: DedupeRequest) -> ColumnMap:
    if request.columns is None:
        return ColumnMap()
    return parse_column_map(read_text(request.columns), request.columns.name)


def _standard_fields(
    extract: Extract, columns: ResolvedColumns, agreement: Agreement
) -> tuple[Field, ...]:
    """Return the standardised fields; a damaged cell that encoding would refuse is missing."""
    empty = ("",) * len(extract)
    cells = {
        name: empty if index is None else extract.columns[index]
        for name, index in columns.fields.items()
    }
    fields = fields_of(agreement.scheme, standardise(agreement.scheme, cells))
    if not fields:
        raise InputError(
            f"{extract.name} has no value in any field of the agreement, so nothing can be "
            "compared; look for columns mapped to the wrong field."
        )
    return fields


def _scored(fields: tuple[Field, ...], seed: int, report: Report) -> Scored:
    report("looking for candidate pairs")
    pairs = candidate_pairs(fields)
    report(f"comparing {len(pairs[0]):,} pairs")
    levels = compare(fields, *pairs)
    report("estimating the model")
    model = estimate(fields, levels, seed)
    return Scored(fields, model, pairs, model.log_odds(levels, pairs[0]))


def _warnings(merging: Merging) -> Iterator[str]:
    if merging.left_alone:
        yield (
            f"{merging.left_alone:,} rows resemble too many others to be told apart and were left "
            "as they are; look for a value that stands for a missing one."
        )
