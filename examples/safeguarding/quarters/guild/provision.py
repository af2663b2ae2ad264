"""Step 1, data provision: what each agency knows of its own data, and did with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from examples.safeguarding.quarters.guild.facts import Facts
from examples.safeguarding.quarters.guild.figures import percent, plain
from examples.safeguarding.quarters.guild.items import Item, Table
from examples.safeguarding.quarters.periods import TOLD_OF
from examples.safeguarding.quarters.stage import AGENCIES

_BY = "agencies"
_POPULATIONS = {
    "police": "children reported missing, arrested, or named in an investigation",
    "social_care": "children referred to children's social care, and all in care",
    "youth_offending": "children whom the youth offending team works with",
    "health": "children seen in hospital and community services",
    "education": "pupils whose attendance or exclusion is of concern",
    "charity": "children whom street workers met, whether or not anybody reported them",
}


def items(facts: Facts) -> Iterator[Item]:
    """Yield what is to be told of the data."""
    yield _population(facts)
    yield _generated(facts)
    yield _quality(facts)
    yield _payload(facts)
    yield _protected(facts)


def _population(facts: Facts) -> Item:
    rows = [
        [plain(name), f"{facts.provided[name]['encoded']['records']:,}", _POPULATIONS[name]]
        for name in AGENCIES
    ]
    table = Table("Records and populations", ["agency", "records", "population"], rows)
    return Item(
        "Population included in the data sets",
        _BY,
        [
            "Children of 6 to 18 who came to the notice of six agencies of a fictional London "
            "borough and its neighbours. Everything is simulated; nobody in it is real."
        ],
        [table],
    )


def _generated(facts: Facts) -> Item:
    quarter = facts.newest.quarter
    told = " and ".join(own.name for own in TOLD_OF[quarter])
    return Item(
        "How the data were generated and extracted",
        _BY,
        [
            f"Each agency extracted its open cases as of {quarter.last:%-d %B %Y}, with events and "
            f"associations of {told}.",
            "Records are kept for the agencies' own work; what one agency doesn't record says "
            "nothing about the child. Two agencies may tell of one event.",
            "Within an agency each child has one record: every extract was declared free of "
            "duplicates in the agreement.",
        ],
    )


def _quality(facts: Facts) -> Item:
    profile = facts.agreement.scheme.profile
    fields = list(facts.agreement.scheme.fields)
    rows = [
        [plain(name), *(_missing(facts.provided[name]["checked"], field) for field in fields)]
        for name in AGENCIES
    ]
    table = Table(
        "Records that lack a field or have it damaged",
        ["agency", *(plain(field) for field in fields)],
        rows,
    )
    return Item(
        "How identifiers were processed, and their quality",
        _BY,
        [
            f"Identifiers were standardised on each agency's machine by the profile {profile}, "
            "with the same known answers at all agencies, and never left it in the clear.",
            "Values of placeholder dates and of broken postcodes count as missing.",
        ],
        [table],
    )


def _missing(checked: Mapping[str, Any], field: str) -> str:
    own = next(one for one in checked["completeness"] if one["field"] == field)
    lacking = own["blank"] + own["placeholders"] + own["damaged"]
    return percent(lacking / checked["records"])


def _payload(facts: Facts) -> Item:
    counts = {name: facts.provided[name]["children"] for name in AGENCIES}
    tables = []
    for part in ("attributes", "events", "associations"):
        names = sorted({own for told in counts.values() for own in told[part]})
        rows = [
            [plain(agency), *(facts.outputs.people(counts[agency][part].get(n, 0)) for n in names)]
            for agency in AGENCIES
        ]
        caption = f"Children of whom agencies handed in {part}"
        tables.append(Table(caption, ["agency", *(plain(own) for own in names)], rows))
    forms = facts.provided[AGENCIES[0]]["payload"]["forms"]
    said = [[plain(name), form] for own in forms.values() for name, form in own.items()]
    tables.append(Table("In what form it travelled", ["what", "form"], said))
    return Item(
        "What was provided for analysis, and in what form",
        _BY,
        [
            "Attributes, events and associations were checked row by row against the agreement and "
            "made coarse before they left an agency; the matcher relayed them sealed.",
        ],
        tables,
    )


def _protected(facts: Facts) -> Item:
    rows = []
    for name in AGENCIES:
        own = facts.leakage[name]
        gains = [attack["share"] - attack["baseline"] for attack in own["attacks"]]
        most = percent(max(0.0, *gains)) if gains else "none was made"
        rows.append([plain(name), own["verdict"], most, percent(own["limit"])])
    columns = ["agency", "verdict", "most recovered above chance", "limit"]
    return Item(
        "How identifiers were protected before they were shared",
        _BY,
        [
            f"Records became encodings of the scheme {facts.agreement.scheme.version} under a "
            f"secret of epoch {facts.agreement.agreement.epoch} that only agencies hold. Before "
            "anything left, each agency attacked a sample of its own encodings as somebody would "
            "who has its list.",
            "Of many attacks the most successful is told. It may be a little over the limit by "
            "chance, and passes; what is over it beyond doubt stops the agency.",
        ],
        [Table("Attacks on the agencies' own encodings", columns, rows)],
    )
