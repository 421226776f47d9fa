from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from labspin.clock import SimulatedClock
from labspin.twin import World
from labspin.twin.devices import DEVICES, OBIS, SG384, SR400, KepcoBOP
from labspin.twin.message import MessageDevice
from labspin.twin.wire import CommandError, Dialect, MessageBuffer, parse_number, split_arguments, split_units
from labspin.twin.wire.commands import spellings
from tests.examples import examples
from tests.twin.lamp import Lamp, make_world

SCPI, SRS = Dialect(), Dialect(paths=False, attached_arguments=True)
MESSAGE_DEVICES = [device for device in DEVICES.values() if issubclass(device, MessageDevice)]


def heads(message, dialect=SCPI):
    return [unit if isinstance(unit, CommandError) else unit.header for unit in split_units(message, dialect)]


@pytest.mark.parametrize(
    ("message", "headers"),
    [
        ("MEAS:CURR?;VOLT?", ["MEAS:CURR", "MEAS:VOLT"]),
        ("MEAS:CURR?;:OUTP 1", ["MEAS:CURR", "OUTP"]),
        ("MEAS:CURR?;*CLS;VOLT?", ["MEAS:CURR", "*CLS", "MEAS:VOLT"]),
        (":SOUR:FREQ 1 GHZ;", ["SOUR:FREQ"]),
        ("outp on;;  ; curr 1", ["OUTP", "CURR"]),
        ('DISP:TEXT "a;b";TEXT?', ["DISP:TEXT", "DISP:TEXT"]),
        ("", []),
        (" ; ", []),
    ],
)
def test_paths_follow_the_rules_of_scpi(message, headers):
    assert heads(message) == headers


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("1.5, (@1,2)", ("1.5", "(@1,2)")),
        ('"a,b", \'c"d\'', ('"a,b"', "'c\"d'")),
        ("#13a,b,2", ("#13a,b", "2")),
        ("  ", ()),
        ("1,,2", ("1", "", "2")),
        ("#,1", ("#", "1")),
    ],
)
def test_arguments_are_cut_outside_quotes_lists_and_blocks(text, arguments):
    assert split_arguments(text) == arguments


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("2.87 GHz", "Hz", 2.87e9),
        ("1MHZ", "Hz", 1e6),
        ("5 MV", "V", 5e-3),
        ("-10dBm", "dBm", -10.0),
        ("1e3", "", 1e3),
        (".5", "A", 0.5),
        ("10 uA", "A", 10e-6),
        ("1.2 E-6", "s", 1.2e-6),
        ("-1e\t3", "V", -1e3),
        ("3ks", "s", 3e3),
    ],
)
def test_numbers_carry_units(text, unit, value):
    assert parse_number(text, unit) == pytest.approx(value, rel=1e-6, abs=0)


@pytest.mark.parametrize(
    ("text", "unit", "code"),
    [("1 GHz", "V", -131), ("abc", "", -104), ("", "", -104), ("1e99999", "", -123), ("3 kdBm", "dBm", -131)],
)
def test_numbers_that_are_none_are_refused(text, unit, code):
    with pytest.raises(CommandError) as refused:
        parse_number(text, unit)
    assert refused.value.code == code


@given(st.floats(-1e12, 1e12), st.sampled_from(["", "k", "M", "G", "u", "n"]))
def test_a_number_survives_any_prefix(value, prefix):
    scale = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "u": 1e-6, "n": 1e-9}[prefix]
    assert parse_number(f"{value!r} {prefix}Hz", "Hz") == pytest.approx(value * scale, rel=1e-6, abs=0)


def test_a_header_is_understood_in_every_spelling():
    assert spellings("[SOURce:]CURRent[:LEVel]") == sorted(
        f"{source}{current}{level}"
        for source in ("", "SOUR:", "SOURCE:")
        for current in ("CURR", "CURRENT")
        for level in ("", ":LEV", ":LEVEL")
    )


@given(st.sampled_from(spellings("[SOURce:]VOLTage[:LEVel][:IMMediate][:AMPlitude]")), st.randoms())
def test_any_case_of_any_spelling_sets_the_voltage(header, random):
    device = KepcoBOP(make_world())
    mixed = "".join(random.choice([letter.lower(), letter]) for letter in header)
    device.receive(f"{mixed} 5.0\n".encode())
    assert device.state.voltage == pytest.approx(5.0, abs=device.voltage_rating_resolution)
    assert device.status.next_error() is None


@given(
    st.lists(st.text("ABC?;, 1", max_size=12), max_size=8),
    st.lists(st.integers(1, 5), max_size=60),
    st.randoms(),
)
def test_messages_do_not_depend_on_how_bytes_arrive(messages, cuts, random):
    data = b"".join(text.encode() + random.choice([b"\n", b"\r\n", b"\r"]) for text in messages)
    whole, pieces = MessageBuffer(), MessageBuffer()
    got, position = [], 0
    for size in [*cuts, len(data)]:
        got += pieces.feed(data[position : position + size])
        position += size
    assert [text for text in got if text] == [text for text in whole.feed(data) if text]


@given(st.binary(max_size=40))
def test_a_block_may_hold_terminators(content):
    length = str(len(content)).encode()
    message = b"DATA #" + str(len(length)).encode() + length + content
    buffer = MessageBuffer(blocks=True)
    assert buffer.feed(message + b"\nNEXT?\n") == [message.decode("latin-1"), "NEXT?"]
    unit = split_units(message.decode("latin-1"), Dialect(blocks=True))[0]
    if content.isascii():
        assert unit.arguments == (message[5:].decode("latin-1").strip(),)


def test_a_line_without_end_is_thrown_away_and_reported():
    device = KepcoBOP(make_world())
    for _ in range(3):
        device.receive(b"X" * 40_000)
    device.receive(b"\n*CLS\n*IDN?\n")
    assert device.transmit().startswith(b"KEPCO")


def fresh(kind):
    return kind(World(Lamp(), SimulatedClock(), seed=0))


@pytest.mark.parametrize("kind", MESSAGE_DEVICES)
@settings(max_examples=examples(150), deadline=None)
@given(data=st.binary(max_size=300))
def test_random_bytes_neither_break_nor_hang_an_instrument(kind, data):
    device = fresh(kind)
    device.receive(data)
    device.receive(b"\n")
    device.transmit()
    query = b"SS\n" if kind is SR400 else b"*IDN?\n"
    device.receive(query)
    answer = device.transmit()
    if kind is OBIS:  # it says OK after everything
        assert answer.endswith(b"\r\nOK\r\n")
        answer = answer.removesuffix(b"OK\r\n")
    assert answer.count(b"\n") == 1
    assert answer.endswith(b"\n")


COMMANDS = {
    KepcoBOP: (["*IDN?", "CURR?", "MEAS:VOLT?", "*OPC?"], ["CURR 1", "OUTP ON", "*CLS"]),
    SG384: (["*IDN?", "FREQ?", "AMPR?", "ENBR?"], ["FREQ2.8E9", "AMPR-10", "ENBR1"]),
}
JUNK = st.text("ABCXYZ?:*#()\"'1.,- \t\x00\xe9", max_size=10)


@pytest.mark.parametrize("kind", list(COMMANDS))
@settings(max_examples=examples(150), deadline=None)
@given(lines=st.lists(st.lists(st.one_of(st.integers(0, 6), JUNK), max_size=5), max_size=6))
def test_there_are_as_many_answers_as_queries_whatever_stands_between(kind, lines):
    queries, orders = COMMANDS[kind]
    known = queries + orders
    device, expected = fresh(kind), 0
    for line in lines:
        texts = []
        for part in line:
            if isinstance(part, int):
                texts.append(f":{known[part]}" if kind is KepcoBOP and known[part][0] != "*" else known[part])
                expected += known[part] in queries
            elif not set("\"'(#") & set(part):
                texts.append(f"XYZZY{part}")
        device.receive(";".join(texts).encode("latin-1") + b"\n")
    answers = [part for line in device.transmit().decode().splitlines() for part in line.split(";")]
    assert len(answers) == expected


ARGUMENTS = st.lists(
    st.sampled_from(
        [
            "0",
            "1",
            "2",
            "3",
            "-1",
            "0.5",
            "9",
            "1e300",
            "-1e300",
            "1E-300",
            "1e9",
            "ON",
            "MIN",
            "MAX",
            "",
            "1 V",
        ]
    ),
    max_size=3,
)


def is_binary(header, answer):
    """Return whether an answer without a line end is whole: as long as it says, or of 4-byte words."""
    if header in ("TRCB", "TRCL"):
        return len(answer) % 4 == 0
    digits = int(answer[1:2])
    return answer[:1] == b"#" and len(answer) == 2 + digits + int(answer[2 : 2 + digits])


def test_a_block_of_the_sr860_ends_with_its_last_byte():
    device = fresh(DEVICES["sr860"])
    device.receive(b"CAPTUREGET? 0,1\n")
    answer = device.transmit()
    assert answer.startswith(b"#41024")
    assert is_binary("CAPTUREGET", answer)
    assert not is_binary("CAPTUREGET", answer[:-1])


@pytest.mark.parametrize("kind", MESSAGE_DEVICES)
@settings(max_examples=examples(300), deadline=None)
@given(data=st.data())
def test_every_command_answers_or_refuses_and_never_breaks(kind, data):
    device = fresh(kind)
    headers = st.sampled_from(sorted(kind.table._by_header))
    for _ in range(6):
        header, arguments = data.draw(headers), ",".join(data.draw(ARGUMENTS))
        device.receive(f"{header}{data.draw(st.sampled_from(['', '?']))} {arguments}\n".encode())
        answer = device.transmit()
        whole = answer == b"" or answer.endswith((b"\n", device.terminator))  # which XTRM of the SG384 sets
        assert whole or is_binary(header, answer)
        device.world.clock.sleep(0.1)
