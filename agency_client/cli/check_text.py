"""The report of ``check`` for a person: what to do first, then what was found, as wide as fits."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from agency_client.checking.check import CheckReport, FieldFormats
from agency_client.checking.formats import FormatShare
from agency_client.checking.verdict import Verdict, reasons

_CELLS_SHOWN = 10
_FORMATS_SHOWN = 4
_VALUE_WIDTH = 30
_CONFIDENCE_STYLE = {
    "sure": "green",
    "likely": "yellow",
    "guess": "bold yellow",
    "undecided": "bold red",
    "none": "red",
}


def print_report(report: CheckReport, verdict: Verdict, *, sample: bool, map_written: bool) -> None:
    """Print the report on standard output; values only where that is a terminal."""
    console = Console(highlight=False, emoji=False, markup=False)
    _print_verdict(console, report, verdict)
    if not verdict.headed:
        return
    _print_columns(console, report)
    _print_completeness(console, report)
    _print_formats(console, report)
    _print_placeholders(console, report)
    _print_duplicates(console, report)
    _print_damaged(console, report)
    _print_changes(console, report, sample=sample)
    if report.needs_map and not map_written:
        _heading(console, "Proposed column map (write it with --columns-out columns.toml)")
        console.print(Padding(Text(report.columns_toml(reasons=False).rstrip()), (1, 2, 0, 2)))


def _print_verdict(console: Console, report: CheckReport, verdict: Verdict) -> None:
    console.print(
        f"{report.name}: {report.records:,} records, {len(report.header)} columns, checked for "
        f"{report.plan.source}, profile {report.plan.profile}"
    )
    console.print()
    if verdict.ready:
        console.print(Text("It can be encoded as it is.", style="bold green"))
    else:
        count = len(verdict.mends)
        console.print(Text(f"To mend or decide before encoding: {count}", style="bold red"))
        _print_list(console, [f"{i}." for i in range(1, count + 1)], verdict.mends)
    if verdict.advice:
        console.print()
        console.print(Text("Worth a look", style="bold yellow"))
        _print_list(console, ["–"] * len(verdict.advice), verdict.advice)


def _print_list(console: Console, marks: Sequence[str], sentences: Sequence[str]) -> None:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(justify="right")
    grid.add_column(ratio=1)
    for mark, sentence in zip(marks, sentences, strict=True):
        grid.add_row(Text(mark), Text(sentence))
    console.print(Padding(grid, (0, 0, 0, 2)))


def _print_columns(console: Console, report: CheckReport) -> None:
    _heading(console, "Columns")
    table = _table("field", "column", "confidence", "why")
    for proposed in report.proposal.columns:
        column = "–" if proposed.column is None else report.header[proposed.column]
        style = _CONFIDENCE_STYLE[proposed.confidence]
        table.add_row(
            Text(proposed.field),
            Text(_visible(column)),
            Text(proposed.confidence, style=style),
            Text(proposed.reason),
        )
    console.print(table)
    unused = [f"{u.heading!r} ({u.seems})" for u in report.proposal.unused]
    if unused:
        console.print(Padding(Text(f"Not used: {', '.join(unused)}"), (0, 0, 0, 1)))


def _print_completeness(console: Console, report: CheckReport) -> None:
    _heading(console, "Completeness")
    table = _table("field", "filled", "blank", "for unknown", "damaged", "different", right=5)
    for own in report.completeness:
        counts = (own.filled, own.blank, own.placeholders, own.damaged)
        shares = [_percent(count, report.records) for count in counts]
        table.add_row(own.field, *shares, f"{own.distinct:,}")
    console.print(table)


def _print_formats(console: Console, report: CheckReport) -> None:
    shown = [own for own in report.formats if own.shares]
    if not shown:
        return
    _heading(console, "How values are written (dates: as 14 March 2011 would be)")
    table = _table("field", "written like", "share", right=0)
    table.columns[2].justify = "right"
    for own in shown:
        total = sum(share.count for share in own.shares)
        for index, share in enumerate(_most(own)):
            field = own.field if index == 0 else ""
            table.add_row(field, Text(share.label), _percent(share.count, total))
    console.print(table)
    for own in shown:
        if order := _order_sentence(own, report):
            console.print(Padding(Text(order), (0, 0, 0, 1)))


def _most(own: FieldFormats) -> tuple[FormatShare, ...]:
    shares = own.shares
    if len(shares) <= _FORMATS_SHOWN:
        return shares
    rest = sum(share.count for share in shares[_FORMATS_SHOWN - 1 :])
    others = len(shares) - _FORMATS_SHOWN + 1
    return (*shares[: _FORMATS_SHOWN - 1], FormatShare(f"{others} other ways", rest))


def _order_sentence(own: FieldFormats, report: CheckReport) -> str:
    order = own.order
    if order is None or not order.either:
        return ""
    taken = "are damaged" if report.plan.profile == "generic/1" else "are read day first"
    return (
        f"{own.field}, in figures with the year last: {order.day_first:,} can only be day first, "
        f"{order.month_first:,} only month first; {order.either:,} could be either and {taken}."
    )


def _print_placeholders(console: Console, report: CheckReport) -> None:
    if not report.placeholders:
        return
    _heading(console, "Values that may stand for nothing")
    table = _table("field", "what", "cells", "encoded as")
    table.columns[2].justify = "right"
    for found in report.placeholders:
        outcome = "missing" if found.taken_as_missing else "they are"
        table.add_row(found.field, Text(found.what), f"{found.count:,}", outcome)
    console.print(table)


def _print_duplicates(console: Console, report: CheckReport) -> None:
    _heading(console, "Duplicates")
    same = sum(map(len, report.rows.same))
    lines = [
        _ids_sentence(report),
        f"rows the same in every field once standardised: {same:,} in {len(report.rows.same):,} "
        f"groups{_first_groups(report.rows.same)}",
        f"rows without a value in any field: {len(report.rows.empty):,}",
    ]
    _print_list(console, ["–"] * len(lines), lines)


def _ids_sentence(report: CheckReport) -> str:
    ids = f"record ids: {len(report.ids.blank):,} rows without one, "
    if report.alternates:
        return ids + f"{len(report.ids.repeated):,} with alternates"
    return ids + f"{sum(map(len, report.ids.repeated)):,} rows with another's"


def _first_groups(groups: Sequence[Sequence[int]]) -> str:
    if not groups:
        return ""
    first = "; ".join(" = ".join(map(str, group[:4])) for group in groups[:4])
    return f" (rows {first}{'; …' if len(groups) > 4 else ''})"


def _print_damaged(console: Console, report: CheckReport) -> None:
    if not report.damaged:
        return
    _heading(console, f"Damaged cells: {len(report.damaged):,}")
    table = _table("field", "what is wrong", "cells", "encoding")
    table.columns[2].justify = "right"
    outcome = {cell.field: cell.outcome for cell in report.damaged}
    for field, reason, count in reasons((cell.field, cell.reason) for cell in report.damaged):
        table.add_row(field, Text(reason), f"{count:,}", outcome[field])
    console.print(table)
    # Beyond the terminal, a report may go anywhere; there it says where, not what.
    with_values = console.is_terminal
    places = _table("row", "column", *["value"] * with_values, "what is wrong")
    for cell in report.damaged[:_CELLS_SHOWN]:
        value = [Text(_visible(cell.value))] * with_values
        places.add_row(str(cell.row), Text(_visible(cell.column)), *value, Text(cell.reason))
    console.print(places)
    more = len(report.damaged) - _CELLS_SHOWN
    if more > 0:
        console.print(f" and {more:,} more; all of them with --bad-rows-out bad-rows.csv")


def _print_changes(console: Console, report: CheckReport, *, sample: bool) -> None:
    _heading(console, "What standardisation changes")
    table = _table("field", "share of the values that aren't blank")
    for own in report.changes:
        total = sum(count for _, count in own.counts)
        ways = ", ".join(f"{name} {_percent(count, total)}" for name, count in own.counts)
        table.add_row(own.field, Text(ways or "–"))
    console.print(table)
    if not sample:
        console.print(" For values before and after, on this terminal only: --sample")
        return
    shown = _table("field", "change", "before", "after")
    for one in report.samples:
        after = Text(_visible(one.after)) if one.after else Text("(missing)", style="dim")
        shown.add_row(one.field, one.change, Text(_visible(one.before)), after)
    console.print(shown)


def _heading(console: Console, title: str) -> None:
    console.print()
    console.print(Text(title, style="bold"))


def _table(*headings: str, right: int = 0) -> Table:
    """Return a table whose last ``right`` columns are aligned to the right."""
    table = Table(box=SIMPLE_HEAD, pad_edge=True, show_edge=False, padding=(0, 1))
    for index, heading in enumerate(headings):
        is_number = index >= len(headings) - right
        table.add_column(heading, justify="right" if is_number else "left", overflow="fold")
    return table


def _visible(value: str) -> str:
    """Return a value cut to width, with what a terminal would act on written out."""
    cut = value if len(value) <= _VALUE_WIDTH else value[:_VALUE_WIDTH] + "…"
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in cut)


def _percent(count: int, total: int) -> str:
    """Return a share that shows the few: 0% and 100% are exact."""
    share = count / total if total else 0.0
    if 0 < share < 0.01:
        return "<1%"
    if 0.99 < share < 1:
        return ">99%"
    return f"{share:.0%}"
