"""A second implementation of linkage/audit/SPEC.md, from that document alone and without haste.

It shares no code with the first: `verify` returns the step that fails, the kind of failure and the
event, as the vectors name them, or "ok".
"""

from __future__ import annotations

import base64
import json
import re
from datetime import datetime
from hashlib import sha256
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.linkage.audit.curve import small_order

NAME = r"[A-Za-z][A-Za-z0-9_-]{0,63}"
DIGEST = r"[0-9a-f]{64}"
HIDDEN = [(0, 0x1F), (0x7F, 0x9F), (0xAD, 0xAD), (0x61C, 0x61C), (0x200B, 0x200F),
          (0x2028, 0x202E), (0x2060, 0x206F), (0xFEFF, 0xFEFF)]  # fmt: skip
IDENTIFYING = r"[0-9](?:[ ./-]?[0-9]){5}|@|\b[A-Za-z]{1,2}[0-9][A-Za-z0-9]? ?[0-9][A-Za-z]{2}\b"


class FailureError(Exception):
    """The kind of failure, as the vectors name it."""


def need(true: object, kind: str = "MalformedError") -> None:
    if not true:
        raise FailureError(kind)


def unbase64(text: str) -> bytes:
    need(re.fullmatch(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", text))
    need(base64.b64encode(base64.b64decode(text)).decode() == text)
    return base64.b64decode(text)


def number(text: str) -> int:
    need(re.fullmatch(r"0|[1-9][0-9]*", text) and len(text) < 20 and int(text) < 2**63)
    return int(text)


def root(leaves: list[bytes]) -> bytes:
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"").digest()
    k = split(len(leaves))
    return joined(root(leaves[:k]), root(leaves[k:]))


def key(text: str) -> tuple[str, bytes, int, bytes]:
    """Return name, key ID, type and public key."""
    need(text.count("+") >= 2)
    name, key_id, encoded = text.split("+", 2)
    need(re.fullmatch(r"[!-~]{1,128}", name))
    typed = unbase64(encoded)
    need(len(typed) == 33 and typed[0] in {1, 4})
    need(not small_order(typed[1:]))
    digest = sha256(name.encode() + b"\n" + typed).digest()
    need(key_id == digest[:4].hex())
    return name, digest[:4], typed[0], typed[1:]


def keys(lines: list[str]) -> list[tuple[str, bytes, int, bytes]]:
    found = [key(line) for line in lines]
    need(found and [one[2] for one in found] == [1] + [4] * (len(found) - 1))
    need(len({one[0] for one in found[1:]}) == len(found) - 1)
    return found


def note(data: bytes) -> tuple[str, dict[tuple[str, bytes], bytes]]:
    need(len(data) <= 65_536)
    whole = data.decode()
    need(not any(ord(letter) < 32 and letter != "\n" for letter in whole))
    end = whole.rfind("\n\n")
    need(end > 0 and whole.endswith("\n"))
    found: dict[tuple[str, bytes], bytes] = {}
    lines = whole[end + 2 : -1].split("\n")
    need(len(lines) <= 100)
    for line in lines:
        need(line.count(" ") == 2 and line.startswith("\u2014 "))
        name, encoded = line[2:].split(" ")
        need(name and "+" not in name and not re.search(r"\s", name))
        signed = unbase64(encoded)
        need(len(signed) > 4 and (name, signed[:4]) not in found)
        found[name, signed[:4]] = signed[4:]
    return whole[: end + 1], found


def signed(public: bytes, signature: bytes, message: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        raise FailureError("SignatureError") from None


def checkpoint(text: str, origin: str) -> tuple[int, bytes]:
    lines = text.split("\n")
    need(len(lines) == 4 and lines[3] == "" and lines[0] == origin)
    size, hashed = number(lines[1]), unbase64(lines[2])
    need(len(hashed) == 32 and (size or hashed == root([])))
    return size, hashed


def event(data: bytes, kinds: dict[str, tuple[str, bool]]) -> None:
    need(len(data) <= 16_384)
    try:
        one: Any = json.loads(data.decode())
        need(rfc8785.dumps(one) == data)
    except (ValueError, RecursionError, rfc8785.CanonicalizationError):
        raise FailureError("MalformedError") from None
    need(isinstance(one, dict))
    need(sorted(one) == ["agreement", "at", "counts", "digests", "justification", "kind",
                         "lawful_basis", "party", "person", "purpose", "recipients", "type",
                         "verb"])  # fmt: skip
    agreement = one["agreement"]
    need(isinstance(agreement, dict) and sorted(agreement) == ["digest", "id", "version"])
    need(matches(DIGEST, agreement["digest"]) and matches(NAME, agreement["id"]))
    need(whole(agreement["version"], 1))
    need(matches(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", one["at"]))
    try:
        datetime.fromisoformat(one["at"])
    except ValueError:
        raise FailureError("MalformedError") from None
    for member, fits in (("counts", whole), ("digests", lambda value: matches(DIGEST, value))):
        need(isinstance(one[member], dict))
        need(all(matches(NAME, name) and fits(value) for name, value in one[member].items()))
    need(text(one["justification"], 0, 1000))
    need(not re.search(IDENTIFYING, one["justification"], re.ASCII))
    need(text(one["purpose"], 1, 500) and text(one["lawful_basis"], 1, 500))
    need(matches(NAME, one["party"]) and (one["person"] == "" or matches(NAME, one["person"])))
    recipients = one["recipients"]
    need(isinstance(recipients, list) and all(matches(NAME, name) for name in recipients))
    need(recipients == sorted(set(recipients)) and one["type"] == "concord.event/1")
    need(isinstance(one["kind"], str) and one["kind"] in kinds)
    verb, withheld = kinds[one["kind"]]
    need(one["verb"] == verb and (recipients or verb != "disclosure"))
    need(one["justification"] or not (withheld or verb in {"consultation", "disclosure"}))


def matches(pattern: str, value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None


def whole(value: object, least: int = 0) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value < 2**53


def text(value: object, least: int, most: int) -> bool:
    return (
        isinstance(value, str)
        and least <= len(value) <= most
        and not any(first <= ord(letter) <= last for letter in value for first, last in HIDDEN)
    )


def verify(
    bundle: bytes,
    own_keys: list[str],
    least: int,
    earlier: str | None,
    kinds: dict[str, tuple[str, bool]],
) -> Any:
    """Follow the seven steps of the specification."""
    log, *witnesses = keys(own_keys)
    before = earlier and checkpoint(note(earlier.encode())[0], log[0])
    step, at = "form", None
    try:
        head, events = divided(bundle)
        step = "signature"
        said, signatures = head
        need((log[0], log[1]) in signatures, "SignatureError")
        need(len(signatures[log[0], log[1]]) == 64, "SignatureError")
        signed(log[3], signatures[log[0], log[1]], said.encode())
        size, hashed = checkpoint(said, log[0])
        step = "witnesses"
        present = [one for one in witnesses if (one[0], one[1]) in signatures]
        for name, key_id, _, public in present:
            line = signatures[name, key_id]
            time = int.from_bytes(line[:8], "big")
            need(len(line) == 72 and time <= 253_402_300_799, "SignatureError")
            signed(public, line[8:], f"cosignature/v1\ntime {time}\n{said}".encode())
        need(len(present) >= least, "WitnessError")
        step = "events"
        for at, line in enumerate(events, 1):  # noqa: B007
            need(line.endswith(b"\n") and len(line) <= 16_385)
            event(line[:-1], kinds)
        step, at = "count", None
        need(len(events) >= size, "TruncationError")
        need(len(events) <= size, "ForkError")
        leaves = [sha256(b"\x00" + line[:-1]).digest() for line in events]
        step = "root"
        need(root(leaves) == hashed, "ForkError")
        step = "earlier"
        if before:
            need(before[0] <= size, "RollbackError")
            kind = "SplitViewError" if before[0] == size else "ForkError"
            need(root(leaves[: before[0]]) == before[1], kind)
    except FailureError as failure:
        return {"step": step, "failure": str(failure), "event": at}
    return "ok"


def divided(bundle: bytes) -> tuple[Any, list[bytes]]:
    """Return the note of a bundle and the lines of its events."""
    lines = bundle.split(b"\n")
    lines = [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
    need(lines[:2] == [b"concord.log-bundle/1\n", b"== keys ==\n"])
    need(b"== checkpoint ==\n" in lines and b"== events ==\n" in lines)
    first = lines.index(b"== checkpoint ==\n")
    second = lines.index(b"== events ==\n")
    need(first < second)
    try:
        keys([line[:-1].decode() for line in lines[2:first]])
        return note(b"".join(lines[first + 1 : second])), lines[second + 1 :]
    except UnicodeDecodeError:
        raise FailureError("MalformedError") from None


def follow(log_key: str, pinned: str | None, offered: str, proof: list[bytes]) -> str:
    """Follow the four steps of "Following a log"."""
    log = key(log_key)
    old = (0, root([])) if pinned is None else opened(pinned, log)
    try:
        new = opened(offered, log)
        need(new[0] >= old[0], "RollbackError")
        need(new[0] > old[0] or new[1] == old[1], "SplitViewError")
        need(consistent(old, new, proof), "ForkError")
    except FailureError as failure:
        return str(failure)
    return "ok"


def opened(data: str, log: tuple[str, bytes, int, bytes]) -> tuple[int, bytes]:
    said, signatures = note(data.encode())
    need(len(signatures.get((log[0], log[1]), b"")) == 64, "SignatureError")
    signed(log[3], signatures[log[0], log[1]], said.encode())
    return checkpoint(said, log[0])


def consistent(old: tuple[int, bytes], new: tuple[int, bytes], proof: list[bytes]) -> bool:
    """Undo SUBPROOF of section 2.1.4.1 from its end."""
    if old[0] in {0, new[0]}:
        return not proof

    def roots(m: int, n: int, whole_tree: bool) -> tuple[bytes, bytes]:
        if m == n:
            hashed = old[1] if whole_tree else rest.pop(0)
            return hashed, hashed
        k = split(n)
        if m <= k:
            first, second = roots(m, k, whole_tree)
            return first, joined(second, rest.pop(0))
        first, second = roots(m - k, n - k, False)
        left = rest.pop(0)
        return joined(left, first), joined(left, second)

    rest = list(proof)
    try:
        found = roots(old[0], new[0], True)
    except IndexError:
        return False
    return found == (old[1], new[1]) and not rest


def included(pinned: str, log_key: str, entry: bytes, index: int, proof: list[bytes]) -> bool:
    """Undo PATH of section 2.1.3.1 from its end."""
    size, hashed = opened(pinned, key(log_key))

    def climb(m: int, n: int) -> bytes:
        if n == 1:
            return sha256(b"\x00" + entry).digest()
        k = split(n)
        below = climb(m, k) if m < k else climb(m - k, n - k)
        sibling = rest.pop(0)
        return joined(below, sibling) if m < k else joined(sibling, below)

    rest = list(proof)
    try:
        return 0 <= index < size and climb(index, size) == hashed and not rest
    except IndexError:
        return False


def split(n: int) -> int:
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def joined(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()
