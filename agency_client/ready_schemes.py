"""The ready-made schemes that come with the client, and what choosing each of them means."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from linkage.errors import InputError
from linkage.protocol.agreement import parse_scheme
from linkage.protocol.scheme import Scheme

DEFAULT = "x6-t6"
# Pairwise F1 at a threshold chosen without truth (tests/benchmarks/quality.py).
ACCURACY_SETS = ("five simulated agencies", "the same with half as many errors again")
# Records recovered from 1,000 people as dense as in a large town, all groups attacked together by
# someone with a complete list of them and no secret (tests/benchmarks/leakage.py).
ATTACKS = ("similarity graph", "50 known pairs", "200 known pairs")


@dataclass(frozen=True)
class ReadyScheme:
    """A ready-made scheme in words and figures.

    ``accuracy`` is F1 on each of `ACCURACY_SETS`; ``recovered`` the share of records that each of
    `ATTACKS` recovered from a dense sample of 1,000 people.
    """

    name: str
    summary: str
    protects: str
    loses: str
    sizes: str
    accuracy: tuple[str, ...]
    recovered: tuple[str, ...]

    @property
    def text(self) -> str:
        """The scheme's TOML, with comments."""
        return files("agency_client").joinpath("schemes", f"{self.name}.toml").read_text("utf-8")

    @property
    def scheme(self) -> Scheme:
        """The scheme itself."""
        return parse_scheme(self.text, f"{self.name}.toml")


READY_SCHEMES = (
    ReadyScheme(
        "x6-t6",
        "the default",
        "Every group joins two fields by product diffusion, three secret bits of each under every "
        "output bit, so that a group alone gives little away.",
        "How rare a shared name is can't be seen any more, and pairs that agree only in part "
        "are found less often than on names in the clear.",
        "Not for a matcher that may hold a list of the people: all groups together give most of a "
        "dense population away. For matchers bound by agreement.",
        (".955 to .971", ".938 to .941"),
        ("62%", "44%", "93%"),
    ),
    ReadyScheme(
        "union-t8",
        "higher privacy",
        "Both fields of a group share one filter, and every output bit is the XOR of eight secret "
        "bits of it: of the three it gives away the least.",
        "Weak similarity vanishes, so that pairs with many errors are found less often.",
        "The choice where the matcher is trusted less. It still gives a fifth of a dense "
        "population away.",
        (".972", ".934"),
        ("20%", "10%", "49%"),
    ),
    ReadyScheme(
        "x6-t4",
        "higher accuracy",
        "As the default, with two secret bits of each field under every output bit.",
        "Privacy: nearly everybody in a dense population is recovered.",
        "Only where the matcher may know who the people are.",
        (".979", ".955"),
        ("93%", "98%", "100%"),
    ),
)


def ready_scheme(name: str) -> ReadyScheme:
    """Return the ready-made scheme of that name, or raise `InputError`."""
    for ready in READY_SCHEMES:
        if ready.name == name:
            return ready
    names = ", ".join(ready.name for ready in READY_SCHEMES)
    raise InputError(f"There is no ready-made scheme {name!r}; there are {names}.")
