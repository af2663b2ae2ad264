"""An extract checked from its headings to its values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agency_client.checking.columns_proposal import (
    Proposal,
    ProposedColumn,
    columns_toml,
    propose_columns,
)
from agency_client.checking.completeness import (
    Completeness,
    Placeholder,
    completeness,
    placeholders,
)
from agency_client.checking.damage import DamagedCell, damaged_cells
from agency_client.checking.duplicates import RecordIds, SameRows, check_record_ids, same_rows
from agency_client.checking.formats import (
    DayMonthOrder,
    FormatShare,
    day_month_order,
    formats,
)
from agency_client.checking.headings import RECORD_ID
from agency_client.checking.preview import Changes, Sample, changes, samples
from agency_client.checking.table import CheckedField, FieldPlan, checked_fields
from agency_client.columns import ColumnMap, resolve_columns
from agency_client.extract import Extract
from linkage.errors import InputError


@dataclass(frozen=True)
class FieldFormats:
    """How a field's values are written; ``order`` only for dates."""

    field: str
    shares: tuple[FormatShare, ...]
    order: DayMonthOrder | None


@dataclass(frozen=True, repr=False)
class CheckReport:
    """Everything that a check finds out; only ``damaged`` and ``samples`` hold values.

    ``given_map`` says that the column map is the agency's own, ``needs_map`` that the headings
    alone would not lead the encoding to the columns proposed, and ``alternates`` that rows with
    the same record id are meant to be of one person.
    """

    name: str
    records: int
    header: tuple[str, ...]
    plan: FieldPlan
    warnings: tuple[str, ...]
    proposal: Proposal
    given_map: bool
    needs_map: bool
    alternates: bool
    completeness: tuple[Completeness, ...]
    formats: tuple[FieldFormats, ...]
    placeholders: tuple[Placeholder, ...]
    ids: RecordIds
    rows: SameRows
    damaged: tuple[DamagedCell, ...]
    changes: tuple[Changes, ...]
    samples: tuple[Sample, ...]

    def columns_toml(self, *, reasons: bool) -> str:
        """Return the proposed column map as a file, with or without the reasons."""
        return columns_toml(self.proposal, self.header, self.name, reasons=reasons)


def check_extract(extract: Extract, plan: FieldPlan, given: ColumnMap | None) -> CheckReport:
    """Check an extract for an agreement's fields, by a column map given or else proposed.

    Raises `InputError` for a given map that doesn't fit.
    """
    british = plan.profile == "uk-person/1"
    proposal = (
        propose_columns(extract, plan.types(), british=british)
        if given is None
        else _as_given(extract, plan, given)
    )
    places = proposal.places()
    fields = checked_fields(extract, plan, places)
    return CheckReport(
        name=extract.name,
        records=len(extract),
        header=extract.header,
        plan=plan,
        warnings=extract.warnings,
        proposal=proposal,
        given_map=given is not None,
        needs_map=given is None and not _headings_suffice(extract, plan, places),
        alternates=given is not None and given.repeats == "alternates",
        completeness=tuple(map(completeness, fields)),
        formats=tuple(_field_formats(field, british=british) for field in fields),
        placeholders=tuple(found for field in fields for found in placeholders(field)),
        ids=check_record_ids(extract, places[RECORD_ID]),
        rows=same_rows(fields, extract.row_numbers),
        damaged=damaged_cells(fields, extract.row_numbers),
        changes=tuple(map(changes, fields)),
        samples=tuple(sample for field in fields for sample in samples(field)),
    )


def _as_given(extract: Extract, plan: FieldPlan, given: ColumnMap) -> Proposal:
    resolved = resolve_columns(extract, list(plan.fields), given)
    reason = "as your column map says"
    columns = [ProposedColumn(RECORD_ID, resolved.record_id, "sure", reason)]
    columns += [
        ProposedColumn(name, place, "sure", reason) for name, place in resolved.fields.items()
    ]
    return Proposal(tuple(columns), ())


def _headings_suffice(extract: Extract, plan: FieldPlan, places: Mapping[str, int | None]) -> bool:
    """Whether encoding without a column map would find the columns that are proposed."""
    try:
        found = resolve_columns(extract, list(plan.fields), ColumnMap())
    except InputError:
        return False
    return places == {RECORD_ID: found.record_id, **found.fields}


def _field_formats(field: CheckedField, *, british: bool) -> FieldFormats:
    counts = dict(zip(field.raw, field.counts.tolist(), strict=True))
    is_foreign_code = field.kind == "postcode" and not british
    shares = () if is_foreign_code else formats(field.kind, counts)
    order = day_month_order(counts) if field.kind == "date" else None
    return FieldFormats(field.name, shares, order)
