"""A report as a self-contained page, and as a tagged PDF; the same state gives the same bytes."""

from __future__ import annotations

import base64
import json
from importlib import resources
from typing import Any, Final

import jinja2
import typst

from matcher.reports.blocks import Code, Document, Heading, Pairs, Section, Text
from matcher.runs.report.parts import Figure, Table

_KINDS: dict[type, str] = {
    Text: "text", Pairs: "pairs", Code: "code", Heading: "heading", Table: "table",
    Figure: "figure",
}  # fmt: skip
_OF = {"reports": "matcher.reports", "runs": "matcher.runs.report"}
"""Where templates lie: this report's own, and those of a run's report, whose tables it has."""
_NAMESPACE = '<svg xmlns="http://www.w3.org/2000/svg" '
_STANDARD: Final = "ua-1"  # ISO 14289-1: usable with assistive technology


def as_html(document: Document) -> bytes:
    """Return the report as one page without scripts, which loads nothing."""
    environment = jinja2.Environment(
        loader=jinja2.PrefixLoader({name: jinja2.PackageLoader(own) for name, own in _OF.items()}),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["kind"] = lambda block: _KINDS[type(block)]
    environment.filters["base64"] = lambda text: base64.b64encode(text.encode()).decode()
    return environment.get_template("reports/report.html").render(document=document).encode()


def as_pdf(document: Document) -> bytes:
    """Return the report as a PDF/UA-1 on A4, set in fonts that come with the typesetter."""
    source = resources.files("matcher.reports").joinpath("templates/report.typ").read_bytes()
    made = typst.compile(
        source,
        format="pdf",
        sys_inputs={"document": json.dumps(_plain(document))},
        pdf_standards=_STANDARD,
        ignore_system_fonts=True,
        timestamp=0,
    )
    assert isinstance(made, bytes)
    return made


def _plain(document: Document) -> dict[str, Any]:
    return {
        "title": document.title,
        "subtitle": document.subtitle,
        "sections": [_section(section) for section in document.sections],
    }


def _section(section: Section) -> dict[str, Any]:
    return {
        "title": section.title,
        "clause": section.clause,
        "blocks": [{"kind": _KINDS[type(block)], **_block(block)} for block in section.blocks],
    }


def _block(block: Text | Pairs | Code | Heading | Table | Figure) -> dict[str, Any]:
    if isinstance(block, Figure):
        drawn = str(block.svg).replace("<svg ", _NAMESPACE, 1)
        return {"title": block.title, "alternative": block.alternative, "svg": drawn}
    if isinstance(block, Code):
        return {"lines": block.lines, "name": block.name, "content": block.content}
    return dict(vars(block))
