"""As much of edwards25519 (RFC 8032) as tells which public keys are of small order."""

from __future__ import annotations

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P


def point(encoded: bytes) -> tuple[int, int] | None:
    """Decode a point of edwards25519, as RFC 8032 does but for y ≥ p; None if there is none."""
    y = (int.from_bytes(encoded, "little") & (2**255 - 1)) % P
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != square:
        return None
    return (P - x) % P if x % 2 != encoded[31] >> 7 else x, y


def doubled(one: tuple[int, int]) -> tuple[int, int]:
    x, y = one
    product = D * x * x * y * y
    return (
        2 * x * y * pow(1 + product, -1, P) % P,
        (y * y + x * x) * pow(1 - product, -1, P) % P,
    )


def small_order(encoded: bytes) -> bool:
    one = point(encoded)
    return one is not None and doubled(doubled(doubled(one))) == (0, 1)


def both_x(y: int) -> tuple[int, int]:
    """Return the x of the points with this y."""
    x, _ = point(y.to_bytes(32, "little"))
    return x, -x % P
