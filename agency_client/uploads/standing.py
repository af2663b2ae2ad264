"""How far an agreement's linking has come, as this agency may see it."""

from __future__ import annotations

from dataclasses import dataclass

from agency_client.matcher_api.api import MatcherApi
from linkage.errors import MissingError, NotReadyError
from linkage.protocol.replies import AgreementEntry
from linkage.protocol.run_replies import RunEntry
from linkage.protocol.upload import UploadState


@dataclass(frozen=True)
class Progress:
    """An agreement at the matcher: its newest open round (0: none), the own upload in it, its runs.

    ``run`` is the newest run of that round, None before there is one; ``included`` says whether an
    upload of this agency is in it, once it has finished.
    """

    entry: AgreementEntry
    round: int = 0
    upload: UploadState | None = None
    run: RunEntry | None = None
    included: bool = True

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
        return self._run_waits_for

    @property
    def _run_waits_for(self) -> str:
        if self.run is None:
            return f"in round {self.round} others have yet to push"
        if self.run.state != "finished":
            return f"the run of round {self.round} is {self.run.state}"
        if not self.included:
            return f"the run of round {self.round} is without your upload, and another has to come"
        return ""

    @property
    def _committed(self) -> bool:
        return self.upload is not None and self.upload.state in {"committed", "erased"}

    def require_finished(self) -> None:
        """Raise `NotReadyError` unless the newest round has finished."""
        if waits := self.waits_for:
            raise NotReadyError(f"Not ready yet: {waits}.")


def read_progress(api: MatcherApi, digest: str) -> Progress:
    """Return how far an agreement has come; raises `MissingError` where it isn't admitted."""
    listed = api.agreements().agreements
    entry = next((one for one in listed if one.digest == digest), None)
    if entry is None:
        raise MissingError(
            f"The matcher has no agreement {digest[:16]} of which you are a party; compare the "
            "digest with its operator's."
        )
    if entry.state in {"unsigned", "not yet"}:
        return Progress(entry)
    newest = max((one.round for one in api.rounds(digest).rounds), default=0)
    if not newest:
        return Progress(entry)
    upload = api.upload(digest, newest)
    run = next((one for one in api.runs(digest).runs if one.round == newest), None)
    # A run that the operator has started may have been before this agency pushed.
    included = run is None or run.state != "finished" or api.result(digest, run.id) is not None
    return Progress(entry, newest, upload, run, included)
