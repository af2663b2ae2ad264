"""How long a party takes to read a disclosure with a long log behind it, and to read it again.

::

    python -m tests.benchmarks.reading --events 200000

The matcher is in memory and the network is left out: what is measured is what the client does. The
first reading has to fetch and verify every event since the proposal, the second only what is new.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from agency_client.disclosures.reading import read_disclosure
from linkage.protocol.disclosure.messages import sign_message
from tests.agency_client.disclosures.scene import ONE, Scene
from tests.linkage.audit.made_up import events
from tests.linkage.protocol.agreements import ANALYST
from tests.linkage.protocol.disclosure.made_up import approval, evidence, proposal
from tests.linkage.protocol.parties import CARE, POLICE


def proposed(scene: Scene) -> str:
    matcher = scene.matcher
    signed = matcher.evidence_on([ONE])
    made = proposal(evidence(matcher._cluster(ONE)), proposed=matcher.now)
    return matcher.begin(signed, sign_message(made, ANALYST))


def read(scene: Scene, digest: str, label: str) -> None:
    fetched = []
    scene.matcher.lies["events"] = lambda found: fetched.append(len(found)) or found
    begin = time.perf_counter()
    read_disclosure(scene.office("care"), digest)
    took = time.perf_counter() - begin
    print(f"{label}: {took * 1e3:,.0f} ms, {sum(fetched):,} events in {len(fetched)} requests")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    chosen = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        scene = Scene(Path(folder))
        digest = proposed(scene)
        scene.matcher.take(digest, approval(POLICE, digest))
        some = events(1_000)
        for number in range(chosen.events):
            scene.matcher.append(some[number % len(some)])
        read(scene, digest, "first")
        read(scene, digest, "again")
        scene.matcher.take(digest, approval(CARE, digest))
        read(scene, digest, "with a message since")
        scene.close()


if __name__ == "__main__":
    main()
