"""A process that appends events and says so: ``python -m tests.matcher.appender URL WORD COUNT``.

Every event comes with a change of state, a nonce that says which it is. After each commit the
event's leaf is printed.
"""

from __future__ import annotations

import sys
from hashlib import sha256

from linkage.audit.events import Event
from matcher.ledger.ledger import Ledger
from matcher.store.nonces import use_nonce
from tests.databases import open_database
from tests.linkage.audit.made_up import LOG, event


def change(word: str, number: int) -> tuple[str, Event]:
    """Return a change of state and the event about it."""
    value = f"{word}-{number}"
    return value, event(number, digests={"message": sha256(value.encode()).hexdigest()})


def record(ledger: Ledger, word: str, number: int) -> int:
    """Make a change, and return the leaf of its event."""
    value, about = change(word, number)
    with ledger.recording() as recording:
        use_nonce(recording.connection, value, number)
        return recording.append(about)


def main() -> None:
    url, word, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    ledger = Ledger(open_database(url), LOG)
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(count):
        print(record(ledger, word, number), flush=True)


if __name__ == "__main__":
    main()
