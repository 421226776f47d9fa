import datetime
import enum
import json
import math

import numpy as np
import pytest
from hypothesis import example, given, strategies as st

from labspin.data.plain import MAX_DEPTH, clean_text, from_json, pack, plain, to_json, unpack
from labspin.errors import DamagedFileError

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=True)
    | st.complex_numbers(allow_nan=True)
    | TEXT
    | st.binary()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


def same(a, b):
    """Equal values of equal types, NaN equal to itself."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
    if isinstance(a, complex):
        return same(a.real, b.real) and same(a.imag, b.imag)
    return a == b


@given(VALUES)
def test_msgpack_and_json_give_back_what_was_put_in(value):
    assert same(plain(value), value)
    assert same(unpack(pack(value)), value)
    assert same(from_json(to_json(value)), value)


@given(VALUES)
def test_json_is_strict(value):
    words = []
    json.loads(to_json(value), parse_constant=words.append)
    assert words == [], "NaN and Infinity are no JSON"


@pytest.mark.parametrize("dtype", ["f8", "c16", "i8", "?", "f4", "u2", ">f8"])
@pytest.mark.parametrize("shape", [(0,), (3,), (2, 3), (2, 0, 1)])
def test_arrays_keep_values_and_shape(dtype, shape):
    array = (np.arange(np.prod(shape)) % 2).reshape(shape).astype(dtype)
    for back in (unpack(pack(plain(array))), from_json(to_json(array))):
        assert back.shape == shape
        assert back.dtype.kind == {"u": "i"}.get(array.dtype.kind, array.dtype.kind)
        np.testing.assert_array_equal(back, array)


def test_foreign_objects_become_what_they_say():
    class Mode(enum.Enum):
        FAST = "fast"

    value = {
        1: Mode.FAST,
        "t": datetime.date(2026, 1, 2),
        "n": np.float32(0.5),
        "a": np.array(3),
        "set": {2, 1},
        "o": object,
        "words": np.array(["a", "b"]),
        "big": 1 << 70,
        "path": "a\0b\udc80",
    }
    result = plain(value)
    assert result == {
        "1": "fast",
        "t": "2026-01-02",
        "n": 0.5,
        "a": 3,
        "set": [1, 2],
        "o": repr(object),
        "words": ["a", "b"],
        "big": str(1 << 70),
        "path": "a�b?",
    }
    assert unpack(pack(result)) == result


def test_nesting_without_end_is_cut_off():
    value = []
    value.append(value)
    depth, level = 0, plain(value)
    while isinstance(level, list):
        depth, level = depth + 1, level[0]
    assert depth == MAX_DEPTH


@given(st.binary(max_size=200))
def test_any_bytes_unpack_or_are_refused(data):
    try:
        value = unpack(data)
    except DamagedFileError:
        return
    assert same(unpack(pack(value)), value)


@example("9223372036854775808")  # more than 64 bits
@example(r'["\u0000", {"\ud800": 1}]')  # no text for HDF5
@given(st.text(max_size=100))
def test_any_text_is_json_or_refused(text):
    try:
        value = from_json(text)
    except DamagedFileError:
        return
    assert same(from_json(to_json(value)), value)


@pytest.mark.parametrize(
    "text",
    [
        '{"$array": {"dtype": "O", "shape": [1], "items": [1]}}',
        '{"$array": {"dtype": "<f8", "shape": [1000000000], "items": [1]}}',
        '{"$array": 3}',
        '{"$complex": [1]}',
        '{"$float": "1e5"}',
        '{"$bytes": "xyz"}',
        '{"$dict": 3}',
        "[" * 100_000,
    ],
)
def test_false_tags_are_refused(text):
    if text == '{"$complex": [1]}':
        assert from_json(text) == 1
        return
    with pytest.raises(DamagedFileError, match="JSON"):
        from_json(text)


@given(st.text())
def test_clean_text_can_be_encoded(text):
    cleaned = clean_text(text)
    assert "\0" not in cleaned
    assert cleaned.encode().decode() == cleaned
