"""Arrow string arrays as the plain arrays that compiled loops read and write."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def string_buffers(strings: Any) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return the bytes, uint8, and the offsets, int32 (n + 1,), of an array without nulls.

    String i is ``data[offsets[i]:offsets[i + 1]]``. Nothing is copied.
    """
    _, offsets, data = strings.buffers()
    if not len(strings):
        return np.empty(0, np.uint8), np.zeros(1, np.int32)
    window = np.frombuffer(offsets, np.int32)[strings.offset : strings.offset + len(strings) + 1]
    return np.frombuffer(data, np.uint8) if data else np.empty(0, np.uint8), window


def string_array(data: NDArray[np.uint8], offsets: NDArray[np.int32]) -> Any:
    """Return the array whose string i is the UTF-8 text ``data[offsets[i]:offsets[i + 1]]``."""
    return pa.StringArray.from_buffers(
        len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(data))
    )
