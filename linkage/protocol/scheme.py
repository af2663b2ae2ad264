"""The encoding scheme: which fields become which bits. Public, and free of keys.

A scheme reads from the bottom up::

    field     a column of the extract and how its values are standardised
    feature   what is taken from a field and how it is cut into tokens    (n-grams of a surname)
    part      features that share one keyed Bloom filter                  (surname, middle initial)
    group     the XOR of its diffused parts: one filter that is compared  (surname by date of birth)

A group of a single undiffused part is a classic CLK, bit for bit as clkhash sets it.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import asdict
from typing import Annotated, Literal, Self

import rfc8785
from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from linkage.errors import PolicyError

STRICT = ConfigDict(extra="forbid", strict=True)

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]


def _decodable(value: str) -> str:
    base64.b64decode(value, validate=True)
    return value


Base64 = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9+/]*={0,2}$", max_length=1024), AfterValidator(_decodable)
]
FieldType = Literal["name", "text", "date", "postcode", "sex", "code", "raw"]
Damaged = Literal["refuse", "missing", "keep"]
Take = Literal["value", "initial", "year", "outward", "soundex", "metaphone"]
Comparison = Literal["qgram", "exact", "numeric", "date_parts"]
NullIf = Literal["all_missing", "any_missing", "never"]
Similarity = Literal["correlation", "dice"]

WORD_BITS = 64
# HKDF with SHA-256 gives at most 8,160 bytes, of which a feature takes 128.
MOST_FEATURES = 63
_TYPE_NEEDED = {"date_parts": "date", "year": "date", "outward": "postcode"}


@dataclass(frozen=True, config=STRICT)
class SchemeField:
    """A column of the extract.

    ``damaged`` says what becomes of a value that isn't of its type, such as the date
    ``2005-02-77``: ``refuse`` stops the encoding, ``missing`` drops the value, ``keep`` keeps
    whatever parts of it can still agree with another record's.
    """

    type: FieldType
    damaged: Damaged = "refuse"


@dataclass(frozen=True, config=STRICT)
class Feature:
    """What is taken from a field, how it is cut into tokens, and how many bits they set.

    ``bits_per_token`` sets the same number of bits for every token; ``bits_per_feature`` shares
    a budget among the tokens of a value. Exactly one of the two is given. ``threshold_distance``,
    ``resolution`` and ``fractional_precision`` belong to the numeric comparison, as in clkhash.
    """

    field: Name
    comparison: Comparison
    take: Take = "value"
    q: Annotated[int, Field(ge=1, le=8)] = 2
    positional: bool = False
    bits_per_token: Annotated[int, Field(ge=1, le=1024)] | None = None
    bits_per_feature: Annotated[int, Field(ge=1, le=16384)] | None = None
    threshold_distance: Annotated[float, Field(gt=0, le=1e15)] = 1.0
    resolution: Annotated[int, Field(ge=1, le=512)] = 1
    fractional_precision: Annotated[int, Field(ge=0, le=18)] = 0

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        if (self.bits_per_token is None) == (self.bits_per_feature is None):
            raise ValueError("give exactly one of bits_per_token and bits_per_feature")
        return self

    @model_validator(mode="after")
    def _distance_is_visible(self) -> Self:
        if round(self.threshold_distance * 10**self.fractional_precision) < 1:
            raise ValueError("fractional_precision is too low for threshold_distance")
        return self


@dataclass(frozen=True, config=STRICT)
class Part:
    """Features that share one keyed Bloom filter.

    Two parts with the same ``label`` have the same keys, so that swapped names still agree.
    ``minor`` features are added where present and never decide whether the part is missing.
    ``diffusion`` is the number of secret input bits under each output bit; 0 leaves the filter
    as it is. With ``null_if = "never"`` a missing part is left out and its group is kept.
    """

    label: Name
    features: tuple[Name, ...]
    minor: tuple[Name, ...] = ()
    null_if: NullIf = "all_missing"
    diffusion: Annotated[int, Field(ge=0, le=32)] = 0

    @model_validator(mode="after")
    def _has_features(self) -> Self:
        if not self.features:
            raise ValueError("a part needs at least one feature")
        if len(set(self.features + self.minor)) != len(self.features + self.minor):
            raise ValueError("a part names each feature once")
        if len(self.features + self.minor) > MOST_FEATURES:
            raise ValueError(f"a part has at most {MOST_FEATURES} features")
        return self


@dataclass(frozen=True, config=STRICT)
class Group:
    """One filter of a record: ``length`` bits, the XOR of its parts."""

    name: Name
    length: Annotated[int, Field(ge=WORD_BITS, le=16384, multiple_of=WORD_BITS)]
    parts: tuple[Part, ...]

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        if not self.parts:
            raise ValueError("a group needs at least one part")
        diffused = [part.diffusion > 0 for part in self.parts]
        if any(diffused) and not all(diffused):
            raise ValueError("either every part of a group is diffused, or none is")
        if not any(diffused) and len(self.parts) > 1:
            raise ValueError("an undiffused group has exactly one part")
        if all(part.null_if == "never" for part in self.parts):
            raise ValueError("a group needs a part whose absence makes it null")
        return self

    @property
    def similarity(self) -> Similarity:
        """Hamming correlation where the bits are diffused, Dice where they aren't."""
        return "correlation" if self.parts[0].diffusion else "dice"


@dataclass(frozen=True, config=STRICT)
class KeyDerivation:
    """HKDF (RFC 5869) with SHA-256: salt and info in base64, as in a clkhash schema.

    Without ``info`` every part has keys of its own, bound to its group and label. With it the
    info is used as it stands, which is what clkhash does, and is allowed for one part only.
    """

    salt: Base64 | None = None
    info: Base64 | None = None


@dataclass(frozen=True, config=STRICT)
class Scheme:
    """A whole encoding scheme; see the module's docstring for how its pieces fit."""

    version: Annotated[str, Field(min_length=1, max_length=64)]
    profile: Literal["uk-person/1"]
    fields: dict[Name, SchemeField]
    features: dict[Name, Feature]
    group: Annotated[tuple[Group, ...], Field(min_length=1, max_length=64)]
    kdf: KeyDerivation = KeyDerivation()
    required_fill: tuple[float, float] | None = None
    allow_weak_groups: bool = False

    @model_validator(mode="after")
    def _names_resolve(self) -> Self:
        for name, feature in self.features.items():
            if feature.field not in self.fields:
                raise ValueError(f"features.{name} takes from the unknown field {feature.field!r}")
            for asked in (feature.comparison, feature.take):
                needed = _TYPE_NEEDED.get(asked, self.fields[feature.field].type)
                if needed != self.fields[feature.field].type:
                    raise ValueError(f"features.{name}: {asked} needs a field of type {needed}")
        names = [group.name for group in self.group]
        if len(set(names)) != len(names):
            raise ValueError("two groups have the same name")
        for group in self.group:
            for feature_name in group_features(group):
                if feature_name not in self.features:
                    raise ValueError(
                        f"group {group.name} uses the unknown feature {feature_name!r}"
                    )
        if self.kdf.info is not None and sum(len(group.parts) for group in self.group) > 1:
            raise ValueError("kdf.info may be given only for a scheme of one part")
        if self.required_fill and not 0 <= self.required_fill[0] <= self.required_fill[1] <= 1:
            raise ValueError("required_fill is the least and the greatest fill, from 0 to 1")
        return self

    def digest(self) -> str:
        """SHA-256, in hex, of the scheme's canonical JSON (RFC 8785), defaults filled in."""
        return hashlib.sha256(rfc8785.dumps(asdict(self))).hexdigest()


def group_features(group: Group) -> tuple[str, ...]:
    """Return the names of a group's features, part by part."""
    return tuple(name for part in group.parts for name in part.features + part.minor)


def weak_groups(scheme: Scheme) -> list[str]:
    """Return the names of the groups whose main features all come from one field.

    A filter over one field falls to frequency analysis however it is hardened.
    """
    return [
        group.name
        for group in scheme.group
        if len({scheme.features[name].field for part in group.parts for name in part.features}) < 2
    ]


def refuse_weak_groups(scheme: Scheme) -> None:
    """Raise `PolicyError` unless every group joins two fields or the scheme says it may not."""
    weak = weak_groups(scheme)
    if weak and not scheme.allow_weak_groups:
        raise PolicyError(
            f"The scheme {scheme.version!r} has groups over a single field ({', '.join(weak)}), "
            "which frequency analysis opens; join each with a second field, or set "
            "allow_weak_groups = true in [scheme] for data that nobody needs to protect."
        )
