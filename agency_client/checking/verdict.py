"""What must be mended or decided before an extract is encoded, and what is worth knowing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from agency_client.checking.check import CheckReport, FieldFormats
from agency_client.checking.columns_proposal import ProposedColumn
from agency_client.checking.damage import OUTCOME
from agency_client.checking.formats import EXCEL_DAY, MONTH_NAME_FIRST, TWO_DIGIT_YEAR, share_of
from agency_client.checking.headings import RECORD_ID

# A field with more damage than this is probably another field's column, or badly exported.
_MUCH_DAMAGE = 0.2
_ROWS_SHOWN = 5


@dataclass(frozen=True)
class Verdict:
    """Sentences: what stands in the way of encoding, and advice that doesn't.

    Without headings (``headed`` is False) whatever else was found is about the wrong columns.
    """

    mends: tuple[str, ...]
    advice: tuple[str, ...]
    headed: bool = True

    @property
    def ready(self) -> bool:
        """Whether the extract can be encoded as it is."""
        return not self.mends


def judge(report: CheckReport, *, map_written: bool = False) -> Verdict:
    """Judge a report; ``map_written`` says that the proposed column map is in a file now."""
    if title := _title_row(report):
        return Verdict((title,), report.warnings, headed=False)
    mends = [
        *_column_mends(report, map_written=map_written),
        *_id_mends(report),
        *_field_mends(report),
        *(sentence for own in report.formats for sentence in _date_mends(own, report)),
    ]
    return Verdict(tuple(mends), tuple(_advice(report)))


def _title_row(report: CheckReport) -> str | None:
    named = sum(bool(heading) for heading in report.header)
    if named * 2 > len(report.header):
        return None
    return (
        f"Row 1 of {report.name} names only {named} of {len(report.header)} columns, so it is a "
        "title or merged cells; delete the rows above the headings, unmerge their cells and "
        "export again."
    )


def _column_mends(report: CheckReport, *, map_written: bool) -> Iterator[str]:
    if report.given_map:
        return
    columns = report.proposal.columns
    for proposed in columns:
        if proposed.confidence == "undecided":
            yield _decide(proposed, report.header)
    unsure = _unsure(report)
    if unsure and report.needs_map:
        pairs = ", ".join(f"{p.field} = {_heading(p, report.header)}" for p in unsure)
        yield f"Look over the columns that are likely or guessed: {pairs}."
    missing = [p.field for p in columns if p.confidence == "none"]
    if RECORD_ID in missing:
        yield "No column is a record id; export one that is different in every row."
    if absent := [name for name in missing if name != RECORD_ID]:
        yield (
            f"No column seems to hold {', '.join(absent)}; name it in a column map, or leave it "
            "under 'absent' there if you don't hold it."
        )
    if report.needs_map and not map_written:
        yield (
            "The headings aren't the names of the fields, so encoding needs a column map; write "
            "the one proposed with '--columns-out columns.toml', look it over, and check again "
            "with '--columns columns.toml'."
        )


def _unsure(report: CheckReport) -> list[ProposedColumn]:
    return [p for p in report.proposal.columns if p.confidence in {"likely", "guess"}]


def _decide(proposed: ProposedColumn, header: Sequence[str]) -> str:
    rivals = ", ".join(repr(header[rival]) for rival in proposed.rivals)
    return (
        f"Decide which column is {proposed.field}: {_heading(proposed, header)} (checked here, the "
        f"fullest) or {rivals}."
    )


def _heading(proposed: ProposedColumn, header: Sequence[str]) -> str:
    assert proposed.column is not None, "only columns that were found are unsure"
    return repr(header[proposed.column])


def _id_mends(report: CheckReport) -> Iterator[str]:
    if report.ids.blank:
        yield f"Give a record id to {rows_in_words(report.ids.blank)}."
    if report.ids.repeated and not report.alternates:
        groups = report.ids.repeated
        rows = [row for group in groups for row in group]
        ids = "1 record id stands" if len(groups) == 1 else f"{len(groups):,} record ids stand"
        yield (
            f"{ids} in several rows ({rows_in_words(rows)}); keep one row of each, give each row "
            "an id of its own, or, if they are other names or addresses of one person, write "
            'repeats = "alternates" in the column map.'
        )


def _field_mends(report: CheckReport) -> Iterator[str]:
    damage = Counter(cell.field for cell in report.damaged)
    for own in report.completeness:
        count = damage[own.field]
        written = count + own.filled
        if not written:
            yield (
                f"{own.field} has no usable value in any row; look whether another column is "
                "meant, or call it absent in the column map."
            )
        elif report.plan.fields[own.field].damaged == "refuse" and count:
            yield (
                f"Mend {_cells(count)} of {own.field} that encoding refuses (listed below), or "
                "leave these rows out with 'encode --bad-rows skip'."
            )
        elif count > _MUCH_DAMAGE * written:
            yield (
                f"{count / written:.0%} of {own.field} is damaged and would be "
                f"{OUTCOME[report.plan.fields[own.field].damaged]}; look whether it is the right "
                "column and how it was exported."
            )


def _date_mends(own: FieldFormats, report: CheckReport) -> Iterator[str]:
    if count := share_of(own.shares, EXCEL_DAY):
        yield (
            f"{_cells(count).capitalize()} of {own.field} hold a spreadsheet's day number instead "
            "of a date; format the column as a date (yyyy-mm-dd) there and export again."
        )
    if count := share_of(own.shares, TWO_DIGIT_YEAR):
        yield f"{_cells(count).capitalize()} of {own.field} have a year of two digits; write four."
    if count := share_of(own.shares, MONTH_NAME_FIRST):
        yield (
            f"{_cells(count).capitalize()} of {own.field} have the name of the month first; write "
            "the day first."
        )
    order = own.order
    if order is None or not (order.month_first or order.either):
        return
    if order.month_first > order.day_first:
        yield (
            f"The dates of {own.field} have the month first ({order.month_first:,} can't be read "
            f"otherwise) and would be read day first; export them as yyyy-mm-dd."
        )
    elif order.either and report.plan.profile == "generic/1":
        yield (
            f"{_cells(order.either).capitalize()} of {own.field} could have the day or the month "
            "first; export them as yyyy-mm-dd."
        )
    elif order.month_first > 0.05 * order.day_first:
        yield (
            f"{own.field} has {order.day_first:,} dates that can only be day first and "
            f"{order.month_first:,} that can only be month first; find the system that writes the "
            "latter, whose other dates would be read wrongly too."
        )


def _advice(report: CheckReport) -> Iterator[str]:
    yield from report.warnings
    for found in report.placeholders:
        if not found.taken_as_missing:
            yield (
                f"{found.count:,} cells of {found.field} are {found.what}; if that stands for "
                "'not known', blank them, or strangers will agree on it."
            )
    if report.rows.same:
        more = sum(len(group) - 1 for group in report.rows.same)
        first = ", ".join(map(str, report.rows.same[0][:_ROWS_SHOWN]))
        yield (
            f"{'1 row repeats' if more == 1 else f'{more:,} rows repeat'} another one in every "
            f"field once standardised (first: rows {first}); a clean extract holds each person "
            "once."
        )
    if report.rows.empty:
        yield f"No field has a value in {rows_in_words(report.rows.empty)}."
    if report.given_map:
        return
    if not report.needs_map:
        yield from (f"{p.field}: {p.reason}." for p in _unsure(report))
    for column in report.proposal.unused:
        if column.seems.startswith("whole names"):
            yield f"The column {column.heading!r} seems to hold {column.seems}."


def rows_in_words(numbers: Sequence[int]) -> str:
    """Return 'row 3', 'rows 3, 5' or 'rows 3, 5, 8, 9, 11 and 20 more'."""
    shown = ", ".join(map(str, numbers[:_ROWS_SHOWN]))
    if len(numbers) > _ROWS_SHOWN:
        return f"rows {shown} and {len(numbers) - _ROWS_SHOWN:,} more"
    return f"row {shown}" if len(numbers) == 1 else f"rows {shown}"


def reasons(cells: Iterable[tuple[str, str]]) -> list[tuple[str, str, int]]:
    """Return field, reason and how many cells, the most frequent first."""
    return [(*pair, count) for pair, count in Counter(cells).most_common()]


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count:,} cells"
