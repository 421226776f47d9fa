"""Messages written by the grammar of IEEE 488.2 and SCPI mean what was meant, however they are written.

The writer here goes from meaning to text by the syntax diagrams of SCPI-1999, volume 1, sections 6 and 7; the
parser under test goes back.
"""

import pytest
from hypothesis import given, settings, strategies as st

from labspin.twin.wire import Dialect, MessageBuffer, Unit, parse_number, split_units
from tests.examples import examples

NODES = ["CURR", "VOLT", "MEAS", "SOUR", "OUTP", "DISP", "TRIG", "LEV", "A_1"]
COMMON = ["*IDN", "*CLS", "*OPC", "*ESR"]
SPACE = st.sampled_from([" ", "  ", "\t"])
NO_SPACE = st.sampled_from(["", "", " "])
WORDS = st.sampled_from(["ON", "1", "-1.5E-3", "MAX", "4 V"])
QUOTED = st.text("ab;,:'( #?", max_size=6).flatmap(
    lambda text: st.sampled_from([f'"{text}"', "'" + text.replace("'", "") + "'"])
)
LISTS = st.lists(st.integers(1, 4), min_size=1, max_size=3).map(lambda n: f"(@{','.join(map(str, n))})")


@st.composite
def units(draw):
    """What is meant: the path from the root, whether it asks, and the arguments."""
    arguments = draw(st.lists(WORDS | QUOTED | LISTS, max_size=3))
    if draw(st.integers(0, 4)) == 0:
        return (draw(st.sampled_from(COMMON)),), draw(st.booleans()), []
    path = tuple(draw(st.lists(st.sampled_from(NODES), min_size=1, max_size=3)))
    return path, draw(st.booleans()), arguments


@st.composite
def messages(draw):
    """A message as somebody might write it, and what it means."""
    meant = draw(st.lists(units(), min_size=1, max_size=5))
    here, texts = (), []
    for path, asks, arguments in meant:
        if path[0].startswith("*"):  # common commands leave the place in the tree as it is
            header = path[0]
        else:
            relative = path[: len(here)] == here and len(path) > len(here) and draw(st.booleans())
            shown = path[len(here) :] if relative else path
            colon = ":" if not relative and (here or draw(st.booleans())) else ""
            header, here = colon + ":".join(shown), path[:-1]
        header = "".join(draw(st.sampled_from([c.lower(), c.upper()])) for c in header)
        gap = draw(SPACE) if arguments else draw(NO_SPACE)
        comma = draw(NO_SPACE) + "," + draw(NO_SPACE)
        texts.append(draw(NO_SPACE) + header + "?" * asks + gap + comma.join(arguments) + draw(NO_SPACE))
    return ";".join(texts) + draw(st.sampled_from(["", ";", " "])), meant


@settings(max_examples=examples(300))
@given(messages())
def test_what_is_written_by_the_grammar_is_read_as_it_was_meant(message):
    text, meant = message
    read = list(split_units(text, Dialect()))
    assert read == [Unit(":".join(path), asks, tuple(arguments)) for path, asks, arguments in meant]


@given(st.lists(messages(), max_size=4), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_messages_come_one_by_one_whatever_ends_them(written, end):
    data = b"".join(text.encode() + end for text, _ in written)
    assert [text for text in MessageBuffer().feed(data) if text] == [text for text, _ in written]


@given(
    whole=st.integers(0, 999), fraction=st.text("0123456789", max_size=4), exponent=st.integers(-12, 12),
    sign=st.sampled_from(["", "+", "-"]), e=st.sampled_from(["E", "e", " E", "E "]), gap=NO_SPACE,
    unit=st.sampled_from([("V", "V", 1.0), ("mv", "V", 1e-3), ("MV", "V", 1e-3), ("KHZ", "Hz", 1e3),
                          ("MHz", "Hz", 1e6), ("GHz", "Hz", 1e9), ("us", "s", 1e-6), ("nA", "A", 1e-9)]),
)  # fmt: skip
def test_numbers_in_every_form_of_the_standard(whole, fraction, exponent, sign, e, gap, unit):
    """<NRf>, IEEE 488.2 section 7.7.2, with a suffix, 7.7.3: M is milli, and mega before HZ."""
    suffix, base, scale = unit
    text = f"{sign}{whole}.{fraction}{e}{exponent}{gap}{suffix}"
    value = float(f"{sign}{whole}.{fraction}") * 10.0**exponent * scale
    assert parse_number(text, base) == pytest.approx(value, rel=1e-12, abs=0)
