"""The main job on files, without keys or a server, with the commands that a user would type.

Each agency encodes its own extract; the matcher, which has no key, links the encodings; the
outcome is measured against the truth, which a demo has and life has not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import click

from examples.febrl import AGREEMENT as FEBRL_AGREEMENT
from examples.febrl import write_febrl
from examples.safeguarding import write_scenario
from examples.showing import run_command

_SAFEGUARDING = Path(__file__).parent / "safeguarding"


@dataclass(frozen=True)
class Example:
    """One demonstration: how its extracts are made, and who holds them."""

    name: str
    title: str
    agreement: Path
    agencies: tuple[str, ...]
    write: Callable[[Path], None]
    columns: dict[str, Path] = field(default_factory=dict)


FEBRL = Example(
    "febrl4",
    "FEBRL 4: two agencies, 3,334 and 3,333 fictional people, 1,667 known to both",
    FEBRL_AGREEMENT,
    ("a", "b"),
    lambda out: write_febrl(out, seed=1),
)
AGENCIES = ("police", "social_care", "youth_offending", "health", "education")
SAFEGUARDING = Example(
    "safeguarding",
    "Safeguarding: five agencies, about 4,000 simulated children each",
    _SAFEGUARDING / "agreement.toml",
    AGENCIES,
    lambda out: write_scenario(out, seed=1),
    {agency: _SAFEGUARDING / "columns" / f"{agency}.toml" for agency in AGENCIES},
)


def run(example: Example, folder: Path) -> None:
    """Encode, link and measure one example, in a folder of its own."""
    click.secho(f"\n── {example.title}", bold=True)
    folder.mkdir(parents=True, exist_ok=True)
    example.write(folder)
    secret = folder / "secret.key"
    secret.unlink(missing_ok=True)
    run_command("agency-client", "secret", "create", "--out", secret)
    for agency in example.agencies:
        _encode(example, folder, agency, secret)
    encoded = [folder / f"{agency}.arrow" for agency in example.agencies]
    run_command(
        "matcher", "link", *encoded, "--agreement", example.agreement, "--out", folder / "run"
    )
    maps = [f"--map={agency}={folder / agency}.map.parquet" for agency in example.agencies]
    run_command(
        "matcher", "evaluate", folder / "run", "--truth", folder / "truth.csv", *maps,
        "--format", "text",
    )  # fmt: skip


def _encode(example: Example, folder: Path, agency: str, secret: Path) -> None:
    columns = example.columns.get(agency)
    run_command(
        "agency-client", "encode", folder / f"{agency}.csv",
        "--agreement", example.agreement, "--agency", agency, "--secret-file", secret,
        "--out", folder / f"{agency}.arrow", "--map-out", folder / f"{agency}.map.parquet",
        *(("--columns", columns) if columns else ()), lines=1,
    )  # fmt: skip
