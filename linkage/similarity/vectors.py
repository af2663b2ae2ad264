"""Which of 64 columns are near a row, as compiled vector code.

The functions here are numba intrinsics: they write LLVM's vector instructions directly, so that
sixty-four Hamming distances stay in eight registers and only a mask of 64 bits comes out. LLVM
turns ``ctpop`` on vectors into ``vpopcntq`` where the machine has AVX-512, and into its best
sequence of table look-ups where it hasn't. (Numba knows a cached kernel by the date of its own
file: after a change here, change the date of kernel.py, too.)
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils as untyped_cgutils
from numba.extending import intrinsic

cgutils: Any = untyped_cgutils
_LANES = 8
_CHUNKS = 8  # of eight columns, to a block of 64
_INT64 = ir.IntType(64)
_VECTOR = ir.VectorType(_INT64, _LANES)
_COUNTS = ir.VectorType(ir.IntType(32), _LANES)
_ZEROS = ir.Constant(_VECTOR, [0] * _LANES)
_LEAST_WORDS_TO_LEAVE = 8  # in shorter filters looking half-way costs more than it saves
FRACTION_BITS = 32  # of the fixed-point shares that `near_by_dice` takes


def _count_bits(_typing_context: Any, _word: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), generate


def _near_by_distance(
    _typing_context: Any, rows: Any, _row_at: Any, columns: Any, _column_at: Any, _words: Any,
    _limit: Any,
) -> Any:  # fmt: skip
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        row, column, words = _places(context, builder, signature, args)
        sums = _new_sums(builder)
        with cgutils.for_range(builder, words) as loop:
            _add_differing(builder, sums, row, column, loop.index)
        limits = [_splat(builder, args[5])] * _CHUNKS
        return _mask(builder, sums, limits)

    at = types.int64
    return types.uint64(rows, at, columns, at, at, types.uint64), generate


def _near_by_dice(
    _typing_context: Any, rows: Any, _row_at: Any, columns: Any, _column_at: Any, _words: Any,
    _row_limit: Any, counts: Any, _counts_at: Any, _share: Any,
) -> Any:  # fmt: skip
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        row, column, words = _places(context, builder, signature, args)
        limits = _dice_limits(context, builder, signature, args)
        sums, mask = _new_sums(builder), cgutils.alloca_once_value(builder, _int(0))
        half = builder.lshr(words, _int(1))
        with cgutils.for_range(builder, half) as loop:
            _add_differing(builder, sums, row, column, loop.index)
        is_short = builder.icmp_signed("<", words, _int(_LEAST_WORDS_TO_LEAVE))
        # Distances only grow, so that a block without a near column half-way has none at all.
        near_so_far = builder.icmp_unsigned("!=", _mask(builder, sums, limits), _int(0))
        with builder.if_then(builder.or_(is_short, near_so_far)):
            with cgutils.for_range(builder, builder.sub(words, half)) as loop:
                _add_differing(builder, sums, row, column, builder.add(half, loop.index))
            builder.store(_mask(builder, sums, limits), mask)
        return builder.load(mask)

    at = types.int64
    whole = (rows, at, columns, at, at, types.uint64, counts, at, types.uint64)
    return types.uint64(*whole), generate


def _places(context: Any, builder: Any, signature: Any, args: Any) -> tuple[Any, Any, Any]:
    """Return pointers to the row's first word and to the block's, and the number of words."""
    row = _pointer(context, builder, signature.args[0], args[0], args[1])
    column = _pointer(context, builder, signature.args[2], args[2], args[3])
    return row, column, args[4]


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, at: Any) -> Any:
    return builder.gep(context.make_array(array_type)(context, builder, array).data, [at])


def _new_sums(builder: Any) -> list[Any]:
    sums = [cgutils.alloca_once(builder, _VECTOR) for _ in range(_CHUNKS)]
    for total in sums:
        builder.store(_ZEROS, total)  # each time round, not once per function
    return sums


def _add_differing(builder: Any, sums: list[Any], row: Any, column: Any, word: Any) -> None:
    """Add to the distances of 64 columns how many bits differ in one word."""
    own = _splat(builder, builder.load(builder.gep(row, [word])))
    first = builder.gep(column, [builder.mul(word, _int(_LANES * _CHUNKS))])
    for chunk, total in enumerate(sums):
        others = _load(builder, first, chunk, _VECTOR)
        differing = _ctpop(builder, builder.xor(own, others))
        builder.store(builder.add(builder.load(total), differing), total)


def _dice_limits(context: Any, builder: Any, signature: Any, args: Any) -> list[Any]:
    """Return the greatest distances that may be near: what the set bits of both allow."""
    counts = _pointer(context, builder, signature.args[6], args[6], args[7])
    of_row, share = _splat(builder, args[5]), _splat(builder, args[8])
    fraction = ir.Constant(_VECTOR, [FRACTION_BITS] * _LANES)
    limits = []
    for chunk in range(_CHUNKS):
        set_bits = builder.zext(_load(builder, counts, chunk, _COUNTS), _VECTOR)
        limits.append(builder.lshr(builder.add(of_row, builder.mul(set_bits, share)), fraction))
    return limits


def _mask(builder: Any, sums: list[Any], limits: list[Any]) -> Any:
    """Return a word whose bit *c* says that column *c* is within its limit."""
    mask = _int(0)
    for chunk, (total, limit) in enumerate(zip(sums, limits, strict=True)):
        within = builder.icmp_unsigned("<=", builder.load(total), limit)
        byte = builder.zext(builder.bitcast(within, ir.IntType(8)), _INT64)
        mask = builder.or_(mask, builder.shl(byte, _int(_LANES * chunk)))
    return mask


def _load(builder: Any, first: Any, chunk: int, vector: Any) -> Any:
    address = builder.bitcast(builder.gep(first, [_int(_LANES * chunk)]), vector.as_pointer())
    loaded = builder.load(address)
    loaded.align = 4  # numpy promises no more
    return loaded


def _splat(builder: Any, word: Any) -> Any:
    nothing, places = ir.Constant(_VECTOR, ir.Undefined), ir.Constant(_COUNTS, [0] * _LANES)
    one = builder.insert_element(nothing, word, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(one, nothing, places)


def _ctpop(builder: Any, vector: Any) -> Any:
    signature = ir.FunctionType(_VECTOR, [_VECTOR])
    name = f"llvm.ctpop.v{_LANES}i64"
    return builder.call(cgutils.get_or_insert_function(builder.module, signature, name), [vector])


def _int(value: int) -> Any:
    return ir.Constant(_INT64, value)


# uint64 -> uint64: the number of set bits.
popcount: Any = intrinsic(_count_bits)

# (rows, row_at, columns, column_at, words, limit) -> uint64: bit c says that the distance of
# column c is at most ``limit``. ``row_at`` and ``column_at`` count words from the start of the
# C-contiguous uint64 arrays ``rows`` and ``columns``, the latter transposed (words, 64).
near_by_distance: Any = intrinsic(_near_by_distance)

# (…, words, row_limit, counts, counts_at, share): the same with a limit for each column c of
# ``(row_limit + counts[counts_at + c] * share) >> FRACTION_BITS``; ``counts`` is int32.
near_by_dice: Any = intrinsic(_near_by_dice)
