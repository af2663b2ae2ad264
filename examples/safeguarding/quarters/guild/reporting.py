"""Step 4, reporting: what left and what didn't, who was named to whom, and how to verify it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from examples.safeguarding.quarters.guild.facts import Facts
from examples.safeguarding.quarters.guild.figures import plain
from examples.safeguarding.quarters.guild.items import Item, Table

_REASONS = {
    "few": "few people behind it",
    "place": "one or two places make up nearly all",
    "agency": "one or two agencies make up nearly all",
    "differencing": "an earlier release would give it away",
    "secondary": "it would give another withheld count away",
}


def items(facts: Facts) -> Iterator[Item]:
    """Yield what is to be told of the reporting."""
    yield _basis(facts)
    yield _control(facts)
    yield _named(facts)
    yield _log(facts)
    yield _limits()


def _basis(facts: Facts) -> Item:
    terms = facts.agreement.agreement
    return Item(
        "Purpose, lawful basis and governance",
        "all parties",
        [
            terms.purpose or "No purpose was set down.",
            f"{terms.lawful_basis}. {terms.statutory_gateway}.",
            "Every party signed the agreement; it says who may learn what, and the software lets "
            "nothing else happen.",
        ],
    )


def _control(facts: Facts) -> Item:
    rows = []
    for own in facts.newest.released:
        checked = own["checked"]
        why = Counter(cell["reason"] for cell in checked["withheld"])
        told = "; ".join(f"{_cells(why[name])}: {_REASONS[name]}" for name in sorted(why))
        outcome = "left" if checked["can_leave"] else "refused"
        rows.append([plain(str(own["name"])).replace("-", " "), outcome, told or "nothing"])
    return Item(
        "Statistical disclosure control",
        "analyst",
        [
            f"Counts below {facts.outputs.least} are withheld and others rounded to "
            f"{facts.outputs.base}; further cells are withheld where rows, columns, dominance or "
            "earlier releases would give those away.",
        ],
        [Table("Tables and what was withheld", ["table", "outcome", "withheld"], rows)],
    )


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"


def _named(facts: Facts) -> Item:
    shown = facts.disclosed.opened
    rows = [
        ["people proposed", facts.outputs.people(len(facts.disclosed.people))],
        ["approved by", _names(shown["approved"])],
        ["refused by", _names(shown["refused"])],
        ["released by", _names(shown["released"])],
        ["opened by", _names(shown["opened"])],
    ]
    return Item(
        "People named to each other",
        "all parties",
        [
            "Only after the quorum had approved did holders of records learn which were meant; "
            "each sealed the agreed fields to the recipient. The decision not to approve is on "
            "record like the decision to do so.",
        ],
        [Table(f"Disclosure {facts.disclosed.id[:8]}", ["what", "how"], rows)],
    )


def _names(parties: list[str]) -> str:
    return ", ".join(plain(own) for own in parties) or "nobody"


def _log(facts: Facts) -> Item:
    bundle = facts.verified["bundle"]
    counts = sorted(bundle["summary"]["by_verb"].items())
    rows = [[verb, f"{count:,}"] for verb, count in counts]
    return Item(
        "The record of what was done",
        "data protection officer",
        [
            f"The officer downloaded the log, {bundle['size']:,} entries up to the checkpoint "
            f"{bundle['root']}, and verified it event by event.",
            "Anybody with the log's key repeats it: agency-client log verify.",
        ],
        [
            Table(
                "Entries by verb of section 62, Data Protection Act 2018", ["verb", "entries"], rows
            )
        ],
    )


def _limits() -> Item:
    return Item(
        "Limits",
        "this example alone",
        [
            "Children known to no agency are in no data set, and agencies look where they expect "
            "to find; counts are of what was recorded.",
            "Linkage error isn't the same for all: names of some communities are written in more "
            "ways, and children who move often are linked less well.",
            "Intervals hold the uncertainty of the links. They say nothing about chance from one "
            "quarter to the next.",
            "The data are simulated, with plausible rates that nobody measured.",
        ],
    )
