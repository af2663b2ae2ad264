"""The kinds of events, and which operation of section 62 of the Data Protection Act 2018 each is.

The Act names six operations. Two more words stand for what it doesn't count as one and a data
protection officer wants to see all the same: a *decision* about sharing, and *preparation*, before
which nothing could be done with anybody's data.
"""

from __future__ import annotations

from dataclasses import dataclass

SECTION_62 = ("collection", "alteration", "consultation", "disclosure", "combination", "erasure")
VERBS = (*SECTION_62, "decision", "preparation")


@dataclass(frozen=True)
class Kind:
    """What an event of a kind is: its verb, and whether it decides that data is *not* shared."""

    verb: str
    withheld: bool = False


KINDS = {
    "agreement.signed": Kind("preparation"),
    "agreement.in-force": Kind("preparation"),
    "agreement.ended": Kind("preparation"),
    "secret.distributed": Kind("preparation"),
    "handshake.passed": Kind("preparation"),
    "handshake.failed": Kind("preparation"),
    "upload.committed": Kind("collection"),
    "upload.replaced": Kind("alteration"),
    "upload.refused": Kind("decision", withheld=True),
    "run.started": Kind("preparation"),
    "run.finished": Kind("combination"),
    "results.read": Kind("consultation"),
    "disclosure.proposed": Kind("decision"),
    "disclosure.approved": Kind("decision"),
    "disclosure.refused": Kind("decision", withheld=True),
    "disclosure.expired": Kind("decision", withheld=True),
    "disclosure.recalled": Kind("decision"),
    "disclosure.released": Kind("disclosure"),
    "disclosure.opened": Kind("consultation"),
    "lookup.lodged": Kind("consultation"),
    "lookup.refused": Kind("decision", withheld=True),
    "cohort.pulled": Kind("disclosure"),
    "cohort.refused": Kind("decision", withheld=True),
    "results.exported": Kind("disclosure"),
    "log.exported": Kind("consultation"),
    "records.erased": Kind("erasure"),
    "disclosure.superseded": Kind("decision"),
    "disclosure.returned": Kind("erasure"),
    "lookup.answered": Kind("disclosure"),
    "lookup.closed": Kind("decision"),
    "console.opened": Kind("consultation"),
}
"""By name. A kind that isn't here is refused; new ones come with a new version of the format."""
