"""Networks of association, and places that several people share."""

from __future__ import annotations

from typing import Any, TypeAlias

import networkx as nx
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agency_client.cohort.analysis.links import Links

Graph: TypeAlias = Any  # networkx.Graph of people by pseudonym; networkx says nothing of types


def association_network(associations: pd.DataFrame, links: Links, least: int = 1) -> Graph:
    """Return who is associated with whom, by at least ``least`` reports.

    Nodes are people with ``agencies`` (how many know them). Edges have ``reports`` (rows of the
    table), ``agencies`` and ``associations`` (by name, comma-separated) and ``probability``: that
    the reports are of these two people, both records being rightly linked, by at least one agency.
    """
    graph: Graph = nx.Graph()
    rows = associations[associations["person"] != associations["other"]]
    ends = np.sort(rows[["person", "other"]].to_numpy(str), axis=1)
    rows = rows.assign(one=ends[:, 0], two=ends[:, 1])
    rows = rows[rows.groupby(["one", "two"])["agency"].transform("size") >= least]
    by = rows.groupby(["one", "two"], sort=True)
    pair = np.asarray(by.ngroup(), np.int64)
    pairs = by.size().rename("reports").reset_index()
    pairs["agencies"] = _joined(pair, rows["agency"], len(pairs))
    pairs["associations"] = _joined(pair, rows["association"], len(pairs))
    wrong = np.ones((len(pairs), len(links.agencies)))
    wrong[pair, links.columns_of(rows["agency"])] = 1 - _held(rows, links, "one") * _held(
        rows, links, "two"
    )
    pairs["probability"] = 1 - wrong.prod(axis=1)
    graph.add_edges_from((own.pop("one"), own.pop("two"), own) for own in pairs.to_dict("records"))
    _describe_people(graph, links)
    return graph


def shared_places(events: pd.DataFrame, links: Links, least: int = 2) -> pd.DataFrame:
    """Return the places with events of at least ``least`` people, the most people first.

    Columns place, district, people, agencies, events, and expected, how many people that is once
    links that may be wrong are taken into account: a record that isn't the person's is another's.
    """
    rows = events.dropna(subset=["place"])
    held = rows.assign(held=_held(rows, links, "person"))
    each = held.groupby(["place", "person", "agency"], sort=True)["held"].first().reset_index()
    found = rows.groupby("place", sort=True).agg(
        district=("district", "first"),
        people=("person", "nunique"),
        agencies=("agency", "nunique"),
        events=("event", "size"),
    )
    found["expected"] = _expected_people(each)
    found = found[found["people"] >= least].reset_index()
    return found.sort_values(
        ["people", "events", "place"], ascending=[False, False, True], ignore_index=True
    )


def place_network(events: pd.DataFrame, links: Links, least: int = 2) -> Graph:
    """Return people and the places they share, with an edge where a person has events at a place.

    Nodes have ``kind`` ("person" or "place") and ``agencies``: how many know the person, or have
    told of events at the place. Edges have ``events``.
    """
    shared = shared_places(events, links, least)
    rows = events[events["place"].isin(shared["place"])]
    graph: Graph = nx.Graph()
    for place, agencies in zip(shared["place"], shared["agencies"].tolist(), strict=True):
        graph.add_node(place, kind="place", agencies=agencies)
    found = rows.groupby(["person", "place"], sort=True).size().reset_index(name="events")
    told = zip(found["person"], found["place"], found["events"].tolist(), strict=True)
    graph.add_edges_from(
        (person, place, {"events": count, "reports": count}) for person, place, count in told
    )
    _describe_people(graph, links)
    return graph


def groups(graph: Graph) -> pd.DataFrame:
    """Return the parts of a network that hang together, the largest first.

    Columns group, people, edges, reports, bridges (people without whom it would fall apart), and
    members.
    """
    parts = sorted(nx.connected_components(graph), key=lambda part: (-len(part), min(part)))
    rows = []
    for number, part in enumerate(parts, start=1):
        own = graph.subgraph(part)
        rows.append(
            {
                "group": number,
                "people": len(part),
                "edges": own.number_of_edges(),
                "reports": sum(told for _, _, told in own.edges(data="reports", default=0)),
                "bridges": sum(1 for _ in nx.articulation_points(own)),
                "members": sorted(part),
            }
        )
    return pd.DataFrame(rows, columns=["group", "people", "edges", "reports", "bridges", "members"])


def edges(graph: Graph) -> pd.DataFrame:
    """Return a network's edges as a table, the most reports first."""
    found: pd.DataFrame = nx.to_pandas_edgelist(graph, source="one", target="two")
    if found.empty:
        return pd.DataFrame(columns=["one", "two", "reports"])
    return found.sort_values(
        ["reports", "one", "two"], ascending=[False, True, True], ignore_index=True
    )


def _joined(group: NDArray[np.int64], words: pd.Series[str], groups: int) -> NDArray[np.object_]:
    """Return per group its different words in order, comma-separated; ``group`` is int64 (n,)."""
    of, names = pd.factorize(words, sort=True)
    there = np.zeros((groups, len(names)), np.bool_)
    there[group, of] = True
    sets, which = np.unique(there, axis=0, return_inverse=True)
    texts = [", ".join(names[own]) for own in sets]
    return np.array(texts, object)[which.ravel()]


def _held(rows: pd.DataFrame, links: Links, column: str) -> NDArray[np.float64]:
    return links.held[links.rows_of(rows[column]), links.columns_of(rows["agency"])]


def _expected_people(each: pd.DataFrame) -> pd.Series[float]:
    """Return by place the expected number of people: the person, if anyone's, and all others."""
    out = each.assign(out=1 - each["held"])
    by = out.groupby(["place", "person"], sort=True)["out"]
    return (1 - by.prod() + by.sum()).groupby("place").sum()


def _describe_people(graph: Graph, links: Links) -> None:
    people = [node for node, kind in graph.nodes(data="kind") if kind != "place"]
    agencies = links.known[links.rows_of(pd.Series(people, dtype=str))].sum(axis=1)
    for person, count in zip(people, agencies.tolist(), strict=True):
        graph.nodes[person].update(kind="person", agencies=count)
