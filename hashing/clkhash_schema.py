"""A clkhash linkage schema (JSON, version 1, 2 or 3) as a scheme that sets the same bits.

The schema is checked and brought to version 3 by clkhash itself. What a scheme can't express is
refused with the feature's name; nothing is dropped in silence.
"""

from __future__ import annotations

import base64
import json
import re
import warnings as python_warnings
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from linkage.errors import InputError
from linkage.protocol.clkhash_format import ClkhashFormat
from linkage.protocol.scheme import Feature, Group, KeyDerivation, Part, Scheme, SchemeField

GROUP = "CLK"
_PART = "all"
_FORMAT_SETTINGS = {
    "pattern": "pattern",
    "case": "case",
    "minLength": "min_length",
    "maxLength": "max_length",
    "minimum": "minimum",
    "maximum": "maximum",
    "format": "date_format",
    "values": "values",
}


@dataclass(frozen=True)
class ImportedSchema:
    """A scheme, the schema's columns by the names of the scheme's fields, and warnings."""

    scheme: Scheme
    columns: dict[str, str]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Column:
    """A feature that isn't ignored: its place among all columns, and its definition."""

    place: int
    identifier: str
    definition: dict[str, Any]


def import_clkhash_schema(
    text: str, source: str, *, allow_weak_groups: bool = False
) -> ImportedSchema:
    """Return the scheme for a clkhash schema; ``source`` is what errors call it.

    Raises `InputError` for what is no schema, or one that a scheme can't express.
    """
    schema = _latest_version(text, source)
    config = schema["clkConfig"]
    columns = [
        _Column(place, str(feature["identifier"]), feature)
        for place, feature in enumerate(schema["features"])
        if not feature.get("ignored", False)
    ]
    if not columns:
        raise InputError(f"{source} ignores all its columns, so nothing is left to encode.")
    names = _field_names([column.identifier for column in columns])
    fields = {n: _field(c, source) for n, c in zip(names, columns, strict=True)}
    features = {n: _feature(n, c, source) for n, c in zip(names, columns, strict=True)}
    _refuse_length(config, features, source)
    try:
        scheme = Scheme(
            version=f"clkhash/{json.loads(text)['version']}",
            profile="uk-person/1",
            fields=fields,
            features=features,
            group=(
                Group(
                    name=GROUP,
                    length=int(config["l"]),
                    parts=(Part(label=_PART, features=tuple(names)),),
                    xor_folds=int(config.get("xor_folds", 0)),
                ),
            ),
            kdf=_key_derivation(config["kdf"], [column.place for column in columns]),
            allow_weak_groups=allow_weak_groups,
        )
    except ValidationError as error:
        raise InputError(f"{source} can't be expressed as a scheme: {_faults(error)}.") from None
    identifiers = {n: c.identifier for n, c in zip(names, columns, strict=True)}
    return ImportedSchema(scheme, identifiers, _warnings(config, schema, source))


def _latest_version(text: str, source: str) -> dict[str, Any]:
    with python_warnings.catch_warnings():
        # clkhash's own import warns of a package that it uses only for its version number.
        python_warnings.simplefilter("ignore")
        from clkhash import schema as clkhash_schema  # noqa: PLC0415 - slow and rarely needed
    try:
        raw = json.loads(text)
        clkhash_schema.from_json_dict(json.loads(text), validate=True)
        latest: dict[str, Any] = clkhash_schema.convert_to_latest_version(raw)
    except json.JSONDecodeError as error:
        raise InputError(f"{source} is not valid JSON: {error}.") from None
    except (clkhash_schema.SchemaError, ValueError, KeyError, TypeError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = " ".join(lines[:2]).rstrip(".")
        raise InputError(f"{source} is no schema that clkhash accepts: {reason}.") from None
    return latest


def _field(column: _Column, source: str) -> SchemeField:
    definition = column.definition
    form = {
        ours: definition["format"][theirs]
        for theirs, ours in _FORMAT_SETTINGS.items()
        if theirs in definition["format"]
    }
    if "values" in form:
        form["values"] = tuple(form["values"])
    missing = definition["hashing"].get("missingValue", {})
    try:
        own = ClkhashFormat(
            type=definition["format"]["type"],
            ascii=definition["format"].get("encoding") == "ascii",
            sentinel=missing.get("sentinel"),
            replace_with=missing.get("replaceWith"),
            **{name: _whole(value) for name, value in form.items()},
        )
    except ValidationError as error:
        raise _refusal(column, source, error) from None
    return SchemeField(type="raw", clkhash=None if own == ClkhashFormat() else own)


def _feature(name: str, column: _Column, source: str) -> Feature:
    hashing = column.definition["hashing"]
    hashed = hashing.get("hash", {"type": "blakeHash"})
    encoding = column.definition["format"].get("encoding", "utf-8")
    strategy = hashing["strategy"]
    try:
        return Feature(
            field=name,
            bits_per_token=_budget(strategy, "bitsPerToken"),
            bits_per_feature=_budget(strategy, "bitsPerFeature"),
            hashing="double" if hashed["type"] == "doubleHash" else "blake",
            prevent_singularity=bool(hashed.get("prevent_singularity")),
            encoding="utf-8" if encoding == "ascii" else encoding,
            **_comparison(hashing["comparison"]),
        )
    except ValidationError as error:
        raise _refusal(column, source, error) from None


def _comparison(comparison: dict[str, Any]) -> dict[str, Any]:
    match comparison["type"]:
        case "ngram":
            positional = bool(comparison.get("positional"))
            return {"comparison": "qgram", "q": _whole(comparison["n"]), "positional": positional}
        case "numeric":
            return {
                "comparison": "numeric",
                "threshold_distance": comparison["thresholdDistance"],
                "resolution": _whole(comparison["resolution"]),
                "fractional_precision": _whole(comparison.get("fractional_precision", 0)),
            }
        case other:
            return {"comparison": other}


def _key_derivation(kdf: dict[str, Any], places: list[int]) -> KeyDerivation:
    """Return the keys' derivation; no info and an empty one are the same to HKDF."""
    salt = kdf.get("salt")
    return KeyDerivation(
        salt=None if salt is None else _canonical_base64(salt),
        info=_canonical_base64(kdf.get("info") or ""),
        hash=kdf.get("hash", "SHA256"),
        key_bytes=_whole(kdf.get("keySize", 64)),
        places=None if places == list(range(len(places))) else tuple(places),
    )


def _canonical_base64(value: str) -> str:
    """Return base64 of the bytes that clkhash reads, which passes over strange characters."""
    return base64.b64encode(base64.b64decode(value)).decode("ascii")


def _refuse_length(config: dict[str, Any], features: dict[str, Feature], source: str) -> None:
    length = int(config["l"])
    if length % 64 or not 64 <= length <= 16384:
        raise InputError(
            f"{source} asks for encodings of {length} bits, and only multiples of 64 from 64 to "
            "16384 can be compared here; keep linking these with the tool that made them."
        )
    blake = [name for name, feature in features.items() if feature.hashing == "blake"]
    if blake and length & (length - 1):
        raise InputError(
            f"{source} asks for BLAKE2 hashing of {blake[0]!r} into {length} bits, which clkhash "
            "itself can't do; the length must be a power of two."
        )


def _warnings(config: dict[str, Any], schema: dict[str, Any], source: str) -> tuple[str, ...]:
    found = []
    if config.get("xorFolds"):
        found.append(
            f"{source} sets xorFolds, which clkhash passes over (it reads xor_folds), and so does "
            "the scheme: encodings are not folded by it."
        )
    if any(feature.get("ignored", False) for feature in schema["features"]):
        found.append(
            f"The columns that {source} ignores are not fields of the scheme; their keys are "
            "counted, as clkhash does."
        )
    return tuple(found)


def _field_names(identifiers: list[str]) -> list[str]:
    """Return a usable and distinct name for each column, its own where that is possible."""
    names: list[str] = []
    for identifier in identifiers:
        stem = re.sub(r"[^A-Za-z0-9_-]+", "_", identifier).strip("_")[:56]
        stem = stem if stem[:1].isalpha() else f"column_{stem}".rstrip("_")
        name, number = stem, 2
        while name in names:
            name, number = f"{stem}_{number}", number + 1
        names.append(name)
    return names


def _budget(strategy: dict[str, Any], name: str) -> int | None:
    return int(strategy[name]) if name in strategy else None


def _whole(value: Any) -> Any:
    """Return a JSON number such as 2.0 as the whole number that it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _refusal(column: _Column, source: str, error: ValidationError) -> InputError:
    return InputError(
        f"The feature {column.identifier!r} of {source} can't be expressed: {_faults(error)}."
    )


def _faults(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, fault['loc'])) or 'settings'}: "
        f"{fault['msg'].removeprefix('Value error, ')}"
        for fault in error.errors()
    )
