"""The encoding scheme: which fields become which bits. Public, and free of keys.

A scheme reads from the bottom up::

    field     a column of the extract and how its values are standardised
    feature   what is taken from a field and how it is cut into tokens    (n-grams of a surname)
    part      features that share one keyed Bloom filter                  (surname, middle initial)
    group     the XOR of its diffused parts: one filter that is compared  (surname by date of birth)

A scheme of one group of one undiffused part is a classic CLK, bit for bit as clkhash sets it. Some
settings exist so that a clkhash schema can be imported, and are refused in any other scheme.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Annotated, Literal, Self

import rfc8785
from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from linkage.protocol.clkhash_format import ClkhashFormat
from linkage.protocol.settings import changed_settings, settings

STRICT = ConfigDict(extra="forbid", strict=True)

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]


def _decodable(value: str) -> str:
    base64.b64decode(value, validate=True)
    return value


Base64 = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9+/]*={0,2}$", max_length=1024), AfterValidator(_decodable)
]
Profile = Literal["uk-person/1", "generic/1"]
FieldType = Literal[
    "name", "text", "date", "postcode", "sex", "nhs_number", "upn", "phone", "code", "raw"
]
Damaged = Literal["refuse", "missing", "keep"]
Take = Literal["value", "initial", "year", "outward", "soundex", "metaphone"]
Comparison = Literal["qgram", "exact", "numeric", "date_parts", "date_pairs"]
NullIf = Literal["all_missing", "any_missing", "never"]
Hashing = Literal["blake", "double"]
KdfHash = Literal["SHA256", "SHA512"]
Similarity = Literal["correlation", "dice"]

WORD_BITS = 64
# HKDF gives at most 255 times the length of its hash.
_MOST_KEY_BYTES = {"SHA256": 255 * 32, "SHA512": 255 * 64}
# BLAKE2b takes no longer keys.
_MOST_BLAKE_KEY = 64
_TYPE_NEEDED = {
    "date_parts": "date",
    "date_pairs": "date",
    "year": "date",
    "outward": "postcode",
}
# What only British values have.
_UK_TYPES = frozenset({"nhs_number", "upn"})
_UK_TAKES = frozenset({"outward"})


@dataclass(frozen=True, config=STRICT)
class SchemeField:
    """A column of the extract.

    ``damaged`` says what becomes of a value that isn't of its type, such as the date
    ``2005-02-77``: ``refuse`` stops the encoding, ``missing`` drops the value, ``keep`` keeps
    whatever parts of it can still agree with another record's. ``clkhash`` is how clkhash checks
    and writes a raw field's values.
    """

    type: FieldType
    damaged: Damaged = "refuse"
    clkhash: ClkhashFormat | None = None

    @model_validator(mode="after")
    def _clkhash_is_raw(self) -> Self:
        if self.clkhash is not None and self.type != "raw":
            raise ValueError("clkhash formats are for fields of the type raw")
        return self


@dataclass(frozen=True, config=STRICT)
class Feature:
    """What is taken from a field, how it is cut into tokens, and how many bits they set.

    ``bits_per_token`` sets the same number of bits for every token; ``bits_per_feature`` shares
    a budget among the tokens of a value. Exactly one of the two is given. ``threshold_distance``,
    ``resolution`` and ``fractional_precision`` belong to the numeric comparison, as in clkhash.

    ``hashing = "double"`` is clkhash's old double hashing, whose structure lets tokens be read off
    the filter (Kroll and Steinmetzer, 2015); ``prevent_singularity`` mends one of its faults. Like
    ``encoding``, the form in which tokens are hashed, they are for imported schemas only.
    """

    field: Name
    comparison: Comparison
    take: Take = "value"
    q: Annotated[int, Field(ge=1, le=8)] = 2
    positional: bool = False
    bits_per_token: Annotated[int, Field(ge=1, le=1024)] | None = None
    bits_per_feature: Annotated[int, Field(ge=1, le=16384)] | None = None
    threshold_distance: Annotated[int | float, Field(gt=0, le=1e15)] = 1.0
    resolution: Annotated[int, Field(ge=1, le=512)] = 1
    fractional_precision: Annotated[int, Field(ge=0, le=18)] = 0
    hashing: Hashing = "blake"
    prevent_singularity: bool = False
    encoding: Literal["utf-8", "utf-16", "utf-32"] = "utf-8"

    @model_validator(mode="after")
    def _singularity_is_of_double_hashing(self) -> Self:
        if self.prevent_singularity and self.hashing != "double":
            raise ValueError("prevent_singularity belongs to double hashing")
        return self

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

    ``require`` says it more finely than ``null_if``: the part is missing unless of each of its
    lists at least one feature is present. The features in ``swappable`` are hashed under one key,
    so that swapped names agree within one part.
    """

    label: Name
    features: tuple[Name, ...]
    minor: tuple[Name, ...] = ()
    null_if: NullIf = "all_missing"
    diffusion: Annotated[int, Field(ge=0, le=32)] = 0
    require: tuple[tuple[Name, ...], ...] = ()
    swappable: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _names_its_own_features(self) -> Self:
        if self.require and self.null_if != "all_missing":
            raise ValueError("give null_if or require, not both")
        if not all(self.require):
            raise ValueError("a list in require names at least one feature")
        required = {name for either in self.require for name in either}
        if strange := sorted(required - set(self.features)):
            raise ValueError(f"require names {', '.join(strange)}, which is no main feature")
        if strange := sorted(set(self.swappable) - set(self.features + self.minor)):
            raise ValueError(f"swappable names {', '.join(strange)}, which the part doesn't have")
        return self

    @model_validator(mode="after")
    def _has_features(self) -> Self:
        if not self.features:
            raise ValueError("a part needs at least one feature")
        if len(set(self.features + self.minor)) != len(self.features + self.minor):
            raise ValueError("a part names each feature once")
        return self

    @property
    def needs(self) -> tuple[tuple[Name, ...], ...]:
        """What the part needs: of each of these lists at least one feature with tokens."""
        if self.require:
            return self.require
        if self.null_if == "any_missing":
            return tuple((name,) for name in self.features)
        return (self.features,)


@dataclass(frozen=True, config=STRICT)
class Group:
    """One filter of a record: ``length`` bits, the XOR of its parts.

    With ``xor_folds`` the filter begins ``2 ** xor_folds`` times as long, and its halves are XORed
    that many times; for imported schemas only.
    """

    name: Name
    length: Annotated[int, Field(ge=WORD_BITS, le=16384, multiple_of=WORD_BITS)]
    parts: tuple[Part, ...]
    xor_folds: Annotated[int, Field(ge=0, le=10)] = 0

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
    """HKDF (RFC 5869): salt and info in base64, as in a clkhash schema.

    Without ``info`` every part has keys of its own, bound to its group and label. With it the
    info is used as it stands, which is what clkhash does, and is allowed for one part only. The
    others are for imported schemas: ``hash`` is HKDF's, ``key_bytes`` the length of each of a
    feature's two keys, and ``places`` says, per feature of the part, the place of its column
    among all columns, counted from 0, since clkhash derives keys for ignored columns, too.
    """

    salt: Base64 | None = None
    info: Base64 | None = None
    hash: KdfHash = "SHA256"
    key_bytes: Annotated[int, Field(ge=1, le=4096)] = 64
    places: tuple[Annotated[int, Field(ge=0, le=4096)], ...] | None = None


@dataclass(frozen=True, config=STRICT)
class Scheme:
    """A whole encoding scheme; see the module's docstring for how its pieces fit.

    With ``local_suppression`` a group that several records of one extract share is replaced by
    random bits in each of them, so that no two records of an extract show what they have in
    common. It is for extracts that hold each person once: in others it would hide the copies.
    """

    version: Annotated[str, Field(min_length=1, max_length=64)]
    profile: Profile
    fields: dict[Name, SchemeField]
    features: dict[Name, Feature]
    group: Annotated[tuple[Group, ...], Field(min_length=1, max_length=64)]
    kdf: KeyDerivation = KeyDerivation()
    required_fill: tuple[float, float] | None = None
    allow_weak_groups: bool = False
    local_suppression: bool = False

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
        if self.required_fill and not 0 <= self.required_fill[0] <= self.required_fill[1] <= 1:
            raise ValueError("required_fill is the least and the greatest fill, from 0 to 1")
        return self

    @model_validator(mode="after")
    def _profile_knows_them(self) -> Self:
        if self.profile == "uk-person/1":
            return self
        for name, field in self.fields.items():
            if field.type in _UK_TYPES:
                raise ValueError(f"fields.{name}: {self.profile} has no type {field.type}")
        for name, feature in self.features.items():
            if feature.take in _UK_TAKES:
                raise ValueError(f"features.{name}: {self.profile} has no {feature.take} code")
        return self

    @model_validator(mode="after")
    def _keys_suffice(self) -> Self:
        parts = [part for group in self.group for part in group.parts]
        if self.kdf.info is not None and len(parts) > 1:
            raise ValueError("kdf.info may be given only for a scheme of one part")
        own = parts[0].features + parts[0].minor
        if self.kdf.places is not None and len(set(self.kdf.places)) != len(own):
            raise ValueError("kdf.places gives one place of its own to every feature of the part")
        count = max(len(part.features + part.minor) for part in parts)
        last = max(self.kdf.places or (0,), default=0) + 1
        if max(count, last) * 2 * self.kdf.key_bytes > _MOST_KEY_BYTES[self.kdf.hash]:
            raise ValueError("the key derivation has no keys for so many features")
        blake = any(self.features[name].hashing == "blake" for name in own)
        if blake and self.kdf.key_bytes > _MOST_BLAKE_KEY:
            raise ValueError(f"kdf.key_bytes is at most {_MOST_BLAKE_KEY} unless hashing is double")
        return self

    @model_validator(mode="after")
    def _imported_settings_are_classic(self) -> Self:
        if not self.is_classic and (found := imported_settings(self)):
            raise ValueError(
                f"{', '.join(found)}: only for a scheme of one group of one undiffused part, as "
                "imported from clkhash"
            )
        return self

    @property
    def is_classic(self) -> bool:
        """Whether the scheme is one undiffused part in one group: a classic CLK."""
        return len(self.group) == 1 and [part.diffusion for part in self.group[0].parts] == [0]

    def digest(self) -> str:
        """SHA-256, in hex, of the scheme's canonical JSON (RFC 8785).

        Settings at their defaults are left out, so that a setting that is added later doesn't
        change the digest of the schemes that don't use it. No default may ever change its value.
        """
        return hashlib.sha256(rfc8785.dumps(settings(self))).hexdigest()


def group_features(group: Group) -> tuple[str, ...]:
    """Return the names of a group's features, part by part."""
    return tuple(name for part in group.parts for name in part.features + part.minor)


def imported_settings(scheme: Scheme) -> list[str]:
    """Return the settings that only an imported clkhash schema may have, by their TOML names."""
    found = [
        f"kdf.{name}"
        for name in ("hash", "key_bytes", "places")
        if name in changed_settings(scheme.kdf)
    ]
    found += [f"group {group.name}: xor_folds" for group in scheme.group if group.xor_folds]
    found += [f"fields.{name}.clkhash" for name, own in scheme.fields.items() if own.clkhash]
    for name, feature in scheme.features.items():
        changed = changed_settings(feature)
        found += [f"features.{name}.{key}" for key in ("hashing", "encoding") if key in changed]
    return found
