"""Asking a matcher what its OpenAPI describes; schemathesis makes the requests and judges."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
from hypothesis import strategies as st
from requests.auth import AuthBase
from schemathesis import APIOperation, Case, CheckFunction, Config, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.openapi import from_dict
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from linkage.protocol.keys import Identity
from tests.linkage.protocol.agreements import ROLES
from tests.linkage.protocol.parties import identity
from tests.matcher.api.prepared import DIGEST, UNSIGNED, World
from tests.matcher.api.serving import Caller

CALLERS = tuple(ROLES)
"""A party of each role, and every agency."""
STRANGER = identity("stranger", 151)
NUMBERS = {"first": 1, "second": 2, "leaf": 1, "size": 2, "start": 0, "end": 2}
QUERY = NUMBERS | {"after": "0" * 32}
# About which disclosure an operation is asked, and about which party.
_OF_DISCLOSURES = {
    "move_disclosure": ("to move", "police"),
    "read_holdings": ("to release", "police"),
    "send_sealed": ("to release", "hub"),
}
# To whom payload is sealed, and who has sealed it.
_OF_PAYLOAD = {
    **dict.fromkeys(("put_piece", "commit_payload", "read_payload"), "analyst"),
    "read_piece": "care",
}
_NUMBERS = {"put_part": 0, **dict.fromkeys(("put_piece", "commit_payload", "read_payload"), 1)}
# About as many as the log has.
_EVENTS = 30
# What is made wrong may be refused for any reason but that it comes too often or too slowly.
_REFUSALS = [400, 401, 403, 404, 409, 411, 413, 415, 422]
# What fits the OpenAPI is a request of the protocol, signed as it must be; whether it can be done
# depends on more than the OpenAPI says.
_TAKEN = ["2xx", 403, 404, 409, 422]
_CHECKS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
_CONFIG = {
    # The requests are signed for real.
    "generation": {"with-security-parameters": False},
    "checks": {
        "negative_data_rejection": {"expected-statuses": _REFUSALS},
        "positive_data_acceptance": {"expected-statuses": _TAKEN},
    },
}


@dataclass
class _Signature(AuthBase):
    """Signs a request once it is as it will be sent."""

    caller: Caller
    operation: APIOperation

    def __call__(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body
        has_body = "requestBody" in self.operation.definition.raw
        covered = (body or b"") if has_body else None
        signed = self.caller.signed(str(prepared.method), prepared.path_url, covered)
        prepared.headers.update(signed.headers)
        return prepared


class Described:
    """A matcher and what it says of itself."""

    def __init__(self, world: World) -> None:
        schema = from_dict(_narrowed(world), config=Config.from_dict(_CONFIG))
        found = [one.ok() for one in schema.get_all_operations()]
        self.world = world
        self.operations = {one.definition.raw["operationId"]: one for one in found}
        self.answered: Counter[tuple[str, int]] = Counter()
        self._callers = {own: world.matcher.caller(own) for own in (*CALLERS, STRANGER)}
        self._session = requests.Session()
        self._session.trust_env = False

    def to_be_done(self, name: str) -> st.SearchStrategy[Case]:
        """Return cases with which an operation can be done by one of its callers."""
        purpose = "to abandon" if name == "abandon_upload" else "to commit"
        return self._existing(name, self._that_exist(name, purpose) | QUERY)

    def fitting(self, name: str) -> st.SearchStrategy[Case]:
        """Return cases that fit, half of them about what exists."""
        near = st.fixed_dictionaries(dict.fromkeys(NUMBERS, st.integers(0, _EVENTS)))
        existing = near.map(lambda query: self._that_exist(name) | QUERY | query)
        return st.one_of(
            self.operations[name].as_strategy(),
            existing.flatmap(lambda values: self._existing(name, values)),
        )

    def not_fitting(self, name: str) -> st.SearchStrategy[Case]:
        """Return cases of which something doesn't fit, at least half of them in a real place."""
        operation = self.operations[name]
        raw = operation.definition.raw
        values = self._that_exist(name)
        inside = [one["name"] for one in raw.get("parameters", ()) if one["in"] == "path"]
        if "requestBody" not in raw:
            inside = inside[:1] if len(inside) > 1 else []
        fixed = {one: values[one] for one in inside}
        return st.one_of(
            operation.as_strategy(GenerationMode.NEGATIVE),
            operation.as_strategy(GenerationMode.NEGATIVE, path_parameters=fixed),
        )

    def _existing(self, name: str, values: Mapping[str, object]) -> st.SearchStrategy[Case]:
        operation = self.operations[name]
        fixed: dict[str, dict[str, object]] = {"path": {}, "query": {}}
        for one in operation.definition.raw.get("parameters", ()):
            fixed[one["in"]][one["name"]] = values[one["name"]]
        return operation.as_strategy(path_parameters=fixed["path"], query=fixed["query"])

    def _that_exist(self, name: str, purpose: str = "to try") -> dict[str, object]:
        world = self.world
        disclosure, party = _OF_DISCLOSURES.get(name, ("to open", "police"))
        party = _OF_PAYLOAD.get(name, party)
        return {
            "proposal": world.disclosures[disclosure],
            "digest": DIGEST,
            "number": _NUMBERS.get(name, 2),
            "party": party,
            "recipient": "care" if purpose == "to try" else "health",
            "run": world.runs[0 if name == "cancel_run" else 1],
            "upload": world.open[purpose].id,
            "lookup": world.lookup,
            "cohort": world.cohort,
            "piece": 0,
        }

    def ask(self, case: Case, own: Identity, body: bytes | None = None) -> int:
        """Send a case signed by ``own``, maybe with another body; return the status."""
        caller = self._callers[own]
        sent: dict[str, Any] = {"auth": _Signature(caller, case.operation)}
        if body is not None:
            sent["data"] = body
        checks = _CHECKS if own is STRANGER else [*_CHECKS, positive_data_acceptance]
        answer = self._send(case, checks, sent)
        if case.path.startswith("/v1/"):
            caller.believe({name: ", ".join(said) for name, said in answer.headers.items()})
            assert own is not STRANGER or answer.status_code >= 400
        return answer.status_code

    def ask_unsigned(self, case: Case, headers: Mapping[str, str]) -> int:
        """Send a case with whatever headers; return the status."""
        return self._send(case, _CHECKS, {"headers": dict(headers)}).status_code

    def _send(self, case: Case, checks: list[CheckFunction], sent: dict[str, Any]) -> Response:
        base = self.world.matcher.url
        answer = case.call(base, self._session, allow_redirects=False, timeout=30, **sent)
        self.answered[case.operation.label, answer.status_code] += 1
        case.validate_response(answer, checks, transport_kwargs=sent)
        return answer


def _narrowed(world: World) -> dict[str, Any]:
    """Return the OpenAPI with identifiers that exist beside some that don't."""
    described = copy.deepcopy(world.matcher.described)
    for operations in described["paths"].values():
        for operation in operations.values():
            known = _known(world, part=operation["operationId"] == "put_part")
            for one in operation.get("parameters", ()):
                if one["in"] == "path":
                    one["schema"] = {"type": one["schema"]["type"], "enum": known[one["name"]]}
    return described


def _known(world: World, *, part: bool) -> dict[str, list[object]]:
    """Return what may stand in an address, by the name that the OpenAPI gives to its place."""
    return {
        "digest": [DIGEST, UNSIGNED.digest(), "0" * 64],
        "number": [0, 1, 9999] if part else [1, 2, 3, 1_000_000],
        "party": ["police", "care", "analyst", "hub", "nobody"],
        "proposal": [*world.disclosures.values(), "0" * 64],
        "recipient": ["care", "police", "hub", "nobody"],
        "run": [*world.runs, "0" * 32],
        "upload": [world.open["to try"].id, "0" * 32],
        "lookup": [world.lookup, "0" * 64],
        "cohort": [world.cohort, "0" * 32],
        "piece": [0, 1, 1023],
    }
