"""The checkpoint that the report stands on, and how to verify it without trusting the matcher."""

from __future__ import annotations

from linkage.audit.checkpoint import parse_checkpoint_text
from matcher.reports.blocks import Code, Pairs, Section, Text
from matcher.reports.facts import RunFacts


def checkpoint_section(facts: RunFacts) -> Section:
    """Return the log's newest checkpoint as a signed note, and whose keys have signed it."""
    head = facts.head
    checkpoint = parse_checkpoint_text(head.note.text)
    witnesses = [key.name for key in head.keys.witnesses]
    said = (
        "The log holds everything that is told here, one event for each act. Its checkpoint names "
        "the number of events and the root of their Merkle tree (RFC 9162); if any event of these "
        "were altered, left out or added, the root would be another."
    )
    return Section(
        "The log",
        "Data Protection Act 2018, section 62; every act under the agreement is an event",
        (
            Text(said),
            Pairs(
                (
                    ("Log", checkpoint.origin),
                    ("Events", f"{checkpoint.size:,}"),
                    ("Root", checkpoint.root.hex()),
                    ("Cosigned by", ", ".join(witnesses) or "no witness yet"),
                )
            ),
            Text(
                "The checkpoint is a signed note, the file checkpoint.note that comes with this "
                "report. An empty line stands in it before the signatures."
            ),
            Code(_lines(str(head.note)), "checkpoint.note"),
        ),
    )


def verifying_section(facts: RunFacts) -> Section:
    """Return the steps that verify the report offline."""
    run = facts.run
    digests = [("run.started and run.finished, inputs", facts.inputs)]
    if facts.outcome is not None:
        digests.append(("run.finished, outcome", facts.outcome.digest))
    digests += [
        (f"disclosure {told.stored.id[:8]}, proposal", told.stored.id) for told in facts.disclosures
    ]
    return Section(
        "How to verify this report",
        "",
        (
            Text(
                "1. Ask the operator of the log, and every witness, for their verifier keys, by "
                "another way than this report: a forged report could bring its own. Save them as "
                "keys.txt. They should be these:"
            ),
            Code(_lines(str(facts.head.keys)), "keys-as-reported.txt"),
            Text(
                "2. Download the log bundle from the console, or with your own client, as log.txt, "
                "and put checkpoint.note beside it."
            ),
            Code(("agency-client log verify log.txt --keys keys.txt --earlier checkpoint.note",)),
            Text(
                "It exits with 0 if every event is in the tree, the signatures are those of these "
                "keys, and the log still begins with the events that this report stands on; with 3 "
                "if not."
            ),
            Text(
                f"3. Look for the run in the log. Its events are of the kinds run.started and "
                f"run.finished in round {run.round}, and name these digests, as do the events of "
                "each disclosure:"
            ),
            Code(("agency-client log export log.txt --keys keys.txt --out log.csv",)),
            Pairs(tuple(digests)),
            Text(
                "4. Compare the digest of the agreement with that of your own signed copy: "
                "'agency-client agreement show agreement.toml' says it."
            ),
        ),
    )


def _lines(text: str) -> tuple[str, ...]:
    return tuple(text.rstrip("\n").split("\n"))
