"""One signed request at a time, its answer verified, and sentences for what can go wrong."""

from __future__ import annotations

import secrets
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import IO, Self

import httpx2

from agency_client.keystore.store import OpenKeystore
from agency_client.matcher_api.following import FollowedLog
from agency_client.matcher_api.place import MatcherPlace
from agency_client.matcher_api.proofs import parse_proof, proof_path
from agency_client.matcher_api.signing import Draft, signed_headers
from linkage.errors import LinkageError, UnavailableError, VerificationError
from linkage.protocol.problems import MEDIA_TYPE, parse_problem
from linkage.protocol.requests import (
    CHECKPOINT,
    CONSISTENCY,
    NONCE_BYTES,
    parse_checkpoint_value,
    parse_consistency_value,
)

MOST_BYTES = 16 << 20
"""No answer that is kept in memory has more."""
_TIMEOUT = httpx2.Timeout(60.0, connect=10.0)
# The matcher reads a whole file of encodings before it answers.
_TIMEOUT_OF_COMMIT = httpx2.Timeout(60.0, connect=10.0, read=300.0)
_PAUSES = (0.5, 2.0)  # before the second and the third try
_AGAIN = frozenset({429, 503})
_PROXYS = frozenset({502, 504})
_REPEATABLE = frozenset({"GET", "PUT", "DELETE"})


@dataclass(frozen=True)
class Answer:
    """A verified answer: its body, empty if that was written elsewhere."""

    content: bytes


class Connection:
    """Speaks to one matcher as one party; its log is followed with every answer."""

    def __init__(
        self,
        place: MatcherPlace,
        store: OpenKeystore,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.place = place
        self.store = store
        self.log = FollowedLog(store, place.log_key)
        self._clock = clock
        self._pause = pause
        self._http = httpx2.Client(timeout=_TIMEOUT, follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def send(
        self, method: str, path: str, body: bytes | None = None, sink: IO[bytes] | None = None
    ) -> Answer:
        """Send a request and return its answer, once the log's state in it is verified.

        With ``sink`` the body is written there as it comes. What can be repeated without harm is
        tried up to three times. Raises the error of the problem that the matcher answers with,
        `UnavailableError` where there is no answer, `LogError` where the log doesn't go on.
        """
        for pause in (*_PAUSES, None):
            try:
                return self._once(method, path, body, sink)
            except _TryAgainError as error:
                if pause is None or not (error.unheard or method in _REPEATABLE):
                    raise error.reason from None
                self._pause(max(pause, error.after))
        raise AssertionError("the last try returns or raises")

    def hold_against(self, note: bytes) -> None:
        """Raise `LogError` unless a checkpoint is of the history that is pinned; pin it if newer.

        For one that came in another way than with an answer. Raises `UnavailableError` where the
        matcher can't be asked for the proof.
        """
        try:
            self.log.accept(None, note, [], self._consistency)
        except _TryAgainError as error:
            raise error.reason from None

    def _once(self, method: str, path: str, body: bytes | None, sink: IO[bytes] | None) -> Answer:
        pinned = self.log.pinned.pinned.size
        with self._opened(method, path, body, pinned) as response:
            if response.status_code in _AGAIN:
                raise self._later(response)
            if response.status_code in _PROXYS and CHECKPOINT not in response.headers:
                raise self._cut_off(response.status_code)
            self._follow(response, pinned)
            if response.is_success and sink is not None:
                sink.seek(0)
                sink.truncate()
                for chunk in response.iter_bytes():
                    sink.write(chunk)
                return Answer(b"")
            content = _bounded(response, self._source)
        if not response.is_success:
            raise self._problem(response, content)
        return Answer(content)

    @contextmanager
    def _opened(
        self, method: str, path: str, body: bytes | None, pinned: int
    ) -> Iterator[httpx2.Response]:
        draft = Draft(method, self.place.url + path, body, pinned)
        key, nonce = self.store.identity.signing_key, secrets.token_hex(NONCE_BYTES)
        headers = signed_headers(draft, key, self._clock(), nonce)
        timeout = _TIMEOUT_OF_COMMIT if path.endswith("/commit") else _TIMEOUT
        try:
            with self._http.stream(
                method, draft.url, headers=headers, content=body, timeout=timeout
            ) as response:
                yield response
        except httpx2.ConnectError as error:
            raise self._unreachable(error) from None
        except httpx2.ConnectTimeout:
            reason = UnavailableError(f"{self._source} doesn't answer; check the address.")
            raise _TryAgainError(reason, unheard=True) from None
        except httpx2.TimeoutException:
            reason = UnavailableError(f"{self._source} took too long to answer; try again.")
            raise _TryAgainError(reason) from None
        except httpx2.TransportError:
            reason = UnavailableError(
                f"The connection to {self._source} broke off; try again: whatever was done by then "
                "isn't done twice."
            )
            raise _TryAgainError(reason) from None

    def _unreachable(self, error: httpx2.ConnectError) -> Exception:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLError):
                return VerificationError(
                    f"The certificate of {self._source} doesn't verify ({_reason(cause)}), so it "
                    "may be somebody else; nothing was sent. Ask its operator."
                )
            cause = cause.__cause__ or cause.__context__
        reason = UnavailableError(
            f"{self._source} can't be reached; check the address, and whether it runs."
        )
        return _TryAgainError(reason, unheard=True)

    def _later(self, response: httpx2.Response) -> _TryAgainError:
        """Return what becomes of a matcher that can't answer now; it has done nothing."""
        content = _bounded(response, self._source)
        after = response.headers.get("retry-after", "0")
        seconds = min(float(after), 30.0) if after.isascii() and after.isdigit() else 0.0
        return _TryAgainError(self._problem(response, content), after=seconds, unheard=True)

    def _cut_off(self, status: int) -> _TryAgainError:
        """Return what becomes of a proxy's answer in place of a matcher's that it didn't get."""
        return _TryAgainError(
            UnavailableError(
                f"A proxy before {self._source} got no answer from it ({status}); try again: "
                "whatever was done by then isn't done twice."
            )
        )

    def _follow(self, response: httpx2.Response, pinned: int) -> None:
        """Verify the state of the log that an answer carries, and pin it."""
        if CHECKPOINT not in response.headers:
            raise VerificationError(
                f"The answer of {self._source} ({response.status_code}) carries no state of the "
                "log, so it isn't a matcher's; check the address."
            )
        note = parse_checkpoint_value(response.headers[CHECKPOINT], self._source)
        text = response.headers.get(CONSISTENCY)
        first, proof = pinned, list[bytes]()
        if text is not None:
            first, _, proof = parse_consistency_value(text, self._source)
        if first != pinned:
            raise VerificationError(
                f"{self._source} proves something else than it was asked for; try again."
            )
        self.log.accept(pinned, note, proof, self._consistency)

    def _consistency(self, first: int, second: int) -> Sequence[bytes]:
        """Fetch a proof, to hold two answers of the log against each other."""
        try:
            with self._opened("GET", f"/v1{proof_path(first, second)}", None, 0) as response:
                content = _bounded(response, self._source)
        except _TryAgainError as error:
            # The request whose answer is held against the proof was heard, if there was one.
            raise _TryAgainError(error.reason, after=error.after) from None
        if not response.is_success:
            raise self._problem(response, content)
        return parse_proof(content, first, second, f"The answer of {self._source}")

    def _problem(self, response: httpx2.Response, content: bytes) -> LinkageError:
        """Return the error for an answer that is a problem."""
        if response.headers.get("content-type") != MEDIA_TYPE:
            return UnavailableError(
                f"{self._source} answered {response.status_code} and not as a matcher does; check "
                "the address, and whether it runs."
            )
        kind, detail = parse_problem(content, f"The answer of {self._source}")
        return kind.raises(f"{self._source}: {detail}")

    @property
    def _source(self) -> str:
        return self.place.url


class _TryAgainError(Exception):
    """A try that failed; ``unheard`` if the matcher has surely done nothing."""

    def __init__(self, reason: LinkageError, *, after: float = 0.0, unheard: bool = False) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.after = after
        self.unheard = unheard


def _bounded(response: httpx2.Response, source: str) -> bytes:
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > MOST_BYTES:
            raise VerificationError(f"The answer of {source} is longer than any; it was cut off.")
    return bytes(content)


def _reason(error: ssl.SSLError) -> str:
    return getattr(error, "verify_message", "") or type(error).__name__
