"""The report as a page that prints and loads nothing, and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2

from examples.safeguarding.quarters.guild import analysis, linkage, provision, reporting
from examples.safeguarding.quarters.guild.facts import Facts
from examples.safeguarding.quarters.guild.items import CITATION, STEPS, Item

FORMAT = "concord-guild/1"
_TEMPLATES = Path(__file__).with_name("templates")


def write_report(folder: Path, facts: Facts) -> tuple[Path, Path]:
    """Write ``guild.html`` and ``guild.json`` into a new folder; return both paths."""
    report = as_record(facts)
    folder.mkdir(parents=True)
    page, record = folder / "guild.html", folder / "guild.json"
    page.write_text(_page(report), encoding="utf-8")
    record.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return page, record


def as_record(facts: Facts) -> dict[str, Any]:
    """Return the report as plain data."""
    terms = facts.agreement.agreement
    return {
        "format": FORMAT,
        "title": terms.title,
        "quarter": facts.newest.quarter.name,
        "agreement": {
            "id": terms.id,
            "version": terms.version,
            "epoch": terms.epoch,
            "digest": facts.agreement.digest(),
        },
        "run": facts.cohort["run"],
        "cohort": facts.cohort["id"],
        "written": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "seconds": round(facts.seconds),
        "guidance": CITATION,
        "outputs": asdict(facts.outputs),
        "steps": [
            {
                "step": number,
                "title": title,
                "items": [asdict(own) for own in _answers(name, facts)],
            }
            for number, (name, title) in enumerate(STEPS.items(), start=1)
        ],
    }


def _answers(step: str, facts: Facts) -> list[Item]:
    answers = {
        "provision": provision.items,
        "linkage": linkage.items,
        "analysis": analysis.items,
        "reporting": reporting.items,
    }
    return list(answers[step](facts))


def _page(report: dict[str, Any]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("guild.html").render(report=report)
