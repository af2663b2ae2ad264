"""Step 2, data linkage: how records were linked, and how well."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

from examples.safeguarding.quarters.guild.facts import Facts
from examples.safeguarding.quarters.guild.figures import percent, percent_with, plain
from examples.safeguarding.quarters.guild.items import Item, Table

_BY = "matcher"


def items(facts: Facts) -> Iterator[Item]:
    """Yield what is to be told of the linkage."""
    yield _method(facts)
    yield _result(facts)
    yield _error(facts)
    yield _truth(facts)


def _method(facts: Facts) -> Item:
    model, agreement = facts.model, facts.agreement
    terms = agreement.agreement
    return Item(
        "How records were linked",
        _BY,
        [
            f"The matcher, Concord {version('concord-linkage')}, compared every pair of records of "
            f"two agencies, {model['pairs_compared']:,} pairs, with no blocking, by probabilistic "
            "linkage (Fellegi and Sunter) of encodings; it saw no identifier.",
            f"{len(model['groups'])} groups of fields were compared by levels of similarity; their "
            "weights were estimated without truth, one record of an agency being linked to one of "
            f"another at most, and calibrated by decoys. Pairs were linked from a probability of "
            f"{model['thresholds']['link']} on.",
            f"Agreement {terms.id}, version {terms.version}, epoch {terms.epoch}; scheme "
            f"{model['scheme']['version']} ({model['scheme']['sha256'][:16]}). Records of another "
            "epoch can't be linked to these: each quarter was linked anew.",
        ],
    )


def _result(facts: Facts) -> Item:
    memberships = facts.newest.study.cohort.memberships
    people = facts.newest.study.cohort.people
    several = people[people["agencies"] > 1]["person"]
    rows = []
    for name, own in memberships.groupby("agency"):
        linked = int(own["person"].isin(several).sum())
        rows.append([plain(str(name)), f"{len(own):,}", percent(linked / len(own))])
    known = [
        [f"{number}", facts.outputs.people(int((people["agencies"] == number).sum()))]
        for number in range(1, int(people["agencies"].max()) + 1)
    ]
    return Item(
        "What was linked",
        _BY,
        [
            f"{int(memberships['records'].sum()):,} records became "
            f"{facts.outputs.people(len(people))} people; a "
            "record that no other agency's was linked to is a person alone."
        ],
        [
            Table("Records linked to another agency's", ["agency", "records", "linked"], rows),
            Table("People by how many agencies know them", ["agencies", "people"], known),
        ],
    )


def _error(facts: Facts) -> Item:
    rows = [
        [
            f"{plain(own['agency_a'])} and {plain(own['agency_b'])}",
            percent_with(own["precision"], own["intervals"]["precision"]),
            percent_with(own["recall"], own["intervals"]["recall"]),
        ]
        for own in facts.cohort["estimates"]
    ]
    columns = ["agencies", "precision", "recall"]
    return Item(
        "How many links may be wrong or missed",
        _BY,
        [
            "Estimated from the linkage itself, as it would be in life: of the links made, the "
            "share that is right (precision), and of the true matches the share that was found "
            "(recall), with 95% intervals.",
        ],
        [Table("Estimated quality by pair of agencies", columns, rows)],
    )


def _truth(facts: Facts) -> Item:
    rows = []
    for part in facts.parts:
        true, told = part.measured["at_threshold"], part.measured["estimated"]
        rows += [
            [
                f"{part.quarter.name}, {what}",
                percent_with(own["precision"], own["intervals"]["precision"]),
                percent_with(own["recall"], own["intervals"]["recall"]),
            ]
            for what, own in (("measured", true), ("as the model estimated", told))
        ]
    return Item(
        "Measured against the truth",
        "this example alone",
        ["The data are simulated, so that the truth is known. In life this item stays empty."],
        [Table("Quality over all agencies", ["quarter", "precision", "recall"], rows)],
    )
