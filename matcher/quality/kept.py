"""What the pages of a run need, derived when it has finished and kept beside its files.

A page reads it at once, without a compiler, a chart engine or the run's tables. Where it isn't
there, `matcher.quality.deriving` makes it anew of the run's own files, which takes seconds.
"""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from linkage.errors import VerificationError
from matcher.quality.shown import About

ABOUT, LINKS = "console/about-1.json", "console/links-1.npy"
"""The files; whoever changes what is in them, or how it comes about, changes the number."""
CODE_BYTES = 16
_CODE = f"S{CODE_BYTES}"
_ABOUT = TypeAdapter(About)


@dataclass(frozen=True)
class KeptRun:
    """A run as its pages need it: ``links`` in rows as `row_type`, down to review, surest first."""

    id: str
    about: About
    links: NDArray[np.void]

    def name(self, link: int) -> str:
        """Return the name of a link, 32 hex digits."""
        return self.links["name"][link : link + 1].tobytes().hex()

    def clusters(self, link: int) -> tuple[str, ...]:
        """Return the pseudonym of a link's cluster, or of both where its records are in two."""
        ends = self.links["clusters"][link]
        return tuple(dict.fromkeys(ends[end : end + 1].tobytes().hex() for end in (0, 1)))

    def find(self, name: str) -> int | None:
        """Return the place of the link with a name (32 hex digits), None without one."""
        found = np.flatnonzero(self.links["name"] == np.array(bytes.fromhex(name), _CODE))
        return int(found[0]) if len(found) else None


def row_type(groups: int) -> np.dtype[np.void]:
    """Return what a link is in a file, with so many groups.

    ``name``; ``clusters`` the pseudonyms, and ``agencies`` the numbers, of its two records';
    ``levels`` by group; ``own`` its probability on its own evidence, and ``corrections`` as
    `matcher.runs.report.steps.Corrections`, NaN where the run hasn't kept them.
    """
    return np.dtype(
        [
            ("name", _CODE),
            ("clusters", _CODE, (2,)),
            ("agencies", "<i4", (2,)),
            ("weight", "<f8"),
            ("probability", "<f8"),
            ("levels", "i1", (groups,)),
            ("own", "<f8"),
            ("corrections", "<f8", (4,)),
        ]
    )


def files_of(run: KeptRun) -> dict[str, bytes]:
    """Return the files, by their paths among the run's."""
    links = io.BytesIO()
    np.save(links, run.links, allow_pickle=False)
    return {ABOUT: json.dumps(asdict(run.about)).encode(), LINKS: links.getvalue()}


def read_about(run: str, content: bytes) -> About:
    """Read what is told of a run beside its links; raises `VerificationError`."""
    try:
        return _ABOUT.validate_python(json.loads(content))
    except ValueError:
        raise _damaged(run) from None


def read_links(run: str, about: About, content: bytes) -> NDArray[np.void]:
    """Read the links of a run in rows as `row_type`; raises `VerificationError`.

    The rows are the bytes of the file themselves, of which no copy is made.
    """
    file, kind = io.BytesIO(content), row_type(len(about.groups))
    try:
        np.lib.format.read_magic(file)
        shape, _, found = np.lib.format.read_array_header_1_0(file)
        if found == kind and len(shape) == 1:
            return np.ndarray(shape, kind, content, file.tell())
    except (TypeError, ValueError):  # of a header, or of too few bytes
        pass
    raise _damaged(run)


def _damaged(run: str) -> VerificationError:
    return VerificationError(
        f"What the pages of the run {run} need is damaged in the store; restore a backup."
    )
