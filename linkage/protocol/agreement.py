"""The linkage agreement: what the parties have agreed, as a TOML file that people can read.

An offline trial needs ``[agreement]`` and ``[scheme]`` alone. What an agreement needs so that
people can be asked to sign it is in `linkage.protocol.binding`.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Self

from pydantic import TypeAdapter, model_validator
from pydantic.dataclasses import dataclass

from linkage.errors import InputError, VerificationError
from linkage.protocol.canonical import canonical_json, parse_message
from linkage.protocol.keys import PublicIdentity
from linkage.protocol.reading import parse_toml
from linkage.protocol.scheme import STRICT, Scheme
from linkage.protocol.sections.disclosure import Disclosure, Retention
from linkage.protocol.sections.identification import Identification
from linkage.protocol.sections.matching import Matching, Outputs
from linkage.protocol.sections.party import Party, Role
from linkage.protocol.sections.payload import Payload
from linkage.protocol.settings import settings
from linkage.protocol.weakness import refuse_weak_groups


@dataclass(frozen=True, config=STRICT)
class Agreement:
    """Everything that the parties have agreed."""

    agreement: Identification
    scheme: Scheme
    matching: Matching = Matching()
    party: tuple[Party, ...] = ()
    payload: Payload | None = None
    disclosure: Disclosure | None = None
    outputs: Outputs = Outputs()
    retention: Retention | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [party.name for party in self.party]
        if len(set(names)) != len(names):
            raise ValueError("two parties have the same name")
        both = [(party.signing_key, party.sealing_key) for party in self.party]
        keys = [key for pair in both for key in pair if key]
        if len(set(keys)) != len(keys):
            raise ValueError("two parties have the same key")
        unknown = set(self.matching.levels) - {group.name for group in self.scheme.group}
        if unknown:
            raise ValueError(f"matching.levels names unknown groups: {', '.join(sorted(unknown))}")
        return self

    @model_validator(mode="after")
    def _disclosure_fits(self) -> Self:
        if self.disclosure is not None:
            _refuse_strangers(self, self.disclosure)
            _refuse_unmeetable(self, self.disclosure)
        return self

    def names(self, role: Role) -> list[str]:
        """Return the names of the parties that have a role, in the agreement's order."""
        return [party.name for party in self.party if role in party.roles]

    @property
    def approvers(self) -> tuple[str, ...]:
        """Who may approve a disclosure: those named, or else every agency."""
        named = self.disclosure.approvers if self.disclosure else ()
        return named or tuple(self.names("agency"))

    @property
    def identities(self) -> list[PublicIdentity]:
        """The public keys of every party that has some."""
        return [own for party in self.party if (own := party.identity) is not None]

    def identity(self, name: str) -> PublicIdentity:
        """Return a party's public keys, or raise `InputError`."""
        for own in self.identities:
            if own.name == name:
                return own
        raise InputError(
            f"The agreement {self.agreement.id!r} has no party {name!r} with keys; add its card."
        )

    def require_party(self, name: str) -> None:
        """Raise `InputError` unless ``name`` is an agency of it; without parties anyone may be."""
        names = self.names("agency")
        if self.party and name not in names:
            raise InputError(
                f"The agency {name!r} is not a party of the agreement {self.agreement.id!r}; "
                f"its agencies are {', '.join(names)}."
            )

    def is_clean(self, name: str) -> bool:
        """Whether the agency's extract holds each person at most once."""
        return all(party.clean for party in self.party if party.name == name)

    def content(self) -> bytes:
        """Return the canonical JSON (RFC 8785) that is signed, settings at defaults left out.

        No default may ever change its value, so that old agreements keep their digests.
        """
        return self._content

    def digest(self) -> str:
        """SHA-256, in hex, of `content`."""
        return hashlib.sha256(self._content).hexdigest()

    @cached_property
    def _content(self) -> bytes:
        # Every message is checked against the digest, and this takes milliseconds.
        return canonical_json(settings(self))


@dataclass(frozen=True, config=STRICT)
class _SchemeAlone:
    """A file with the scheme of an agreement and nothing else."""

    scheme: Scheme


_AGREEMENT = TypeAdapter(Agreement)
_SCHEME_ALONE = TypeAdapter(_SchemeAlone)


def parse_agreement(text: str, source: str) -> Agreement:
    """Parse and validate a whole agreement in TOML.

    ``source`` is the name that errors give to the text. Raises `InputError` that lists every
    fault with its place, or `PolicyError` for a scheme that protects too little.
    """
    agreement = parse_toml(_AGREEMENT, text, source, "agreement")
    refuse_weak_groups(agreement.scheme)
    return agreement


def parse_content(content: bytes, source: str) -> Agreement:
    """Parse the canonical JSON of an agreement, of which there is one form only.

    Raises `VerificationError` for any other bytes, `PolicyError` for a scheme that protects too
    little.
    """
    agreement = parse_message(_AGREEMENT, content, source)
    if agreement.content() != content:
        raise VerificationError(
            f"{source} is an agreement that says more than it needs to, so it isn't in its one "
            "form; ask for it again."
        )
    refuse_weak_groups(agreement.scheme)
    return agreement


def parse_scheme(text: str, source: str) -> Scheme:
    """Parse and validate the ``[scheme]`` of an agreement by itself, as `parse_agreement` does."""
    scheme = parse_toml(_SCHEME_ALONE, text, source, "scheme").scheme
    refuse_weak_groups(scheme)
    return scheme


def _refuse_strangers(agreement: Agreement, disclosure: Disclosure) -> None:
    """Raise `ValueError` where ``[disclosure]`` names what the other sections don't have."""
    agencies = set(agreement.names("agency"))
    categories = agreement.payload.categories if agreement.payload else frozenset()
    named = {agency for rule in disclosure.rule for agency in rule.agencies}
    chosen = {rule.category for rule in disclosure.rule if rule.category}
    for what, names, known in (
        ("fields", set(disclosure.fields), set(agreement.scheme.fields)),
        ("recipients", set(disclosure.recipients), set(agreement.names("recipient"))),
        ("approvers", set(disclosure.approvers), agencies | set(agreement.names("dpo"))),
        ("rule.agencies", named, agencies),
        ("rule.category", chosen, categories),
    ):
        if strange := sorted(names - known):
            raise ValueError(
                f"disclosure.{what} names {', '.join(strange)}, which the agreement doesn't have "
                "as such"
            )


def _refuse_unmeetable(agreement: Agreement, disclosure: Disclosure) -> None:
    """Raise `ValueError` for quorums and rules that could never be met."""
    approvers = len(agreement.approvers)
    for name, quorum in (
        ("quorum", disclosure.quorum),
        ("protected_quorum", disclosure.protected_quorum or disclosure.quorum),
    ):
        if quorum > approvers:
            raise ValueError(
                f"disclosure.{name} is {quorum} and can't be met by {approvers} approvers"
            )
    agencies = len(agreement.names("agency"))
    for rule in disclosure.rule:
        if rule.least_agencies > agencies:
            raise ValueError(
                f"disclosure.rule {rule.name} asks for {rule.least_agencies} of {agencies} agencies"
            )
