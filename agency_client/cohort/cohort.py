"""The Python API for analysts: open a cohort, ask it, and make tables that may leave.

::

    from agency_client.cohort import open_cohort

    cohort = open_cohort("cohort-2026Q3")
    cohort.most_concern(event="missing_episode", quarter="2026Q3")
    cohort.absent(known_to="charity", absent_from="police", absent_event="missing_episode")

Every answer is a pandas frame or holds one. What it says is exact and not to be published: tables
that leave are made by `Cohort.table` and go through ``agency-client cohort release-check``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from agency_client.cohort.analysis import concern, knowing, measures, moves, networks, overlaps
from agency_client.cohort.analysis.choosing import Words, chosen
from agency_client.cohort.analysis.frames import Frames, read_frames
from agency_client.cohort.analysis.links import Links, read_links
from agency_client.cohort.release.spec import TableSpec, Value, dimension_names
from agency_client.cohort.release.table import Table, make_table

if TYPE_CHECKING:
    from agency_client.cohort.analysis.pictures import Picture


def open_cohort(folder: str | Path) -> Cohort:
    """Open the folder that ``agency-client cohort pull`` wrote; see `Cohort`.

    Raise `InputError` where it is no cohort, `VerificationError` where a file was changed.
    """
    return Cohort(read_frames(Path(folder)))


class Cohort:
    """A cohort of linked people under pseudonyms.

    ``people``, ``memberships``, ``events``, ``associations``, ``coverage`` and ``households`` are
    its tables, as ``dictionary.csv`` explains them. Wherever ``event``, ``kind`` or ``quarter`` is
    asked for, one word or several may be given, and None means all.
    """

    def __init__(self, frames: Frames) -> None:
        self.frames = frames
        self.description = frames.description
        self.people = frames.people
        self.memberships = frames.memberships
        self.events = frames.events
        self.associations = frames.associations
        self.coverage = frames.coverage
        self.households = frames.households

    @cached_property
    def links(self) -> Links:
        """How surely each agency's record is the person's."""
        return read_links(self.memberships, self.description.agencies)

    @property
    def quarters(self) -> list[str]:
        """The quarters that events fall in, the earliest first."""
        return sorted(self.events["quarter"].dropna().unique())

    def most_concern(
        self, n: int = 20, *, event: Words = None, quarter: Words = None,
        order: concern.Order = "score",
    ) -> pd.DataFrame:  # fmt: skip
        """Return the ``n`` people of most concern; see `concern.most_concern`."""
        own = chosen(self.events, event=event, quarter=quarter)
        return concern.most_concern(own, self.links, n, order)

    def absent(
        self, *, known_to: str, absent_from: str | tuple[str, ...], known_event: Words = None,
        absent_event: Words = None, quarter: Words = None,
    ) -> knowing.Absence:  # fmt: skip
        """Return who is known to one agency and absent from others; see `knowing.Absence`.

        With ``known_event`` or ``absent_event`` only events of that type and quarter count as
        being known there; without, any record does.
        """
        asked = knowing.Asked(known_to, absent_from, known_event, absent_event, quarter)
        return knowing.absent_people(self.frames, self.links, asked)

    def known_pairs(self) -> pd.DataFrame:
        """Return per pair of agencies how many people both know; see `knowing.known_pairs`."""
        return knowing.known_pairs(self.frames, self.links)

    def overlap(
        self, first: str, second: str, *, event: Words = None, quarter: Words = None
    ) -> pd.DataFrame:
        """Return who has events of either kind, or both; see `overlaps.overlap`."""
        own = chosen(self.events, event=event, quarter=quarter)
        return overlaps.overlap(own, self.links, self.description, (first, second))

    def network(
        self, *, association: Words = None, agency: Words = None, least: int = 1
    ) -> networks.Graph:
        """Return who is associated with whom; see `networks.association_network`."""
        own = self.associations.rename(columns={"association": "event"})
        own = chosen(own, event=association, agency=agency)
        own = own.rename(columns={"event": "association"})
        return networks.association_network(own, self.links, least)

    def shared_places(
        self, *, event: Words = None, quarter: Words = None, least: int = 2
    ) -> pd.DataFrame:
        """Return places with events of several people; see `networks.shared_places`."""
        own = chosen(self.events, event=event, quarter=quarter)
        return networks.shared_places(own, self.links, least)

    def place_network(
        self, *, event: Words = None, quarter: Words = None, least: int = 2
    ) -> networks.Graph:
        """Return people and the places they share; see `networks.place_network`."""
        own = chosen(self.events, event=event, quarter=quarter)
        return networks.place_network(own, self.links, least)

    def moves(
        self, *, boroughs: Mapping[str, str] | None = None, home: str | None = None,
        quarter: Words = None,
    ) -> pd.DataFrame:  # fmt: skip
        """Return people placed in several boroughs; see `moves.moves`.

        ``boroughs`` maps outward postcodes to boroughs (else postcode areas stand for them);
        ``home`` is the attribute with the home's outward postcode, if agencies gave one.
        """
        own = chosen(self.events, quarter=quarter)
        return moves.moves(self.memberships, own, self.links, boroughs, home)

    def rates(
        self, measure: str, per: str, *, by: tuple[str, ...] = ("area", "quarter"),
        boroughs: Mapping[str, str] | None = None,
    ) -> pd.DataFrame:  # fmt: skip
        """Return events per event, such as measures per missing episode; see `measures.rates`.

        ``by`` names columns of the events, or ``area``: the borough of the event's district.
        """
        return measures.rates(self._with_area(boroughs), self.links, measure, per, list(by))

    def changes(
        self, quarter: str, before: str, *, by: tuple[str, ...] = ("event",),
        boroughs: Mapping[str, str] | None = None,
    ) -> pd.DataFrame:  # fmt: skip
        """Return episodes in one quarter beside another; see `measures.changes`."""
        return measures.changes(self._with_area(boroughs), self.links, quarter, before, list(by))

    def people_changed(self, quarter: str, before: str, *, event: Words = None) -> pd.DataFrame:
        """Return per person the episodes of two quarters; see `measures.people_changed`."""
        return measures.people_changed(self.events, self.links, quarter, before, event)

    def picture(self, network: networks.Graph, title: str) -> Picture:
        """Return a network as a picture with its table; see `pictures.network_picture`."""
        from agency_client.cohort.analysis.pictures import network_picture  # noqa: PLC0415

        return network_picture(network, title)

    def table(
        self, rows: str | tuple[str, ...], columns: str | tuple[str, ...] = (), *,
        value: Value = "people", where: Mapping[str, Words] | None = None,
        boroughs: Mapping[str, str] | None = None,
    ) -> Table:  # fmt: skip
        """Return a table of counts with totals, to be written and checked before it leaves.

        ``value`` is "people" or "events"; ``where`` keeps rows with these values of a column. See
        `agency_client.cohort.release`.
        """
        spec = TableSpec(
            cohort=self.description.id,
            value=value,
            rows=dimension_names(rows),
            columns=dimension_names(columns),
            where={name: tuple([own] if isinstance(own, str) else own or ())
                   for name, own in sorted((where or {}).items())},
            boroughs=None if boroughs is None else dict(sorted(boroughs.items())),
        )  # fmt: skip
        return make_table(self.frames, spec)

    def _with_area(self, boroughs: Mapping[str, str] | None) -> pd.DataFrame:
        return self.events.assign(area=moves.borough_of(self.events["district"], boroughs))
