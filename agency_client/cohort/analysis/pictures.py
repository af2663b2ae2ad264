"""Pictures with a table beside each: SVG, without scripts, to look at in a notebook or to keep."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import altair as alt
import networkx as nx
import pandas as pd
import vl_convert

from agency_client.cohort.analysis.networks import Graph, edges
from agency_client.outputs import write_alone

_WIDTH, _HEIGHT = 460, 380
_FONT = "Arial, Helvetica, sans-serif"
_BLUE, _ORANGE, _GREY = "#0b5394", "#c8570a", "#9aa5b1"
_SHOWN = 8  # digits of a pseudonym, enough to find it in the table
_SEED = 1


@dataclass(frozen=True, repr=False)
class Picture:
    """An SVG with what it shows in words, and the table that has the same figures."""

    title: str
    svg: str
    table: pd.DataFrame

    def _repr_html_(self) -> str:
        return (
            f'<figure role="img" aria-label="{html.escape(self.title)}">{self.svg}'
            f"<figcaption>{html.escape(self.title)}</figcaption></figure>"
            f"{self.table.to_html(index=False, border=0)}"
        )

    def save(self, path: Path) -> None:
        """Write the SVG to ``path`` and the table beside it, as CSV under the same name."""
        write_alone(path, self.svg.encode())
        write_alone(path.with_suffix(".csv"), self.table.to_csv(index=False).encode())


def network_picture(graph: Graph, title: str, most: int = 150) -> Picture:
    """Draw a network: people as dots, the larger the more agencies know them, places as squares.

    Of a larger one the people with the most edges are drawn, ``most`` at most; the table has all.
    """
    busiest = sorted(graph.degree, key=lambda own: (-own[1], own[0]))[:most]
    shown = graph.subgraph([node for node, _ in busiest])
    # A subgraph's order is that of a set of strings, which changes from process to process.
    drawn: Graph = nx.Graph()
    drawn.add_nodes_from((node, shown.nodes[node]) for node in sorted(shown))
    drawn.add_edges_from(sorted(shown.edges(data=True), key=lambda own: own[:2]))
    place = nx.spring_layout(
        drawn, seed=_SEED, k=None if len(drawn) < 3 else 1.6 / len(drawn) ** 0.5
    )
    ends = [
        {"x": place[a][0], "y": place[a][1], "x2": place[b][0], "y2": place[b][1], "reports": told}
        for a, b, told in drawn.edges(data="reports", default=1)
    ]
    dots = [_dot(node, drawn.nodes[node], place[node]) for node in drawn]
    left_out = len(graph) - len(drawn)
    more = f" ({left_out:,} with fewer edges aren't drawn)" if left_out else ""
    return Picture(title + more, _svg(_edge_layer(ends), _dot_layer(dots)), edges(graph))


def bar_picture(table: pd.DataFrame, title: str, x: str, y: str, colour: str) -> Picture:
    """Draw ``y`` over ``x``, side by side by ``colour``, with whiskers low to high if any."""
    data = alt.InlineData(values=_records(table))
    base = alt.Chart(data).encode(x=alt.X(f"{x}:N", title=x), xOffset=f"{colour}:N")
    bars = base.mark_bar().encode(
        y=alt.Y(f"{y}:Q", title=y),
        color=alt.Color(f"{colour}:N", legend=alt.Legend(orient="top", title=None)),
    )
    layers = [bars]
    if {"low", "high"} <= set(table.columns):
        layers.append(base.mark_rule(color="#1b2733").encode(y="low:Q", y2="high:Q"))
    return Picture(title, _svg(*layers), table)


def _dot(node: str, described: dict[str, Any], place: Any) -> dict[str, Any]:
    return {
        "x": place[0], "y": place[1], "kind": described["kind"], "label": node[:_SHOWN],
        "agencies": described["agencies"],
    }  # fmt: skip


def _edge_layer(ends: list[dict[str, Any]]) -> alt.Chart:
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=ends))
        .mark_rule(color=_GREY)
        .encode(
            x=alt.X("x:Q", axis=None), y=alt.Y("y:Q", axis=None), x2="x2:Q", y2="y2:Q",
            strokeWidth=alt.StrokeWidth("reports:Q", legend=None, scale=alt.Scale(range=[1, 4])),
        )
    )  # fmt: skip
    return chart


def _dot_layer(dots: list[dict[str, Any]]) -> alt.Chart:
    kinds = alt.Scale(domain=["person", "place"], range=[_BLUE, _ORANGE])
    shapes = alt.Scale(domain=["person", "place"], range=["circle", "square"])
    legend = alt.Legend(orient="top", title=None)
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=dots))
        .mark_point(filled=True, opacity=1)
        .encode(
            x=alt.X("x:Q", axis=None), y=alt.Y("y:Q", axis=None),
            size=alt.Size("agencies:Q", legend=None, scale=alt.Scale(range=[30, 160])),
            color=alt.Color("kind:N", scale=kinds, legend=legend),
            shape=alt.Shape("kind:N", scale=shapes, legend=legend),
        )
    )  # fmt: skip
    return chart


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in own.items()} for own in table.to_dict("records")]


def _svg(*layers: alt.Chart) -> str:
    chart = alt.layer(*layers, width=_WIDTH, height=_HEIGHT).configure(
        font=_FONT, background="white", view={"stroke": None}
    )
    drawn: str = vl_convert.vegalite_to_svg(chart.to_dict())
    return drawn
