"""What `matcher evaluate --format text` prints: a table of what was counted and estimated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_FIGURES = ("precision", "recall", "f1")
_NO_VALUE = "(empty)"
_Row = tuple[str, ...]


def evaluation_text(result: dict[str, Any]) -> str:
    """Return the outcome of `matcher.runs.evaluate.evaluate` as a table for a terminal.

    Counted figures have their 95% confidence intervals beside them; below each line of a pair of
    agencies or a subgroup stands what the model estimated without truth.
    """
    rows = [
        ("", "precision", "", "recall", "", "F1", "", "links", "matches"),
        _row(f"truth, probability ≥ {result['threshold']:g}", result["at_threshold"]),
        _row("the model's own estimate", result["estimated"]),
        _row("truth, best threshold", result["best"]),
    ]
    rows += _section("by pair of agencies", result["by_pair"], _pair_name)
    for column, parts in result["by_subgroup"].items():
        rows += _section(f"by {column}", parts, _value_name)
    widths = [max(len(row[k]) for row in rows if len(row) > 1) for k in range(len(rows[0]))]
    table = [_line(row, widths) for row in rows]
    return "\n".join([*table, "", "Brackets hold 95% confidence intervals."])


def _section(
    title: str, parts: list[dict[str, Any]], name_of: Callable[[dict[str, Any]], str]
) -> list[_Row]:
    rows: list[_Row] = [("",), (title,)]
    for part in parts:
        rows += [_row(name_of(part), part["at_threshold"]), _row("  estimate", part["estimated"])]
    return rows


def _pair_name(part: dict[str, Any]) -> str:
    first, second = part["agencies"]
    return f"within {first}" if first == second else f"{first} × {second}"


def _value_name(part: dict[str, Any]) -> str:
    return str(part["value"]) or _NO_VALUE


def _row(name: str, quality: dict[str, Any]) -> _Row:
    limits = quality.get("intervals", {})
    cells = [name]
    for figure in _FIGURES:
        cells += [f"{quality[figure]:.3f}", _bracket(limits.get(figure))]
    return (*cells, f"{quality['links']:,}", f"{quality['matches']:,.0f}")


def _bracket(limits: list[float] | None) -> str:
    return "" if limits is None else f"[{limits[0]:.3f}, {limits[1]:.3f}]"


def _line(row: _Row, widths: list[int]) -> str:
    """Align a row: its name and its brackets to the left, its numbers to the right."""
    if len(row) == 1:
        return row[0]
    cells = [
        f"{cell:<{width}}" if k == 0 or not cell or cell.startswith("[") else f"{cell:>{width}}"
        for k, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()
