"""Pushing: whatever breaks, and wherever, the file arrives once and its receipt verifies."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agency_client.uploads.file import SendableFile, look_at
from agency_client.uploads.pushing import MOST_BREAKS, MOST_WAITS, Push, Watcher
from agency_client.uploads.receipts import keep_receipt, receipt_path
from linkage.audit.trusted_log import TrustedLog
from linkage.errors import (
    ConflictError,
    InputError,
    LinkageError,
    PolicyError,
    UnavailableError,
    VerificationError,
)
from linkage.protocol.problems import parse_problem
from linkage.receipts import verify_receipt
from matcher.api.log_routes import log_routes
from matcher.api.upload_routes import upload_routes
from matcher.objects.folder import Folder
from matcher.store.database import Database
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.agreements import AGREEMENT
from tests.linkage.protocol.parties import CARE, POLICE
from tests.matcher.api.serving import Caller, Clock, Matcher, running
from tests.matcher.uploading import LIMITS, file_of, logged, open_round, push, service


@dataclass
class Line:
    """A line to a matcher that breaks at the call numbered ``breaks_at``, heard or not."""

    caller: Caller
    breaks_at: int = -1
    heard: bool = False
    meanwhile: Callable[[], object] = lambda: None
    calls: list[str] = field(default_factory=list)

    @property
    def trusted(self) -> TrustedLog:
        return self.caller.trusted

    def ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        breaks = len(self.calls) == self.breaks_at
        self.calls.append(f"{method} {path.split('?', maxsplit=1)[0].rpartition('/')[2]}")
        if breaks:
            self.meanwhile()
        if breaks and not self.heard:
            raise UnavailableError("The connection broke off.")
        answer = self.caller.send(self.caller.signed(method, f"/v1{path}", body))
        if breaks:
            raise UnavailableError("The connection broke off.")
        if answer.status_code >= 400:
            kind, detail = parse_problem(answer.content, "it")
            raise kind.raises(detail)
        return answer.content

    @property
    def parts(self) -> int:
        return len([call for call in self.calls if call.startswith("PUT")])


@pytest.fixture
def objects(tmp_path: Path) -> Folder:
    (tmp_path / "objects").mkdir()
    return Folder(tmp_path / "objects")


@pytest.fixture
def matcher(database: Database, objects: Folder) -> Iterator[Matcher]:
    clock = Clock()

    def routes(services):
        uploads = service(database, objects, clock, LIMITS)
        return [upload_routes(uploads), log_routes(services.ledger, services.witnesses)]

    with running(database, clock, routes) as found:
        found.admit()
        found.sign_all()
        open_round(database, 1)
        yield found


@pytest.fixture
def file(tmp_path: Path) -> SendableFile:
    return looked_at(tmp_path, file_of("police"))


def looked_at(folder: Path, data: bytes) -> SendableFile:
    path = folder / "police.arrow"
    path.write_bytes(data)
    return look_at(path, AGREEMENT, "police", lambda _: None)


class Seen:
    """What a watcher saw."""

    def __init__(self) -> None:
        self.sent = 0
        self.pauses: list[float] = []

    def watcher(self) -> Watcher:
        return Watcher(self._count, lambda *_: None, self.pauses.append)

    def _count(self, sent: int) -> None:
        self.sent += sent


def pushed(line: Line, file: SendableFile, seen: Seen | None = None) -> bytes:
    watcher = (seen or Seen()).watcher()
    return Push(line, AGREEMENT, POLICE, file, 1, watcher).run().receipt


def test_a_file_is_pushed_and_its_receipt_kept(matcher: Matcher, file: SendableFile):
    line, seen = Line(matcher.caller(POLICE)), Seen()
    receipt = pushed(line, file, seen)
    kept = keep_receipt(receipt, file, AGREEMENT, "police", line, LOG.verifier)
    assert seen.sent == file.size
    assert receipt_path(file.path).read_bytes() == receipt
    assert receipt_path(file.path).stat().st_mode & 0o777 == 0o600
    assert kept.manifest.sha256 == file.sha256
    # Again: nothing is sent but the announcement and the manifest.
    again = Line(matcher.caller(POLICE))
    assert pushed(again, file) == receipt
    assert again.parts == 0


@pytest.mark.parametrize("heard", [False, True])
def test_broken_at_every_call_it_goes_on(
    matcher: Matcher, tmp_path: Path, database: Database, heard: bool
):
    """Each break costs one call more at most, and no part that was acknowledged twice."""
    for at in range(6):
        open_round(database, at + 2)
        file = looked_at(tmp_path, file_of("police", seed=at))
        line, seen = Line(matcher.caller(POLICE), at, heard), Seen()
        watcher = seen.watcher()
        receipt = Push(line, AGREEMENT, POLICE, file, at + 2, watcher).run().receipt
        verify_receipt(receipt, "it", AGREEMENT, "police", LOG.verifier)
        assert seen.pauses == [2.0]
        assert line.parts == (4 if heard or not 0 < at < 5 else 5)
        assert seen.sent == file.size
    assert [one for one in logged(database) if one[0] == "upload.committed"] == [
        ("upload.committed", "police")
    ] * 6


def test_it_gives_up_when_nothing_gets_through(matcher: Matcher, file: SendableFile):
    class Dead(Line):
        def ask(self, *_: object) -> bytes:
            raise UnavailableError("The matcher can't be reached.")

    seen = Seen()
    with pytest.raises(UnavailableError, match="can't be reached"):
        pushed(Dead(matcher.caller(POLICE)), file, seen)
    assert seen.pauses == [2.0**k if k < 6 else 60.0 for k in range(1, MOST_BREAKS + 1)]


class Busy(Line):
    """A matcher that has other files to verify for a number of times."""

    left = 0

    def ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        if path.endswith("/commit") and self.left:
            self.left -= 1
            raise UnavailableError("Other uploads are being verified.")
        return super().ask(method, path, body)


def test_it_waits_long_for_its_turn_to_be_verified(matcher: Matcher, file: SendableFile):
    busy, seen = Busy(matcher.caller(POLICE)), Seen()
    busy.left = 20
    verify_receipt(pushed(busy, file, seen), "it", AGREEMENT, "police", LOG.verifier)
    assert seen.pauses == [2.0, 4.0, 8.0] + [15.0] * 17
    assert busy.parts == 4


def test_it_does_not_wait_for_ever(matcher: Matcher, file: SendableFile):
    busy, seen = Busy(matcher.caller(POLICE)), Seen()
    busy.left = MOST_WAITS + 1
    with pytest.raises(UnavailableError, match="being verified"):
        pushed(busy, file, seen)
    assert len(seen.pauses) == MOST_WAITS


def test_a_file_that_changes_meanwhile_is_abandoned(
    matcher: Matcher, file: SendableFile, objects: Folder, database: Database
):
    def write() -> None:
        os.utime(file.path, (1, 1))

    line = Line(matcher.caller(POLICE), 2, heard=True, meanwhile=write)
    with pytest.raises(InputError, match="changed while it was sent"):
        pushed(line, file)
    assert list(objects.list()) == []
    assert ("upload.committed", "police") not in logged(database)


def test_a_file_that_gets_shorter_is_not_sent(matcher: Matcher, file: SendableFile):
    cut = Line(matcher.caller(POLICE), 2, True, lambda: os.truncate(file.path, 70_000))
    with pytest.raises(InputError, match="changed while it was sent"):
        pushed(cut, file)


def test_why_it_was_refused_is_said(matcher: Matcher, file: SendableFile, tmp_path: Path):
    pushed(Line(matcher.caller(POLICE)), file)
    other = looked_at(tmp_path, file_of("police", seed=1))
    with pytest.raises(ConflictError, match="goes into the next round"):
        pushed(Line(matcher.caller(POLICE)), other)
    with pytest.raises(LinkageError, match="isn't open"):
        Push(Line(matcher.caller(POLICE)), AGREEMENT, POLICE, other, 2, Seen().watcher()).run()


@pytest.mark.parametrize(
    ("data", "kind", "said"),
    [
        (file_of("care"), PolicyError, "was encoded as 'care'"),
        (file_of("police", scheme_digest="00" * 32), PolicyError, "under another scheme"),
        (file_of("police")[:-100], VerificationError, "not a whole file"),
        (b"record_id,surname\n", VerificationError, "not a whole file"),
        (b"", VerificationError, "not a whole file"),
    ],
)
def test_what_may_not_be_sent_never_leaves(tmp_path: Path, data: bytes, kind: type, said: str):
    with pytest.raises(kind, match=said):
        looked_at(tmp_path, data)


def test_a_receipt_of_another_history_is_not_kept(matcher: Matcher, file: SendableFile):
    line = Line(matcher.caller(POLICE))
    receipt = pushed(line, file)
    for agency, log in (("care", LOG.verifier), ("police", matcher_key("another log"))):
        with pytest.raises(VerificationError):
            keep_receipt(receipt, file, AGREEMENT, agency, line, log)
    # A line that has followed another log: the receipt's checkpoint isn't in its history.
    forked = Line(Caller(matcher, POLICE, trusted=history_of_another(matcher)))
    with pytest.raises(VerificationError):
        keep_receipt(receipt, file, AGREEMENT, "police", forked, LOG.verifier)
    assert not receipt_path(file.path).exists()


def matcher_key(seed: str):
    from tests.linkage.audit.made_up import signer

    return signer(LOG.name, LOG.type, seed).verifier


def history_of_another(matcher: Matcher) -> TrustedLog:
    """Return a state of the same key and size, of other events."""
    from linkage.audit.checkpoint import Checkpoint, sign_checkpoint

    size = matcher.services.ledger.checkpoint().text.splitlines()[1]
    trusted = TrustedLog(LOG.verifier)
    other = sign_checkpoint(Checkpoint(LOG.name, int(size), bytes(32)), LOG)
    trusted.update(other.to_bytes(), [])
    return trusted


def test_a_receipt_is_held_against_what_others_have_added(
    matcher: Matcher, file: SendableFile, database: Database, objects: Folder
):
    line = Line(matcher.caller(POLICE))
    receipt = pushed(line, file)
    push(service(database, objects), "care", file_of("care"))
    line.ask("GET", "/log/checkpoint")
    keep_receipt(receipt, file, AGREEMENT, "police", line, LOG.verifier)
    assert line.calls[-1] == "GET consistency"


def test_the_receipt_names_its_agency_alone(matcher: Matcher, file: SendableFile):
    receipt = pushed(Line(matcher.caller(POLICE)), file)
    with pytest.raises(VerificationError, match="a receipt for 'police'"):
        verify_receipt(receipt, "it", AGREEMENT, CARE.name, LOG.verifier)
