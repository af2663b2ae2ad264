"""Events of the log: who did what, when, for which purpose, to how many; never to whom.

An event is canonical JSON (RFC 8785), and these bytes are its leaf in the tree. Every member is
always there. People whose data it is about appear as counts and as digests of messages that only
the parties can resolve; a justification that looks as if it named one of them is refused.
"""

from __future__ import annotations

import json
from dataclasses import field
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self

import rfc8785
from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.dataclasses import dataclass

from linkage.audit.failures import MalformedError
from linkage.audit.kinds import KINDS, Kind
from linkage.wording import names_nobody, visible

TYPE = "concord.event/1"
MOST_BYTES = 1 << 14
_STRICT = ConfigDict(extra="forbid", strict=True)


def _utc_second(at: datetime) -> datetime:
    if at.utcoffset() != timedelta(0) or at.microsecond:
        raise ValueError("must be a whole second in UTC")
    return at


Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
Phrase = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(visible)]
Text = Annotated[str, Field(max_length=1000), AfterValidator(visible), AfterValidator(names_nobody)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0, lt=2**53)]


@dataclass(frozen=True, config=_STRICT)
class AgreementReference:
    """The agreement under which something was done: its id, version, and SHA-256 (hex)."""

    digest: Digest
    id: Name
    version: Annotated[int, Field(ge=1, lt=2**53)]


@dataclass(frozen=True, config=_STRICT, kw_only=True)
class Event:
    """One thing that was done, or decided.

    ``party`` did it, through its employee ``person`` as that party refers to them (empty if no
    person did). ``at`` is UTC, whole seconds. ``recipients`` are parties, in order and once each.
    ``purpose`` and ``lawful_basis`` are the agreement's words; ``justification`` is the person's.
    ``counts`` says how many of what; ``digests`` (SHA-256, hex) which messages it is about, so
    that a proposal, its approvals and its release can be told to belong together.

    A consultation, a disclosure and a decision not to share must be justified, and a disclosure
    names its recipients (section 62(2) and (3) of the Act).
    """

    kind: str
    at: Annotated[datetime, AfterValidator(_utc_second)]
    party: Name
    agreement: AgreementReference
    purpose: Phrase
    lawful_basis: Phrase
    person: Name | Literal[""] = ""
    recipients: tuple[Name, ...] = ()
    counts: dict[Name, Count] = field(default_factory=dict)
    digests: dict[Name, Digest] = field(default_factory=dict)
    justification: Text = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.kind not in KINDS:
            raise ValueError("kind is not one of this format's")
        if list(self.recipients) != sorted(set(self.recipients)):
            raise ValueError("recipients must be in order and once each")
        if self.verb == "disclosure" and not self.recipients:
            raise ValueError("a disclosure must name its recipients")
        if not self.justification and (
            self.withheld or self.verb in {"consultation", "disclosure"}
        ):
            raise ValueError(f"{self.kind} must be justified")
        return self

    @property
    def verb(self) -> str:
        """The operation of section 62, or the word for what isn't one."""
        return self._kind.verb

    @property
    def withheld(self) -> bool:
        """Whether this is a decision not to share."""
        return self._kind.withheld

    @property
    def _kind(self) -> Kind:
        return KINDS[self.kind]

    def to_json(self) -> dict[str, Any]:
        """Return the event as the JSON object that it is in the log."""
        return {
            "agreement": {
                "digest": self.agreement.digest,
                "id": self.agreement.id,
                "version": self.agreement.version,
            },
            "at": self.at.isoformat()[:19] + "Z",
            "counts": self.counts,
            "digests": self.digests,
            "justification": self.justification,
            "kind": self.kind,
            "lawful_basis": self.lawful_basis,
            "party": self.party,
            "person": self.person,
            "purpose": self.purpose,
            "recipients": list(self.recipients),
            "type": TYPE,
            "verb": self.verb,
        }


_EVENT = TypeAdapter(Event)
# What is RFC 8785 for the members of an event: names are ASCII, numbers whole and below 2^53.
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def event_bytes(event: Event) -> bytes:
    """Return the canonical bytes of an event: what is hashed into the tree."""
    data = rfc8785.dumps(event.to_json())
    if len(data) > MOST_BYTES:
        raise ValueError(f"An event has at most {MOST_BYTES:,} bytes.")
    return data


def parse_event(data: bytes) -> Event:
    """Parse the bytes of an event; raises `MalformedError` for anything but the canonical form.

    1. They are at most 2^14.
    2. They are a JSON object whose members have the types and obey the rules of `Event`.
    3. Encoding that event gives the same bytes: no member is unknown, missing, doubled or out of
       order, ``type`` and ``verb`` are what they must be, and nothing is spelled in another way.
    """
    if len(data) > MOST_BYTES:
        raise MalformedError(f"The event has more than {MOST_BYTES:,} bytes.")
    try:
        event = _EVENT.validate_json(data, extra="ignore")
    except ValidationError as error:
        raise MalformedError(f"The event breaks the rules: {_faults(error)}.") from None
    if _CANONICAL.encode(event.to_json()).encode() != data:
        raise MalformedError(
            "The event isn't in canonical form: a member is unknown, missing or out of order, "
            "type or verb don't fit, or something is spelled in another way."
        )
    return event


def _faults(error: ValidationError) -> str:
    found = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(_place(fault["loc"]) + _sentence(fault["msg"]) for fault in found)


def _place(steps: tuple[int | str, ...]) -> str:
    """Name the member; deeper places are names that the event itself gives, and may be anything."""
    return f"{steps[0]}: " if steps else ""


def _sentence(message: str) -> str:
    return message.removeprefix("Value error, ").rstrip(".")
