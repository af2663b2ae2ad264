"""Several tables as one run of bytes: a first line, and each part behind its length.

::

    first line LF || for each part: length (8, most significant byte first) || the part

With ``unit`` zeros follow, up to the next multiple of so many bytes, so that the pieces which it is
cut into all have one size.
"""

from __future__ import annotations

from collections.abc import Sequence

from linkage.errors import VerificationError

_LENGTH_BYTES = 8


def framed(first_line: str, parts: Sequence[bytes], unit: int = 1) -> bytes:
    """Return parts as one run of bytes, filled up with zeros to a multiple of ``unit``."""
    content = bytearray(first_line.encode("ascii") + b"\n")
    for part in parts:
        content += len(part).to_bytes(_LENGTH_BYTES, "big")
        content += part
    content += bytes(-len(content) % unit)
    return bytes(content)


def unframed(
    content: bytes, source: str, first_line: str, parts: int, unit: int = 1
) -> list[memoryview]:
    """Return the parts, of which there are so many; raises `VerificationError` for other bytes."""
    start = first_line.encode("ascii") + b"\n"
    whole, at, found = memoryview(content), len(start), []
    if bytes(whole[:at]) != start:
        raise _unfit(source)
    for _ in range(parts):
        begin = at + _LENGTH_BYTES
        length = int.from_bytes(whole[at:begin], "big")
        at = begin + length
        if at > len(whole):
            raise _unfit(source)
        found.append(whole[begin:at])
    if len(whole) != at + -at % unit or content.count(0, at) != len(whole) - at:
        raise _unfit(source)
    return found


def _unfit(source: str) -> VerificationError:
    return VerificationError(
        f"{source} isn't framed as it should be, so it was cut short or is of another release; ask "
        "for it again."
    )
