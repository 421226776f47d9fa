"""SR400: what goes over the wire, presets and gate times that it has, and counting."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from pymeasure.test import expected_protocol

from labspin.errors import ArgumentError, DeviceError, IdentityError, LimitError
from labspin.instruments.sr400 import SR400, check_preset, nearest_gate_time
from labspin.instruments.sr400_counter import SR400Counter, SR400Options


@pytest.mark.parametrize(
    ("attribute", "value", "command", "query", "reply"),
    [
        ("mode", "A,B for T", "CM0", "CM", "0"),
        ("mode", "A for B", "CM3", "CM", "3"),
        ("preset_input", "trigger", "CI2,3", "CI2", "3"),
        ("preset", 10000, "CP2,1E+04", "CP2", "1E4"),
        ("preset", 9e11, "CP2,9E+11", "CP2", "9E11"),
        ("periods", 1, "NP1", "NP", "1"),
        ("periods", 2000, "NP2000", "NP", "2E3"),
        ("end_mode", "stop", "NE0", "NE", "0"),
        ("trigger_level", 0.5, "TL0.500", "TL", "0.500"),
        ("trigger_slope", "fall", "TS1", "TS", "1"),
    ],
)
def test_settings(attribute, value, command, query, reply):
    with expected_protocol(SR400, [(command, None), (query, reply)]) as counter:
        setattr(counter, attribute, value)
        assert getattr(counter, attribute) == value


@pytest.mark.parametrize(
    ("attribute", "value", "command", "query", "reply"),
    [
        ("input", "input 1", "CI{},1", "CI{}", "1"),
        ("gate_mode", "fixed", "GM{},1", "GM{}", "1"),
        ("gate_delay", 1.2e-6, "GD{},1.2E-06", "GD{}", "1.2E-6"),
        ("gate_delay", 0.0, "GD{},0", "GD{}", "0"),
        ("gate_width", 5e-9, "GW{},5E-09", "GW{}", "5E-9"),
        ("gate_width", 0.9992, "GW{},0.9992", "GW{}", "0.9992"),
        ("discriminator_level", -0.01, "DL{},-0.0100", "DL{}", "-0.0100"),
        ("discriminator_slope", "fall", "DS{},1", "DS{}", "1"),
    ],
)
@pytest.mark.parametrize(("channel", "number"), [("a", 0), ("b", 1)])
def test_settings_of_a_counter(channel, number, attribute, value, command, query, reply):
    wire = [(command.format(number), None), (query.format(number), reply)]
    with expected_protocol(SR400, wire) as counter:
        setattr(getattr(counter, channel), attribute, value)
        assert getattr(getattr(counter, channel), attribute) == value


@pytest.mark.parametrize(
    ("path", "value", "match"),
    [
        ("mode", "A", "SR400 mode: wanted one of"),
        ("preset_input", "input 1", "SR400 preset_input: wanted one of '10 MHz', 'input 2', 'trigger'"),
        ("preset", 0, "SR400 preset: wanted 1 to 9e"),
        ("preset", 1e12, "SR400 preset: wanted 1 to 9e"),
        ("preset", 1200, "SR400 preset: .*one significant digit, got 1200; take 1000 or 2000"),
        ("periods", 2001, "SR400 periods: wanted 1 to 2000"),
        ("end_mode", "go", "SR400 end_mode"),
        ("trigger_level", 2.1, "SR400 trigger_level: wanted -2 V to 2 V"),
        ("trigger_slope", "up", "SR400 trigger_slope"),
        ("a.input", "input 3", "SR400 input"),
        ("a.gate_mode", "closed", "SR400 gate_mode"),
        ("b.gate_delay", 1.0, "SR400 gate_delay: wanted 0 s to 999.2 ms"),
        ("b.gate_delay", -1e-9, "SR400 gate_delay"),
        ("a.gate_width", 4e-9, "SR400 gate_width: wanted 5 ns to 999.2 ms"),
        ("a.discriminator_level", 0.31, "SR400 discriminator_level: wanted -300 mV to 300 mV"),
        ("b.discriminator_slope", "both", "SR400 discriminator_slope"),
    ],
)
def test_what_is_out_of_limits_is_refused_and_nothing_sent(path, value, match):
    with expected_protocol(SR400, []) as counter:
        *channel, attribute = path.split(".")
        target = getattr(counter, channel[0]) if channel else counter
        with pytest.raises(LimitError, match=match):
            setattr(target, attribute, value)


@given(st.integers(1, 9), st.integers(0, 11))
def test_presets_of_one_digit_pass(digit, decade):
    assert check_preset(digit * 10**decade) == digit * 10**decade


@given(st.integers(11, 900_000_000_000))
def test_every_other_preset_is_refused_with_its_neighbours(value):
    if len(str(value).rstrip("0")) == 1:
        assert check_preset(value) == value
        return
    with pytest.raises(LimitError) as caught:
        check_preset(value)
    below, above = (float(text) for text in str(caught.value).split("take ")[1].split(" or "))
    assert below < value < above
    assert check_preset(below) == below


# Manual, page 42: "near 10.00 µs, the allowed values of t are 9.984 µs, 9.992 µs, 10.00 µs, 10.01 µs"
@pytest.mark.parametrize(
    ("wanted", "made"),
    [
        (9.985e-6, 9.984e-6),
        (9.989e-6, 9.992e-6),
        (9.997e-6, 10.00e-6),
        (10.004e-6, 10.00e-6),
        (10.006e-6, 10.01e-6),
        (0.0, 0.0),
        (123.4e-9, 123e-9),
        (999e-9, 999e-9),
        (3.001e-6, 3.000e-6),
        (3.0031e-6, 3.004e-6),
        (4.0971e-6, 4.096e-6),  # from 4.096 µs on in steps of 4 ns
        (4.0983e-6, 4.100e-6),
        (6.0015e-6, 6.000e-6),
        (6.0025e-6, 6.004e-6),
        (8.1871e-6, 8.188e-6),
        (60.015e-6, 60.00e-6),
        (60.025e-6, 60.04e-6),
        (0.9992, 0.9992),
    ],
)
def test_gate_times_are_those_of_the_manual(wanted, made):
    assert nearest_gate_time(wanted) == pytest.approx(made, abs=1e-13)


@given(st.floats(5e-9, 0.9992))
def test_a_gate_time_that_can_be_made_stays_and_is_near(wanted):
    made = nearest_gate_time(wanted)
    assert nearest_gate_time(made) == made
    assert abs(made - wanted) <= max(0.5001e-9, 5.1e-4 * wanted)


PLAUSIBLE = [("NP", "1"), ("CM", "0"), ("NE", "0")]


def test_it_is_recognised_by_plausible_answers():
    with expected_protocol(SR400, PLAUSIBLE) as counter:
        assert counter.identify().startswith("Stanford Research Systems,SR400")
    for reply in ("ACME,BOX", "0"):
        with (
            expected_protocol(SR400, [("NP", reply)], retries=0) as counter,
            pytest.raises(IdentityError, match="wanted an SR400"),
        ):
            counter.identify()


CONFIGURED = [
    ("CR", None),
    ("CM0", None),
    ("CI2,3", None),
    ("NP1", None),
    ("NE0", None),
    ("TL0.500", None),
    ("TS0", None),
    ("CI0,1", None),
    ("GM0,1", None),
    ("DL0,-0.0100", None),
    ("DS0,1", None),
    ("CI1,1", None),
    ("GM1,1", None),
    ("DL1,-0.0100", None),
    ("DS1,1", None),
]
GATES = [(0.0, 300e-9), (2e-6, 300e-9)]
FORGET = ("SS", "0")  # what spoilt a count that was not read
ARMED = [
    ("CR", None),
    FORGET,
    ("GD0,0", None),
    ("GW0,3E-07", None),
    ("GD1,2E-06", None),
    ("GW1,3E-07", None),
    ("CP2,1E+03", None),
    ("CS", None),
]


def test_counting_in_two_gates():
    wire = [*CONFIGURED, *ARMED, ("QA1", "-1"), ("QA1", "1234"), ("QA1", "1234"), ("QB1", "567"), FORGET]
    with expected_protocol(SR400, wire) as device:
        counter = SR400Counter(device)
        counter.configure()
        counter.arm(GATES, triggers=1000)
        assert not counter.is_done()
        assert counter.is_done()
        counts = counter.counts()
    assert counts.tolist() == [1234, 567]
    assert counts.dtype == np.int64


def test_arming_the_same_again_sends_no_settings():
    with expected_protocol(SR400, [*ARMED, ("CR", None), FORGET, ("CS", None), *ARMED]) as device:
        counter = SR400Counter(device)
        counter.arm(GATES, triggers=1000)
        counter.arm(GATES, triggers=1000)
        counter._armed = None  # as after an error
        counter.arm(GATES, triggers=1000)


@pytest.mark.parametrize(
    ("a", "b", "status"), [("999999999", "5", "0"), ("5", "999999999", "8"), ("4711", "5", "9")]
)
def test_a_counter_that_ran_over_is_an_error(a, b, status):
    wire = [*ARMED, ("QA1", a), ("QB1", b), ("SS", status), ("CR", None), ("CS", None)]
    with expected_protocol(SR400, wire, name="counter") as device:
        counter = SR400Counter(device)
        counter.arm(GATES, triggers=1000)
        with pytest.raises(DeviceError, match=rf"counter: wanted counts below 1000000000, .*\[{a}, {b}\]"):
            counter.counts()
        counter.arm(GATES, triggers=1000)  # which is not blamed for the count before


def test_a_trigger_that_came_too_early_for_the_gates_is_an_error():
    wire = [*ARMED, ("QA1", "5"), ("QB1", "4"), ("SS", "22"), ("CR", None), ("CS", None)]
    with expected_protocol(SR400, wire, name="counter") as device:
        counter = SR400Counter(device)
        counter.arm(GATES, triggers=1000)
        with pytest.raises(DeviceError, match="counter: wanted every trigger in the count, but one came"):
            counter.counts()
        counter.arm(GATES, triggers=1000)


def test_counts_of_an_unfinished_count_are_refused():
    with expected_protocol(SR400, [*ARMED, ("QA1", "-1"), ("QB1", "-1")]) as device:
        counter = SR400Counter(device)
        with pytest.raises(DeviceError, match="not finished"):
            counter.counts()
        counter.arm(GATES, triggers=1000)
        with pytest.raises(DeviceError, match="not finished"):
            counter.counts()


@pytest.mark.parametrize(
    ("gates", "triggers", "match"),
    [
        ([], 10, "wanted 1 to 2 gates, got 0"),
        ([(0, 1e-6)] * 3, 10, "wanted 1 to 2 gates, got 3"),
        ([(1.0, 1e-6)], 10, "counter gate delay: wanted 0 s to 999.2 ms"),
        ([(0.0, 1e-9)], 10, "counter gate width: wanted 5 ns"),
        ([(0.0, 1e-6)], 1234, "one significant digit"),
    ],
)
def test_what_cannot_be_counted_is_refused_before_anything_is_sent(gates, triggers, match):
    with expected_protocol(SR400, [], name="counter") as device:
        counter = SR400Counter(device)
        for refuse in (counter.check, counter.arm):
            with pytest.raises(LimitError, match=match):
                refuse(gates, triggers=triggers)


def test_input_2_has_one_gate():
    wire = [
        ("CR", None),
        FORGET,
        ("GD1,0", None),
        ("GW1,1E-06", None),
        ("CP2,1E+01", None),
        ("CS", None),
        ("QB1", "7"),
        ("QB1", "7"),
        FORGET,
    ]
    with expected_protocol(SR400, wire) as device:
        counter = SR400Counter(device, SR400Options(input=2))
        assert counter.max_gates == 1
        counter.arm([(0.0, 1e-6)], triggers=10)
        assert counter.is_done()
        assert counter.counts().tolist() == [7]


TWO = SR400Options(detectors={"pl": 1, "reflected": 2})


def test_each_gate_watches_the_detector_that_it_is_told_to():
    other = [("CI1,2", None), ("GD1,2E-06", None), ("GW1,3E-07", None)]
    first, preset, start = ARMED[:4], ARMED[6:7], ARMED[7:]
    wire = [*ARMED, *first, *other, *preset, *start, ("QA1", "5"), ("QA1", "5"), ("QB1", "9"), FORGET]
    with expected_protocol(SR400, wire) as device:
        counter = SR400Counter(device, TWO)
        counter.arm(GATES, triggers=1000, detectors=["pl", "pl"])
        counter.arm(GATES, triggers=1000, detectors=["pl", "reflected"])
        assert counter.is_done()
        assert counter.counts().tolist() == [5, 9]


def test_counts_come_in_the_order_of_the_gates_and_not_of_the_counters():
    gates = [("GD1,0", None), ("GW1,3E-07", None), ("GD0,2E-06", None), ("GW0,3E-07", None)]
    read = [("QB1", "9"), ("QB1", "9"), ("QA1", "5"), FORGET]
    wire = [("CR", None), FORGET, ("CI1,2", None), *gates, *ARMED[6:], *read]
    with expected_protocol(SR400, wire) as device:
        counter = SR400Counter(device, TWO)
        counter.arm(GATES, triggers=1000, detectors=["reflected", "pl"])
        assert counter.is_done()
        assert counter.counts().tolist() == [9, 5]


@pytest.mark.parametrize(
    ("detectors", "match"),
    [
        (["pl", "transmitted"], r"no detector 'transmitted', only pl, reflected; name it in the station"),
        (["reflected", "reflected"], r"got 2 at the inputs \[2, 2\], where input 2 has one"),
        (["pl"], r"wanted a detector for each gate, got \['pl'\] for 2 gates"),
    ],
)
def test_detectors_that_cannot_be_watched_are_refused_before_anything_is_sent(detectors, match):
    with expected_protocol(SR400, []) as device, pytest.raises(LimitError, match=match):
        SR400Counter(device, TWO).arm(GATES, triggers=1000, detectors=detectors)


def test_one_detector_alone_is_called_pl_wherever_it_is_plugged_in():
    wire = [("CR", None), FORGET, ("GD1,0", None), ("GW1,1E-06", None), ("CP2,1E+01", None), ("CS", None)]
    with expected_protocol(SR400, wire) as device:
        counter = SR400Counter(device, SR400Options(input=2))
        counter.arm([(0.0, 1e-6)], triggers=10, detectors=["pl"])


def test_stop_and_safe_reset_the_counters():
    with expected_protocol(SR400, [("CR", None), ("CR", None)]) as device:
        SR400Counter(device).stop()
        SR400Counter(device).safe()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"input": 3}, "input: wanted 1 or 2"),
        ({"detectors": {"pl": 3}}, r"detectors: wanted names and inputs such as \{pl = 1"),
        ({"trigger_slope": "up"}, "trigger_slope: wanted 'rise' or 'fall'"),
        ({"discriminator_slope": "up"}, "discriminator_slope"),
        ({"trigger_level": 2.5}, "trigger_level: wanted -2 V to 2 V"),
        ({"discriminator_level": -0.4}, "discriminator_level: wanted -0.3 V to 0.3 V"),
    ],
)
def test_options_are_checked(options, match):
    with pytest.raises(ArgumentError, match=match):
        SR400Options(**options)
