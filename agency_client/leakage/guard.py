"""The attack on a sample before anything leaves, and its report, whatever the verdict."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agency_client.leakage.page import as_html
from agency_client.leakage.record import as_json
from agency_client.leakage.verdict import require_no_leak
from agency_client.outputs import write_together
from hashing.risk import LeakageReport, assess
from hashing.secret import LinkageSecret
from hashing.standardise import StandardRows
from linkage.protocol.scheme import Scheme

Report = Callable[[str], None]


@dataclass(frozen=True)
class Guard:
    """Where the report goes, and the reason, if any, for going on over the limit."""

    agency: str
    page: Path
    overruled: str | None

    @property
    def files(self) -> tuple[Path, Path]:
        """The page, and the same in JSON beside it."""
        return self.page, self.page.with_suffix(".json")

    def record(self, leakage: LeakageReport) -> bytes:
        """Return the report in JSON, as it is written."""
        return as_json(leakage, self.agency, self.overruled).encode()

    def attack(
        self,
        scheme: Scheme,
        secret: LinkageSecret,
        sample: StandardRows,
        report: Report,
        *,
        clean: bool,
    ) -> LeakageReport:
        """Attack a sample, write the report, and raise `LeakageError` for a leak."""
        leakage = assess(
            scheme,
            secret,
            sample,
            secrets.randbits(64),
            report=lambda name: report(f"attacking a sample ({name})"),
            clean=clean,
        )
        page = as_html(leakage, self.agency, self.overruled)
        record = self.record(leakage)
        first, second = self.files
        write_together(
            second, lambda sink: sink.write(record),
            first, lambda sink: sink.write(page.encode()),
        )  # fmt: skip
        require_no_leak(leakage, self.overruled)
        return leakage
