"""pymeasure's own properties under labspin's rules: refused where pymeasure clips, and asked after."""

import pytest

from labspin.errors import DeviceError, LimitError
from labspin.instruments import GuardedChannel, LabspinInstrument
from labspin.instruments.scpi_source import ScpiSource
from labspin.instruments.sr830 import SR830
from labspin.instruments.sr860 import SR860
from tests.instruments.wires import Wire


def on_wire(driver, events="0"):
    return driver(Wire(lambda command: events if command == "*ESR?" else None))


@pytest.mark.parametrize(
    ("driver", "name", "value", "match"),
    [
        (SR830, "dac1", 11.0, "SR830 dac1: wanted -10.5 to 10.5, got 11.0; nothing was sent"),
        (SR830, "aux_out_2", float("nan"), "SR830 aux_out_2: wanted"),
        (SR830, "input_coupling", "XX", "SR830 input_coupling: wanted one of .*, got 'XX'; nothing was sent"),
        (SR860, "frequencypreset1", 1e6, "SR860 frequencypreset1: wanted 0.001 to 500000, got 1000000.0"),
        (SR860, "sine_amplitudepreset1", "loud", "SR860 sine_amplitudepreset1: wanted"),
        (ScpiSource, "amplitude_depth", 101, "ScpiSource amplitude_depth: wanted 0 to 100, got 101"),
    ],
)
def test_what_pymeasure_would_clip_is_refused(driver, name, value, match):
    device = on_wire(driver)
    with pytest.raises(LimitError, match=match):
        setattr(device, name, value)
    assert device.adapter.sent == []


def test_what_is_taken_goes_over_the_wire_as_pymeasure_writes_it_and_is_asked_after():
    device = on_wire(SR830)
    device.dac1 = 1.5
    device.input_coupling = "DC"
    assert device.adapter.sent == ["AUXV1,1.500000;", "*ESR?", "ICPL 1", "*ESR?"]


def test_a_refusal_of_the_instrument_is_an_error():
    with pytest.raises(DeviceError, match="refused a setting: a value that it cannot take"):
        on_wire(SR830, events="16").dac1 = 1.5


def test_a_labs_own_properties_are_left_as_they_are():
    made = LabspinInstrument.control("A?", "A %d", "Control a (dimensionless, int).")

    class Own(LabspinInstrument):
        a = made

    class Part(GuardedChannel):
        a = made

    assert vars(Own)["a"] is made
    assert vars(Part)["a"] is made
