"""The analyst's work on a quarter's cohort: the questions of the reviews, answered with intervals.

What is found here is exact, and stays with the analyst. What leaves are tables that
``release-check`` has let through.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from agency_client.cohort import Cohort, open_cohort
from agency_client.cohort.analysis.knowing import Absence
from agency_client.cohort.analysis.moves import move_counts
from agency_client.cohort.analysis.networks import groups
from examples.safeguarding.quarters.hotspots import borough_of, boroughs
from examples.safeguarding.quarters.periods import TOLD_OF, Quarter
from examples.safeguarding.quarters.stage import ANALYST, Stage
from examples.showing import say_note

PURPOSE = "safeguarding-exploitation"
MISSING, MEASURE, MEETING = "missing_episode", "disruption_measure", "meeting"
NOT_KNOWN = "not known"
URGENT = 20
_REASON = "The quarterly profile of missing and exploited children."


def pull(stage: Stage, quarter: Quarter) -> Path:
    """Let the analyst pull the cohort of the quarter's run; return its folder."""
    say_note("The analyst pulls the cohort: pseudonyms, probabilities and coarse events, no names.")
    folder = cohort_folder(stage, quarter)
    stage.act(
        ANALYST, quarter, "cohort", "pull", "--purpose", PURPOSE,
        "--reference", f"MACE {quarter.name}", "--reason", _REASON, "--out", folder,
        shown=True,
    )  # fmt: skip
    return folder


def cohort_folder(stage: Stage, quarter: Quarter) -> Path:
    """Return where the analyst keeps a quarter's cohort."""
    return stage.place(ANALYST, quarter) / "cohort"


@dataclass(frozen=True)
class Study:
    """One quarter's cohort under study, beside the quarter before."""

    folder: Path
    quarter: Quarter

    @cached_property
    def cohort(self) -> Cohort:
        """The cohort."""
        return open_cohort(self.folder)

    @property
    def now(self) -> str:
        """The name of the quarter."""
        return self.quarter.name

    @property
    def before(self) -> str:
        """The name of the quarter before, of which agencies have told as well."""
        return TOLD_OF[self.quarter][0].name

    @property
    def areas(self) -> dict[str, str]:
        """The borough of each outward postcode that the cohort has."""
        districts = {*self.cohort.events["district"], *self.cohort.memberships["home"]}
        known = sorted(own for own in districts if isinstance(own, str))
        return {own: borough_of(own) for own in known if own[:2] in boroughs()}

    def most_urgent(self) -> pd.DataFrame:
        """Return the children of most concern, by missing episodes and agencies."""
        return self.cohort.most_concern(URGENT, event=MISSING, quarter=self.now)

    def known_to_charity_alone(self) -> Absence:
        """Return who is known to the charity and not to the police."""
        return self.cohort.absent(known_to="charity", absent_from="police")

    def missing_unreported(self) -> Absence:
        """Return whom the charity knows to go missing, and the police don't."""
        return self.cohort.absent(
            known_to="charity", absent_from="police", known_event=MISSING, absent_event=MISSING,
            quarter=self.now,
        )  # fmt: skip

    def meetings(self) -> pd.DataFrame:
        """Return how many children were discussed at either meeting, or both."""
        return self.cohort.overlap("mase", "mace", event=MEETING, quarter=self.now)

    def networks(self) -> pd.DataFrame:
        """Return the groups of children who went missing together, the largest first."""
        return groups(self.cohort.network(association="missing_together"))

    def places(self) -> pd.DataFrame:
        """Return the places that several missing children share."""
        return self.cohort.shared_places(event=MISSING, quarter=self.now)

    def moves(self) -> pd.DataFrame:
        """Return how many children agencies place in two boroughs."""
        found = self.cohort.moves(boroughs=self.areas, home="home")
        return move_counts(found[found["shown_by"] == "homes"])

    def measures(self) -> pd.DataFrame:
        """Return disruption measures per missing episode, by borough and quarter."""
        return self.cohort.rates(MEASURE, MISSING, boroughs=self.areas)

    def change(self) -> pd.DataFrame:
        """Return missing episodes by borough, beside the quarter before."""
        found = self.cohort.changes(self.now, self.before, by=("event", "area"),
                                    boroughs=self.areas)  # fmt: skip
        return found[found["event"] == MISSING].drop(columns="event").reset_index(drop=True)

    def children_behind(self, event: str) -> dict[tuple[str, str], int]:
        """Return how many children have such events, by borough and quarter of the events."""
        events = self.cohort.events
        own = events[events["event"] == event]
        area = own["district"].map(self.areas).fillna(NOT_KNOWN)
        children = own.assign(area=area)[["area", "quarter", "person"]].drop_duplicates()
        where = zip(children["area"].astype(str), children["quarter"].astype(str), strict=True)
        return dict(Counter(where))

    def keep(self) -> None:
        """Write the working papers beside the cohort: they stay with the analyst."""
        papers = self.folder.with_name("papers")
        papers.mkdir()
        answers = {
            "most-urgent": self.most_urgent(), "meetings": self.meetings(),
            "places": self.places(), "moves": self.moves(), "measures": self.measures(),
            "change": self.change(), "networks": self.networks().drop(columns="members"),
        }  # fmt: skip
        for name, frame in answers.items():
            frame.to_csv(papers / f"{name}.csv", index=False)
        network = self.cohort.network(association="missing_together")
        self.cohort.picture(network, "Children who went missing together").save(
            papers / "networks.svg"
        )


def released(stage: Stage, study: Study) -> list[dict[str, Any]]:
    """Make the tables that are to leave, and have each checked and mended; see the report."""
    say_note("Tables that are to leave go through release-check, which withholds and rounds.")
    folder = study.folder.with_name("tables")
    folder.mkdir()
    cohort, mine = study.cohort, {"quarter": [study.before, study.now]}
    tables = {
        "missing-by-area": cohort.table(
            "area", "quarter", value="events", boroughs=study.areas,
            where={"event": MISSING, **mine},
        ),
        "people-by-agency": cohort.table("agency", "sex", where={"sex": ["f", "m"]}),
        "discussed-by-meeting": cohort.table(
            "kind", "quarter", where={"event": MEETING, "kind": ["mace", "mase"], **mine}
        ),
    }  # fmt: skip
    found = []
    for name, table in tables.items():
        exact = table.write(folder / f"{name}.csv")
        safe = folder / f"{name}.safe.csv"
        said = stage.desks[ANALYST].client(
            "cohort", "release-check", exact, "--cohort", study.folder, "--out", safe,
            "--format", "json", keys=False,
        )  # fmt: skip
        found.append({"name": name, "file": str(safe), "checked": json.loads(said)})
    return found
