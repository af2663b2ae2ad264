"""The ready-made schemes that come with the client, and what choosing each of them means."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from linkage.errors import InputError
from linkage.protocol.agreement import parse_scheme
from linkage.protocol.scheme import Scheme

DEFAULT = "x6"
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
        "x6",
        "the default",
        "Every group joins two or three fields by product diffusion, and what two records of one "
        "extract share is hidden, so that the extract shows next to nothing about who resembles "
        "whom.",
        "Pairs that agree only in part are found less often than on names in the clear, and how "
        "rare a shared name is can't be seen.",
        "For every size that was tried. Several agencies' encodings together show more than one's.",
        (".964 to .966", ".926 to .928"),
        ("0.1%", "0.1%", "0.4%"),
    ),
    ReadyScheme(
        "x6-private",
        "higher privacy",
        "As the default, with more secret bits under every output bit: attacks recover about half "
        "of the little that they recover of the default's.",
        "A few more of the pairs with errors.",
        "The choice where the matcher is trusted less, or population and extract are much larger.",
        (".957 to .958", ".915 to .916"),
        ("0.1%", "0.1%", "0.2%"),
    ),
    ReadyScheme(
        "x6-years",
        "for years of birth",
        "As the default, but a shared year of birth counts by itself, not only with a month or a "
        "day.",
        "Hardly anything where dates are whole; it is younger than the default and was attacked on "
        "fewer populations.",
        "For extracts that mostly hold no more of a date of birth than its year, where the default "
        "would hardly use it.",
        (".964 to .966", ".926 to .927"),
        ("0.0%", "0.4%", "0.4%"),
    ),
    ReadyScheme(
        "x8-accurate",
        "higher accuracy",
        "As the default, with longer groups and fewer secret bits under every output bit.",
        "Privacy: whoever knows two hundred of a thousand people finds a few more of them. The "
        "check before encoding stops it unless somebody puts a reason on record.",
        "For matchers bound by agreement that hold no list of the people.",
        (".963 to .972", ".939 to .941"),
        ("0.4%", "1.1%", "4.4%"),
    ),
)


def ready_scheme(name: str) -> ReadyScheme:
    """Return the ready-made scheme of that name, or raise `InputError`."""
    for ready in READY_SCHEMES:
        if ready.name == name:
            return ready
    names = ", ".join(ready.name for ready in READY_SCHEMES)
    raise InputError(f"There is no ready-made scheme {name!r}; there are {names}.")
