"""Random clkhash schemas of version 3, over its whole language, with rows that it accepts."""

import base64
import string

from hypothesis import strategies as st

TEXT = st.text(max_size=12) | st.text("ab -é'", max_size=30) | st.text(min_size=1, max_size=3)
ASCII = st.text(string.printable, max_size=12)
WHOLE = st.integers(-(10**12), 10**12) | st.integers(-30, 30)
DATE_FORMATS = ["%Y-%m-%d", "%d/%m/%Y", "%d %B %Y", "%Y%m%d"]
ENCODED = st.binary(max_size=40).map(lambda octets: base64.b64encode(octets).decode())
STRATEGIES = st.one_of(
    st.fixed_dictionaries({"bitsPerToken": st.integers(1, 80)}),
    st.fixed_dictionaries({"bitsPerFeature": st.integers(1, 200)}),
)
HASHES = st.one_of(
    st.none(),
    st.just({"type": "blakeHash"}),
    st.fixed_dictionaries({"type": st.just("doubleHash")}, optional={
        "prevent_singularity": st.booleans()
    }),
)  # fmt: skip


def written(number):
    """Different ways in which people write a whole number."""
    return st.sampled_from(
        [str(number), f"+{number}" if number >= 0 else str(number), f" {number} "]
    )


@st.composite
def strings(draw):
    """Return a string format, values of it, and comparisons that take any of them."""
    encoding = draw(st.sampled_from([None, "ascii", "utf-8", "utf-16", "utf-32"]))
    form = {"type": "string"} | ({"encoding": encoding} if encoding else {})
    values = ASCII if encoding == "ascii" else TEXT
    if draw(st.booleans()):
        return form, values
    kind = draw(st.sampled_from(["pattern", "case", "length"]))
    if kind == "pattern":
        return form | {"pattern": "[a-c]{1,4}"}, st.text("abc", min_size=1, max_size=4)
    if kind == "case":
        case = draw(st.sampled_from(["upper", "lower"]))
        fit = str.upper if case == "upper" else str.lower
        return form | {"case": case}, values.map(fit).filter(lambda v: fit(v) == v)
    return form | {"minLength": 2, "maxLength": 5}, st.text("xyz", min_size=2, max_size=5)


@st.composite
def formats(draw):
    """Return a format with values that it allows, and whether they are all numbers."""
    kind = draw(st.sampled_from(["string", "integer", "date", "enum", "number"]))
    if kind == "string":
        return *draw(strings()), False
    if kind == "number":
        decimals = st.floats(-1e9, 1e9).map(repr) | st.decimals(-1000, 1000, places=3).map(str)
        return {"type": "string"}, st.just("") | WHOLE.map(str) | decimals, True
    if kind == "integer":
        bounds = draw(st.sampled_from([{}, {"minimum": -(10**12)}, {"maximum": 10**12}]))
        return {"type": "integer"} | bounds, WHOLE.flatmap(written), True
    if kind == "date":
        form = draw(st.sampled_from(DATE_FORMATS))
        dates = st.dates().filter(lambda date: date.year >= 1000)
        return {"type": "date", "format": form}, dates.map(lambda date: date.strftime(form)), True
    values = draw(st.lists(TEXT, min_size=1, max_size=4))
    return {"type": "enum", "values": values}, st.sampled_from(values), False


@st.composite
def comparisons(draw, *, numeric):
    """Return a comparison; the numeric one only where every value is a number."""
    kind = draw(st.sampled_from(["ngram", "exact", *(["numeric"] * numeric)]))
    if kind == "exact":
        return {"type": "exact"}
    if kind == "ngram":
        extra = draw(st.sampled_from([{}, {"positional": True}, {"positional": False}]))
        return {"type": "ngram", "n": draw(st.integers(1, 4)), **extra}
    precision = draw(st.integers(0, 4))
    return {
        "type": "numeric",
        "thresholdDistance": draw(st.integers(1, 1000) | st.floats(1, 1000)),
        "resolution": draw(st.integers(1, 12)),
        **({"fractional_precision": precision} if precision else {}),
    }


@st.composite
def columns(draw, identifier):
    """Return a feature of a schema and a strategy for its values."""
    if draw(st.integers(0, 4)) == 0:
        return {"identifier": identifier, "ignored": True}, TEXT
    form, values, numeric = draw(formats())
    hashing = {"comparison": draw(comparisons(numeric=numeric)), "strategy": draw(STRATEGIES)}
    if hashed := draw(HASHES):
        hashing["hash"] = hashed
    if draw(st.booleans()):
        sentinel = draw(st.sampled_from(["", "N/A", "0"]))
        replacements = ["", "7", "-1"] if numeric else ["", "none", "ab"]
        hashing["missingValue"] = {"sentinel": sentinel, "replaceWith": draw(
            st.sampled_from(replacements))}  # fmt: skip
        if not numeric and draw(st.booleans()):
            del hashing["missingValue"]["replaceWith"]
        values = values | st.just(sentinel)
    return {"identifier": identifier, "format": form, "hashing": hashing}, values


@st.composite
def cases(draw):
    """Return a clkhash schema and rows in the order of its columns."""
    drawn = [draw(columns(f"column {i}")) for i in range(draw(st.integers(1, 5)))]
    drawn.append(({
        "identifier": "always",
        "format": {"type": "string"},
        "hashing": {"comparison": {"type": "exact"}, "strategy": {"bitsPerToken": 3}},
    }, TEXT))  # fmt: skip
    features = [feature for feature, _ in drawn]
    blake = any(f.get("hashing", {}).get("hash", {}).get("type") != "doubleHash" for f in features)
    lengths = [64, 128, 512, 1024] if blake else [64, 192, 320]
    kdf = {"type": "HKDF"}
    for name, values in (
        ("hash", st.sampled_from(["SHA256", "SHA512"])),
        ("salt", ENCODED),
        ("info", ENCODED),
        ("keySize", st.integers(1, 64)),
    ):
        if draw(st.booleans()):
            kdf[name] = draw(values)
    config = {"l": draw(st.sampled_from(lengths)), "kdf": kdf}
    if draw(st.booleans()):
        config["xor_folds"] = draw(st.integers(0, 3))
    rows = st.tuples(*(values for _, values in drawn))
    schema = {"version": 3, "clkConfig": config, "features": features}
    return schema, draw(st.lists(rows, min_size=1, max_size=5))
