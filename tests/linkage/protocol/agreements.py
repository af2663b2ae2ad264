"""A whole agreement that can be signed, for tests, and changes to it."""

from pathlib import Path

from linkage.protocol.agreement import parse_agreement
from tests.linkage.protocol.parties import CARE, HEALTH, MATCHER, POLICE, identity

ANALYST, HUB, OFFICER = identity("analyst", 51), identity("hub", 61), identity("officer", 71)
ROLES = {
    POLICE: "agency", CARE: "agency", HEALTH: "agency", MATCHER: "matcher", ANALYST: "analyst",
    HUB: "recipient", OFFICER: "dpo",
}  # fmt: skip
EXAMPLE = Path("examples/safeguarding/agreement.toml").read_text(encoding="utf-8")
SCHEME = EXAMPLE[EXAMPLE.index("[scheme]") :]
PARTIES = "".join(
    f'[[party]]\nname = "{own.name}"\nroles = ["{role}"]\n'
    f'signing_key = "{own.public.signing_key}"\nsealing_key = "{own.public.sealing_key}"\n'
    for own, role in ROLES.items()
)
TEXT = f"""
[agreement]
id = "trial"
title = "A trial"
purpose = "To find children who are at risk."
purpose_codes = ["safeguarding"]
lawful_basis = "A law."
statutory_gateway = "Another law."
starts = 2026-01-01
ends = 2026-12-31

{PARTIES}
[matching]
link = 0.5

[payload.attributes]
sex = {{ type = "category", vocabulary = "sex" }}
born = {{ type = "date", coarsen = "year" }}

[payload.events]
missing = {{ date = "month" }}

[payload.vocabularies.sex]
version = "1"
terms = {{ f = "female", m = "male" }}

[disclosure]
fields = ["given_name", "surname"]
recipients = ["hub"]
quorum = 2
protected_quorum = 3

[[disclosure.rule]]
name = "several"
least_agencies = 3

[[disclosure.rule]]
name = "missing"
agencies = ["police"]
category = "missing"

[retention]
encodings_days = 100
payload_days = 100
disclosures_days = 30

{SCHEME}
"""


def parse(text=TEXT):
    return parse_agreement(text, "agreement.toml")


def changed(*changes, text=TEXT):
    """The agreement's text with some of it replaced."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


AGREEMENT = parse()


def second(*changes):
    """The text of the version that follows `AGREEMENT`."""
    link = f'version = 2\nprevious = "{AGREEMENT.digest()}"\ntitle = "A trial"'
    return changed(('title = "A trial"', link), *changes)
