"""A caller of a matcher who signs by hand, and an upload as an agency's client makes it."""

from __future__ import annotations

import hashlib
import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from linkage.protocol.agreement import Agreement
from linkage.protocol.keys import Identity
from linkage.protocol.upload import Announcement, Manifest, announcement_bytes, sign_manifest
from tests.matcher.api.signing import Request
from tests.matcher.uploading import closing

OFFICER = ("officer", 233)
"""Who asks small things."""


@dataclass
class Party:
    """A caller with a connection of its own, that signs by hand."""

    identity: Identity
    host: str
    http: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self.http = http.client.HTTPConnection(self.host, timeout=120)

    def send(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Send a signed request; return status and body. A closed connection is renewed."""
        request = Request(method, f"http://{self.host}{path}", int(time.time()), body)
        headers = request.signed_by(self.identity).headers
        try:
            self.http.request(method, path, body, headers)
            answer = self.http.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self.http.close()
            return self.send(method, path, body)
        return answer.status, answer.read()

    def must(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """Send and return the body; anything but success ends the benchmark."""
        status, content = self.send(method, path, body)
        if status >= 300:
            raise RuntimeError(f"{method} {path[-30:]}: {status} {content[:300]!r}")
        return content


def push(party: Party, agreement: Agreement, data: bytes, number: int) -> bytes:
    """Do what an agency's client does: announce, send the parts, commit; return the receipt.

    ``number`` is the round.
    """
    base = f"/v1/agreements/{agreement.digest()}"
    sha256 = hashlib.sha256(data).hexdigest()
    announced = announcement_bytes(Announcement(sha256, len(data)))
    state = json.loads(party.must("POST", f"{base}/rounds/{number}/uploads", announced))
    size = state["part_size"]
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    for at, part in enumerate(parts):
        party.must("PUT", f"{base}/uploads/{state['id']}/parts/{at}", part)
    rows, digest = closing(data)
    manifest = Manifest(
        agreement=agreement.digest(), epoch=1, round=number, upload=state["id"], sha256=sha256,
        size=len(data), part_size=size, rows=rows, encodings=digest,
        parts=tuple(hashlib.sha256(part).hexdigest() for part in parts),
    )  # fmt: skip
    signed = sign_manifest(manifest, party.identity)
    place = f"{base}/uploads/{state['id']}/commit"
    while (answer := party.send("POST", place, signed))[0] == 503:
        time.sleep(2)  # others are being verified
    if answer[0] >= 300:
        raise RuntimeError(f"commit: {answer[0]} {answer[1][:300]!r}")
    return answer[1]


def tried(send: Callable[[], object]) -> bool:
    """Whether something could be sent."""
    try:
        send()
    except OSError:
        return False
    return True
