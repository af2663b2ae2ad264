"""What is known of a run once it has been played: of each agency, of the linkage, of what left."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from examples.safeguarding.quarters.analysing import Study
from examples.safeguarding.quarters.guild.figures import Outputs
from examples.safeguarding.quarters.linking import provided, run_folder
from examples.safeguarding.quarters.periods import Quarter
from examples.safeguarding.quarters.stage import AGENCIES, ANALYST, Stage
from examples.safeguarding.quarters.urgent import Disclosed
from linkage.protocol.agreement import Agreement, parse_agreement


@dataclass(frozen=True)
class Part:
    """One quarter: what was measured against the truth, the study, and the tables that left."""

    quarter: Quarter
    measured: Mapping[str, Any]
    study: Study
    released: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Facts:
    """Everything that a report is filled in from. ``verified`` is what the officer's check said."""

    stage: Stage
    parts: Sequence[Part]
    disclosed: Disclosed
    verified: Mapping[str, Any]
    seconds: float

    @property
    def newest(self) -> Part:
        """The quarter that the report is on."""
        return self.parts[-1]

    @cached_property
    def agreement(self) -> Agreement:
        """The agreement in force."""
        path = self.stage.agreement(ANALYST, self.newest.quarter)
        return parse_agreement(path.read_text(encoding="utf-8"), path.name)

    @cached_property
    def outputs(self) -> Outputs:
        """How counts may be told."""
        own = self.agreement.outputs
        return Outputs(own.least_cell, own.rounding)

    @cached_property
    def provided(self) -> Mapping[str, Mapping[str, Any]]:
        """What each agency's commands said of its files."""
        return {name: provided(self.stage, self.newest.quarter, name) for name in AGENCIES}

    @cached_property
    def leakage(self) -> Mapping[str, Mapping[str, Any]]:
        """Each agency's leakage report."""
        quarter = self.newest.quarter
        return {
            name: self._json(self.stage.place(name, quarter) / f"{name}.leakage.json")
            for name in AGENCIES
        }

    @cached_property
    def model(self) -> Mapping[str, Any]:
        """What the matcher keeps of the model of the run."""
        return self._json(run_folder(self.stage, self.newest.quarter) / "model.json")

    @cached_property
    def cohort(self) -> Mapping[str, Any]:
        """The cohort's own account of itself."""
        return self._json(self.newest.study.folder / "cohort.json")

    @staticmethod
    def _json(path: Any) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found
