"""What came of verifying a log bundle, step by step, for people and for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from linkage.audit.failures import BundleError
from linkage.audit.strict import to_base64
from linkage.audit.verification import STEPS, Trust, VerifiedBundle

PASSED, FAILED, LEFT_OUT, NOT_REACHED = "ok", "FAILED", "not checked", "not reached"


@dataclass(frozen=True)
class StepReport:
    """One step: its outcome and, in a sentence, what that means."""

    number: int
    name: str
    outcome: str
    meaning: str


@dataclass(frozen=True)
class LogReport:
    """The outcome of verifying a bundle.

    ``own_keys`` says whether the verifier gave the keys; else nothing is proved. ``bundle`` is None
    if a step failed, and ``failure`` is None if none did.
    """

    trust: Trust
    own_keys: bool
    bundle: VerifiedBundle | None
    failure: BundleError | None

    @property
    def verified(self) -> bool:
        """Whether the log is proved to be whole and the operator's."""
        return self.own_keys and self.bundle is not None

    @property
    def verdict(self) -> str:
        """The outcome in one sentence."""
        if self.failure is not None:
            return str(self.failure)
        if not self.own_keys:
            return (
                "The log agrees with itself, but with the keys that it carries, which whoever "
                "forges a log can forge, too: get the keys from the operator and the agencies and "
                "give them with --keys."
            )
        if self._left_out("witnesses") and self._left_out("earlier"):
            return (
                "Nothing in this log was changed since its operator signed for it; whether the "
                "operator has signed for another history, too, can be told only with the keys of "
                "witnesses or with --earlier."
            )
        return "Nothing in this log was changed, added or taken away since it was signed for."

    @property
    def advice(self) -> str | None:
        """What to do about a failure; None without one."""
        return None if self.failure is None else _ADVICE[STEPS[self.failure.step - 1]]

    @property
    def steps(self) -> list[StepReport]:
        """All steps in their order."""
        failed = len(STEPS) + 1 if self.failure is None else self.failure.step
        return [self._step(number, name, failed) for number, name in enumerate(STEPS, 1)]

    def _step(self, number: int, name: str, failed: int) -> StepReport:
        if number == failed and self.failure is not None:
            return StepReport(number, name, FAILED, str(self.failure.cause))
        if number > failed:
            return StepReport(number, name, NOT_REACHED, "A step before it failed.")
        if self._left_out(name):
            return StepReport(number, name, LEFT_OUT, _LEFT_OUT[name])
        return StepReport(number, name, PASSED, self._meaning(name))

    def _left_out(self, name: str) -> bool:
        if name == "earlier":
            return self.trust.earlier is None
        signed = self.bundle is not None and self.bundle.cosignatures
        return name == "witnesses" and not signed and self.trust.least_witnesses == 0

    def _meaning(self, name: str) -> str:
        if name == "signature":
            log = self.trust.keys.log
            return f"The log {log.name} has signed for it. Its key: {log.fingerprint}."
        if name == "witnesses":
            return self._witnesses()
        if name == "earlier" and self.trust.earlier is not None:
            return (
                f"The first {self.trust.earlier.size:,} events are those that you had verified "
                "before."
            )
        return _MEANING[name]

    def _witnesses(self) -> str:
        given = len(self.trust.keys.witnesses)
        if self.bundle is None:
            least = self.trust.least_witnesses
            return f"At least {least} of {given} witnesses saw this same state."
        signed = ", ".join(
            f"{one.witness} ({minute(datetime.fromtimestamp(one.time, UTC))})"
            for one in self.bundle.cosignatures
        )
        return (
            f"{len(self.bundle.cosignatures)} of {given} witnesses saw this same state: {signed}."
        )


_MEANING = {
    "form": "The file is a log bundle.",
    "events": "Every event says who did what, when, why and on what legal ground.",
    "count": "No event is missing at the end, and none was added.",
    "root": "Every event is, to the letter and in its place, what was signed for.",
}
_AGAIN = "Get the bundle again. If that fails, too, "
_ADVICE = {
    "form": _AGAIN + "ask the operator for another copy.",
    "signature": (
        "Compare the log's key with the operator on the phone. If you have the right one, the "
        "bundle isn't the operator's."
    ),
    "witnesses": (
        "Ask the witnesses who are missing whether they follow the log; tell one whose signature "
        "is wrong."
    ),
    "events": _AGAIN + "keep it and ask the operator who has altered it, or entered that event.",
    "count": _AGAIN + "keep it and ask the operator for the events that were signed for.",
    "root": _AGAIN + "keep it and ask the operator for the events that were signed for.",
    "earlier": (
        "Keep both files as they are, for they are evidence. Ask the other agencies for their "
        "checkpoints of this log, and then the operator."
    ),
}
_LEFT_OUT = {
    "witnesses": (
        "No witness's signature was asked for and found, so that only the operator vouches that "
        "everybody is shown this same log."
    ),
    "earlier": (
        "Give a checkpoint or a bundle that you verified before with --earlier, to see that "
        "nothing was rewritten since."
    ),
}


def minute(at: datetime) -> str:
    """Return a time in UTC to the minute."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def as_json(report: LogReport) -> dict[str, Any]:
    """Return the report for programs."""
    bundle, failure = report.bundle, report.failure
    return {
        "verified": report.verified,
        "verdict": report.verdict,
        "advice": report.advice,
        "log": report.trust.keys.log.name,
        "log_key": str(report.trust.keys.log),
        "own_keys": report.own_keys,
        "steps": [asdict(step) for step in report.steps],
        "failure": failure
        and {
            "step": STEPS[failure.step - 1],
            "event": failure.event,
            "kind": type(failure.cause).__name__,
            "message": str(failure.cause),
        },
        "bundle": bundle and _bundle_json(bundle),
    }


def _bundle_json(bundle: VerifiedBundle) -> dict[str, Any]:
    summary = asdict(bundle.summary)
    for end in ("first", "last"):
        summary[end] = summary[end] and summary[end].isoformat()[:19] + "Z"
    return {
        "size": bundle.checkpoint.size,
        "root": to_base64(bundle.checkpoint.root),
        "witnesses": [asdict(one) for one in bundle.cosignatures],
        "other_signatures": bundle.other_signatures,
        "summary": summary,
    }
