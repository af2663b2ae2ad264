"""Schemes for tests."""

from pathlib import Path

from linkage.protocol.agreement import parse_agreement
from linkage.protocol.scheme import Feature, Group, KeyDerivation, Part, Scheme, SchemeField

AGREEMENT_X6 = Path(__file__).parents[1] / "agency_client" / "agreement_x6.toml"


def x6():
    """The default scheme: six groups of 512 bits, t = 6."""
    return parse_agreement(AGREEMENT_X6.read_text(encoding="utf-8"), AGREEMENT_X6.name).scheme


def one_part(features, length, *, types=None, null_if="all_missing", diffusion=0, **settings):
    """A scheme of one group with one part; ``features`` maps names to their settings."""
    types = types or {}
    fields = {
        s["field"]: SchemeField(**types.get(s["field"], {"type": "raw"})) for s in features.values()
    }
    part = Part(label="all", features=tuple(features), null_if=null_if, diffusion=diffusion)
    return Scheme(
        version="test",
        profile="uk-person/1",
        fields=fields,
        features={name: Feature(**setting) for name, setting in features.items()},
        group=(Group(name="G", length=length, parts=(part,)),),
        allow_weak_groups=True,
        **settings,
    )


def clk_scheme(features, length, salt, info):
    """A scheme with clkhash's keys."""
    return one_part(features, length, kdf=KeyDerivation(salt=salt, info=info))
