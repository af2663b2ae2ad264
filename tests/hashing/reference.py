"""A slow and obvious second implementation of hashing/SPEC.md, from standardised values on.

It shares no code with the package: hmac for HKDF, one record at a time, one bit at a time.
"""

import base64
import hashlib
import hmac
import itertools


def hkdf(secret, info, length, salt):
    pseudorandom = hmac.new(salt or bytes(32), secret, hashlib.sha256).digest()
    stream, block = b"", b""
    for counter in range(1, -(-length // 32) + 1):
        block = hmac.new(pseudorandom, block + info + bytes([counter]), hashlib.sha256).digest()
        stream += block
    return stream[:length]


def feature_keys(secret, scheme, group, part):
    salt = base64.b64decode(scheme.kdf.salt) if scheme.kdf.salt is not None else None
    if scheme.kdf.info is not None:
        info = base64.b64decode(scheme.kdf.info)
    else:
        info = f"concord/1/part/{group.name}/{part.label}".encode()
    count = len(part.features) + len(part.minor)
    stream = hkdf(secret, info, count * 128, salt)
    keys = [stream[128 * j : 128 * j + 64] for j in range(count)]
    names = part.features + part.minor
    if part.swappable:
        shared = keys[names.index(part.swappable[0])]
        keys = [
            shared if name in part.swappable else key for name, key in zip(names, keys, strict=True)
        ]
    return keys


def diffusion_table(secret, scheme, group, part):
    salt = base64.b64decode(scheme.kdf.salt) if scheme.kdf.salt is not None else None
    key = hkdf(secret, f"concord/1/diffusion/{group.name}/{part.label}".encode(), 32, salt)
    return index_table(key, group.length, part.diffusion)


def index_table(key, length, t):
    rows = [[] for _ in range(length)]
    for column in range(t):
        seed = key + t.to_bytes(4, "little") + column.to_bytes(4, "little")
        stream = hashlib.shake_256(seed).digest(8 * length)
        words = [int.from_bytes(stream[8 * i : 8 * i + 8], "little") for i in range(length)]
        order = sorted(range(length), key=lambda i: words[i])
        for j in range(length):
            offset = 0
            while order[j] in rows[j]:
                offset += 1
                k = (j + offset) % length
                if order[k] not in rows[j] and order[j] not in rows[k]:
                    order[j], order[k] = order[k], order[j]
        for j in range(length):
            rows[j].append(order[j])
    return rows


def take(feature, value):
    if feature.take == "initial":
        return value[:1]
    if feature.take == "year":
        return value[:4] if value[:4].strip("_") else ""
    if feature.take == "outward":
        return value[:-3]
    return value


def tokens(feature, value, is_date):
    value = take(feature, value)
    if not value:
        return []
    if feature.comparison == "exact":
        return [value]
    if feature.comparison == "date_pairs":
        year, month, day = value[:4], value[4:6], value[6:8]
        known = [
            name + "".join(parts)
            for name, parts in (("ym", (year, month)), ("yd", (year, day)), ("md", (month, day)))
            if "_" not in "".join(parts)
        ]
        return known + (["ys" + year + "".join(sorted([month, day]))] if "_" not in value else [])
    if feature.comparison == "date_parts":
        found = [
            letter + value[a:b]
            for letter, a, b in (("y", 0, 4), ("m", 4, 6), ("d", 6, 8))
            if "_" not in value[a:b]
        ]
        if "_" not in value[4:]:
            found.append("s" + "".join(sorted([value[4:6], value[6:8]])))
        return found
    padded = " " * (feature.q - 1) + value + " " * (feature.q - 1)
    found = []
    for i in range(len(padded) - feature.q + 1):
        gram = padded[i : i + feature.q]
        if not (is_date and "_" in gram):
            found.append(f"{i + 1} {gram}" if feature.positional else gram)
    return found


def filter_bits(feature, found, key, length):
    bits = [0] * length
    for rank, token in enumerate(found):
        k = feature.bits_per_token
        if k is None:
            k = feature.bits_per_feature // len(found)
            k += rank < feature.bits_per_feature % len(found)
        for i in range(k):
            digest = hashlib.blake2b(
                token.encode(), key=key, salt=str(i // 32).encode(), digest_size=64
            ).digest()
            at = 2 * (i % 32)
            bits[int.from_bytes(digest[at : at + 2], "little") % length] = 1
    return bits


def encode_record(scheme, secret, record):
    """Return per group its bytes, or None where it is null."""
    return [encode_group(scheme, secret, record, group) for group in scheme.group]


def encode_group(scheme, secret, record, group):
    joined = [0] * group.length
    null = False
    for part in group.parts:
        bits, missing = encode_part(scheme, secret, record, group, part)
        null = null or (missing and part.null_if != "never")
        joined = [a ^ b for a, b in zip(joined, bits, strict=True)]
    for first, second in itertools.combinations(group.parts, 2):
        values = [record[scheme.features[part.features[0]].field] for part in (first, second)]
        null = null or (first.label == second.label and values[0] == values[1])
    if null:
        return None
    number = int("".join(map(str, joined)), 2)
    return number.to_bytes(group.length // 8, "big")


def encode_part(scheme, secret, record, group, part):
    keys = feature_keys(secret, scheme, group, part)
    bits = [0] * group.length
    has = {}
    for name, key in zip(part.features + part.minor, keys, strict=True):
        feature = scheme.features[name]
        is_date = scheme.fields[feature.field].type == "date"
        found = tokens(feature, record[feature.field], is_date)
        if name in part.features:
            has[name] = bool(found)
        own = filter_bits(feature, found, key, group.length)
        bits = [a | b for a, b in zip(bits, own, strict=True)]
    if part.require:
        missing = not all(any(has[name] for name in either) for either in part.require)
    else:
        missing = not (all if part.null_if == "any_missing" else any)(has.values())
    if part.diffusion:
        table = diffusion_table(secret, scheme, group, part)
        bits = [sum(bits[i] for i in row) % 2 for row in table]
    return bits, missing
