"""The report's parts put into the page's template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jinja2

from linkage.linking import Linkage, LinkingRules
from linkage.protocol.sections.matching import Outputs
from linkage.sources import Sources
from matcher.runs.report import model_parts, people_parts, quality_parts
from matcher.runs.report.bridges import WEAK, weak_bridges
from matcher.runs.report.cells import Cells
from matcher.runs.report.people import known_to
from matcher.runs.report.weights import weight_histogram


def render(
    title: str,
    sources: Sources,
    linkage: Linkage,
    rules: LinkingRules,
    outputs: Outputs,
    fields: Mapping[str, tuple[str, ...]],
    hashed: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Return the report as a self-contained HTML page; ``fields`` are the fields of each group.

    ``hashed`` are the pairs of agencies of which not all pairs were compared, as in model.json.

    It counts people and pairs as ``outputs`` allow, and shows single pairs by their rows of
    links.parquet, which the matcher alone has: no agency, no token, no id, no encoding.
    """
    cells = Cells(outputs.least_cell, outputs.rounding)
    # After an erasure the report is drawn again from what the run has kept.
    has_encodings = len(sources.encodings) > 0
    known = known_to(sources, linkage.clusters)
    histogram = weight_histogram(linkage.links, rules.link)
    found = weak_bridges(linkage, rules.link)
    return _template().render(
        title=title,
        agencies=quality_parts.agencies(sources, cells),
        headlines=quality_parts.headlines(
            linkage, histogram, int((known.sum(axis=1) >= 2).sum()), cells
        ),
        calibrated=linkage.calibrated,
        rescored=linkage.calibrated,
        counts_unseen=linkage.estimate.counts_unseen,
        hashed=hashed,
        few_links=linkage.estimate.links < cells.least,
        link=f"{100 * rules.link:g}%",
        review=f"{100 * rules.review:g}%",
        weak=f"{100 * WEAK:g}%",
        cells=cells,
        through_others=quality_parts.through_others(histogram, cells),
        gathers_lower=histogram.gathers_lower,
        weights=quality_parts.weights(histogram, cells),
        tradeoff=quality_parts.tradeoff(linkage, rules, cells),
        waterfalls=model_parts.waterfalls(linkage, rules.link, cells),
        sizes=people_parts.sizes(linkage, cells),
        bridges=people_parts.bridges_by_probability(found, rules.link, cells),
        weakest_bridges=people_parts.weakest_bridges(found),
        coverage=people_parts.coverage(sources.names, known, cells),
        spread=people_parts.spread(known, cells),
        hints=people_parts.hints(linkage, rules, cells),
        has_encodings=has_encodings,
        unlinkables=people_parts.unlinkables(sources, linkage, rules.link, cells)
        if has_encodings
        else None,
        estimates=quality_parts.estimates_by_pair(linkage.estimates, cells),
        weakest=quality_parts.weakest(linkage.estimates, cells),
        groups=model_parts.groups(fields),
        levels=model_parts.levels(linkage.model),
        m_and_u=model_parts.m_and_u(linkage.model),
        patterns=model_parts.patterns(linkage, cells),
    )


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("matcher.runs.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html")
