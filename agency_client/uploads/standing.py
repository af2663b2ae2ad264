"""How far an agreement's linking has come, as this agency may see it."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter

from agency_client.uploads.matcher import Matcher
from linkage.errors import MissingError, NotReadyError
from linkage.protocol.replies import AgreementEntry, AgreementList, RoundList, parse_reply
from linkage.protocol.run_replies import RunEntry, RunList
from linkage.protocol.upload import UploadState

_AGREEMENTS = TypeAdapter(AgreementList)
_ROUNDS = TypeAdapter(RoundList)
_UPLOAD = TypeAdapter(UploadState)
_RUNS = TypeAdapter(RunList)


@dataclass(frozen=True)
class Progress:
    """An agreement at the matcher: its newest open round (0: none), the own upload in it, its runs.

    ``run`` is the newest run of that round, None before there is one.
    """

    entry: AgreementEntry
    round: int = 0
    upload: UploadState | None = None
    run: RunEntry | None = None

    @property
    def waits_for(self) -> str:
        """What is still to come, as the end of a sentence; empty when the round has finished."""
        if self.entry.state in {"unsigned", "not yet"}:
            return "the agreement isn't in force"
        if not self.round:
            return "no round is open"
        # Who has nothing new in a later round is in its run with the upload from before.
        stands = self.upload is None and self.round > 1 and self.run is not None
        if not stands and not self._committed:
            return f"your upload in round {self.round} isn't committed"
        if self.run is None:
            return f"in round {self.round} others have yet to push"
        if self.run.state != "finished":
            return f"the run of round {self.round} is {self.run.state}"
        return ""

    @property
    def _committed(self) -> bool:
        return self.upload is not None and self.upload.state in {"committed", "erased"}

    def require_finished(self) -> None:
        """Raise `NotReadyError` unless the newest round has finished."""
        if waits := self.waits_for:
            raise NotReadyError(f"Not ready yet: {waits}.")


def read_progress(matcher: Matcher, digest: str) -> Progress:
    """Return how far an agreement has come; raises `MissingError` where it isn't admitted."""
    content = matcher.ask("GET", "/agreements")
    listed = parse_reply(_AGREEMENTS, content, "The list of agreements").agreements
    entry = next((one for one in listed if one.digest == digest), None)
    if entry is None:
        raise MissingError(
            f"The matcher has no agreement {digest[:16]} of which you are a party; compare the "
            "digest with its operator's."
        )
    if entry.state in {"unsigned", "not yet"}:
        return Progress(entry)
    place = f"/agreements/{digest}"
    content = matcher.ask("GET", f"{place}/rounds")
    rounds = [one.round for one in parse_reply(_ROUNDS, content, "The list of rounds").rounds]
    if not rounds:
        return Progress(entry)
    newest = max(rounds)
    return Progress(entry, newest, _upload(matcher, place, newest), _run(matcher, place, newest))


def _upload(matcher: Matcher, place: str, number: int) -> UploadState | None:
    try:
        content = matcher.ask("GET", f"{place}/rounds/{number}/upload")
    except MissingError:
        return None
    return parse_reply(_UPLOAD, content, "The state of the upload")


def _run(matcher: Matcher, place: str, number: int) -> RunEntry | None:
    listed = parse_reply(_RUNS, matcher.ask("GET", f"{place}/runs"), "The list of runs").runs
    return next((one for one in listed if one.round == number), None)
