"""Outcomes of tiles as bytes, and back, without pickle: arrays in tuples and dataclasses.

How an outcome is put together is read off what the function that makes it says that it returns;
only the arrays are stored, in NumPy's own format, which holds no code.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray


def outcome_type(function: Callable[..., Any]) -> Any:
    """Return the type of what a function returns: an array, or a tuple or dataclass of such.

    Raises `TypeError` for any other.
    """
    kind = get_type_hints(function).get("return")
    _require_known(kind)
    return kind


def pack(outcome: Any) -> bytes:
    """Return the arrays of an outcome, one after another, in NumPy's format without objects."""
    sink = io.BytesIO()
    for array in _arrays(outcome):
        np.lib.format.write_array(sink, np.ascontiguousarray(array), allow_pickle=False)
    return sink.getvalue()


def unpack(kind: Any, data: bytes) -> Any:
    """Return the outcome of a type whose arrays these are; raises `ValueError` if they aren't."""
    source = io.BytesIO(data)
    outcome = _build(kind, source)
    if source.read(1):
        raise ValueError("there are more arrays than the outcome has")
    return outcome


def digest_of(value: Any) -> str:
    """Return a SHA-256, in hex, over plain data, arrays, slices, tuples, lists and dataclasses."""
    digest = hashlib.sha256()
    _update(digest, value)
    return digest.hexdigest()


def _require_known(kind: Any) -> None:
    for inner in _inner_types(kind):
        _require_known(inner)


def _inner_types(kind: Any) -> list[Any]:
    """Return the types that an outcome of this type is put together from; none for an array."""
    if get_origin(kind) is np.ndarray:
        return []
    if get_origin(kind) is tuple and Ellipsis not in get_args(kind):
        return list(get_args(kind))
    if isinstance(kind, type) and is_dataclass(kind):
        hints = get_type_hints(kind)
        return [hints[field.name] for field in fields(kind)]
    raise TypeError(f"an outcome can't be put together from {kind}")


def _arrays(outcome: Any) -> Iterator[NDArray[Any]]:
    if isinstance(outcome, np.ndarray):
        yield outcome
    elif isinstance(outcome, tuple):
        for inner in outcome:
            yield from _arrays(inner)
    else:
        for field in fields(outcome):
            yield from _arrays(getattr(outcome, field.name))


def _build(kind: Any, source: io.BytesIO) -> Any:
    if get_origin(kind) is np.ndarray:
        return np.lib.format.read_array(source, allow_pickle=False)
    inner = [_build(own, source) for own in _inner_types(kind)]
    return tuple(inner) if get_origin(kind) is tuple else kind(*inner)


def _update(digest: Any, value: Any) -> None:
    """Add a value, with its type and its size, so that no two read the same."""
    if isinstance(value, np.ndarray):
        digest.update(f"array {value.dtype.str} {value.shape}\n".encode())
        digest.update(np.ascontiguousarray(value))
    elif isinstance(value, (list, tuple)):
        digest.update(f"{len(value)} values\n".encode())
        for inner in value:
            _update(digest, inner)
    elif is_dataclass(value) and not isinstance(value, type):
        digest.update(f"{type(value).__qualname__}\n".encode())
        _update(digest, [getattr(value, field.name) for field in fields(value)])
    elif isinstance(value, (slice, int, float, str, np.generic, type(None))):
        digest.update(f"{value!r}\n".encode())
    else:
        raise TypeError(f"a {type(value).__qualname__} has no digest")
