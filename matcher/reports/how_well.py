"""How well the run has linked, as far as it can be told without truth."""

from __future__ import annotations

from matcher.quality.shown import LinkQuality, PeopleFound
from matcher.reports.blocks import Heading, Pairs, Section, Text
from matcher.reports.facts import RunFacts
from matcher.runs.report.numbers import percent
from matcher.runs.report.parts import Figure, Table

Blocks = list[Text | Pairs | Heading | Table | Figure]
_NO_TRUTH = (
    "Precision and recall are estimates made without truth: nobody has checked these links. The "
    "intervals hold what chance does, not what a wrong model would."
)
_UNCALIBRATED = (
    "There were too few certain pairs to calibrate. The probabilities are the model\u2019s own and "
    "too sure; the estimates are the best case."
)
_MOST_BRIDGES = 10


def how_well_section(facts: RunFacts) -> Section:
    """Return how good the links are, how complete the records, and what hangs by a thread."""
    outputs = facts.agreement.outputs
    clause = f"[outputs] least_cell = {outputs.least_cell}, rounding = {outputs.rounding}"
    if facts.outcome is None:
        gone = Text("What came out of the run is erased; nothing of it is kept that could be told.")
        return Section("How well", clause, (gone,))
    about = facts.outcome.about
    blocks = [*_links(about.quality), *_bridges(about.quality), *_people(about.people)]
    return Section("How well", clause, tuple(blocks))


def _links(quality: LinkQuality) -> Blocks:
    rows = tuple((one.name, f"{one.value}. {one.sentence}") for one in quality.headlines)
    blocks: Blocks = [Pairs(rows), Text(_NO_TRUTH)]
    if not quality.calibrated:
        blocks.insert(0, Text(_UNCALIBRATED, warning=True))
    blocks += [quality.estimates, Heading("What another threshold would bring")]
    if quality.tradeoff is None:
        blocks.append(Text(f"Fewer than {quality.cells.least} links were made, too few to say."))
    else:
        blocks += [quality.tradeoff, quality.tradeoff.table]
    return [*blocks, Heading("Match weights"), quality.weights, quality.weights.table]


def _bridges(quality: LinkQuality) -> Blocks:
    title = Heading("Clusters with weak bridges")
    weak = quality.thresholds.weak
    if not quality.knows_bridges:
        return [title, Text("The run has not kept what weak bridges follow from.")]
    if not quality.weakest:
        return [
            title,
            Text(f"No cluster of three records or more hangs by a single link below {weak}."),
        ]
    said = (
        f"Links below {weak} that alone hold two parts of a cluster together: "
        f"{quality.found_bridges}. If one is wrong, two people have been taken for one. The match "
        "log of the console has the evidence of each."
    )
    rows = [
        [own.cluster, percent(own.probability), f"{own.smaller} and {own.larger}"]
        for own in quality.weakest[:_MOST_BRIDGES]
    ]
    columns = ["Cluster, by its pseudonym", "Probability", "Records on its sides"]
    return [title, Text(said), Table("The weakest bridges", columns, rows)]


def _people(people: PeopleFound) -> Blocks:
    blocks: Blocks = [Heading("Whom it is about"), people.coverage.table, people.spread.table]
    blocks.append(Heading("Completeness"))
    if people.completeness is None:
        return [*blocks, Text("The run has not kept how complete the records are.")]
    blocks.append(people.completeness)
    if people.unlinkables is None:
        least = people.cells.least
        said = (
            f"Every agency has fewer than {least} records that lack so much that not even an "
            "identical copy would be linked."
        )
        return [*blocks, Text(said)]
    return [*blocks, people.unlinkables.table]
