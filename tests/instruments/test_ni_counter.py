"""NI counters: what is asked of NI-DAQmx, limits, the maker's package, and counting on the twin."""

import builtins
from unittest import mock

import numpy as np
import pytest

from labspin.clock import SimulatedClock
from labspin.errors import (
    ArgumentError,
    ConnectionFailedError,
    DeviceError,
    IdentityError,
    LimitError,
)
from labspin.instruments import PulseSequence
from labspin.instruments.daqmx import load_daqmx
from labspin.instruments.ni_counter import NICounter, NICounterOptions, NICounters
from labspin.twin import PhotonDetector, World, samples
from labspin.twin.devices.nidaqmx import NIDaqmx
from labspin.twin.inputs import Pattern

GATES = [(0.0, 300e-9), (2e-6, 1.504e-6)]


class Task:
    def __init__(self, daqmx, name):
        self.daqmx, self.name = daqmx, name

    def __getattr__(self, call):
        def made():
            self.daqmx.made.append((call, self.name))
            return self.daqmx.answers.get(call)

        return made


class Daqmx:
    """Takes note of what is asked."""

    def __init__(self, counters=4, **answers):
        self.made, self.counters = [], counters
        self.answers = {"is_done": True, "total": 1234, **answers}

    def describe(self, device):
        return {
            "product": "PCIe-6341",
            "serial": "01D4C2F7",
            "version": "24.5",
            "counters": [f"{device}/ctr{n}" for n in range(self.counters)],
            "inputs": [],
            "timebase": 100e6,
        }

    def gate(self, counter, **how):
        self.made.append(("gate", counter, how))
        return Task(self, counter)

    def gated_count(self, counter, **how):
        self.made.append(("gated_count", counter, how))
        return Task(self, counter)


def opened(daqmx, **options):
    counter = NICounter.open(daqmx, name="counter", options=NICounterOptions(**options))
    daqmx.made.clear()
    return counter


def test_each_gate_takes_a_counter_to_make_it_and_one_to_count_in_it():
    counter = opened(daqmx := Daqmx(), detectors={"pl": "PFI8", "reflected": "PFI9"})
    counter.arm(GATES, triggers=1234, detectors=["pl", "reflected"])
    made = {"timebase": "/Dev1/100MHzTimebase", "trigger": "/Dev1/PFI12", "rising": True}
    counted = {"rising": True, "samples": 1234}
    set_up, started = daqmx.made[:4], daqmx.made[4:]
    assert set_up == [
        ("gated_count", "Dev1/ctr0", {"source": "/Dev1/PFI8", "gate": "/Dev1/Ctr1InternalOutput", **counted}),
        ("gate", "Dev1/ctr1", {"delay": 2, "width": 30, **made}),
        ("gated_count", "Dev1/ctr2", {"source": "/Dev1/PFI9", "gate": "/Dev1/Ctr3InternalOutput", **counted}),
        ("gate", "Dev1/ctr3", {"delay": 202, "width": 150, **made}),
    ]
    assert [call for call in started if call[0] == "start"] == [
        ("start", f"Dev1/ctr{n}") for n in (0, 2, 1, 3)
    ], "gates come last, so that the first of them is counted"
    assert counter.is_done()
    assert counter.counts().tolist() == [1234, 1234]
    assert counter.counts().dtype == np.int64
    assert counter.settings()["gate_1"] == {
        "terminal": "PFI9",
        "delay": pytest.approx(2e-6, rel=1e-6, abs=0),
        "width": pytest.approx(1.5e-6, rel=1e-6, abs=0),
    }


def test_slopes_are_edges():
    counter = opened(daqmx := Daqmx(), trigger_slope="fall", detector_slope="fall")
    counter.arm(GATES[:1], triggers=10)
    assert [call[2]["rising"] for call in daqmx.made[:2]] == [False, False]


def test_arming_the_same_again_keeps_the_counters():
    counter = opened(daqmx := Daqmx())
    counter.arm(GATES, triggers=10)
    daqmx.made.clear()
    counter.arm(GATES, triggers=10)
    assert {call[0] for call in daqmx.made} == {"stop", "start"}
    counter.arm(GATES, triggers=11)
    assert {call[0] for call in daqmx.made} >= {"close", "gate", "gated_count"}


def test_stop_and_safe_give_the_counters_back():
    counter = opened(daqmx := Daqmx())
    for give_up in (counter.stop, counter.safe, counter.close):
        counter.arm(GATES, triggers=10)
        daqmx.made.clear()
        give_up()
        assert sorted(daqmx.made) == [("close", f"Dev1/ctr{n}") for n in range(4)]
        daqmx.made.clear()
        counter.stop()
        assert daqmx.made == []


def test_counts_of_an_unfinished_count_are_refused():
    counter = opened(Daqmx(is_done=False))
    assert not counter.is_done()
    with pytest.raises(DeviceError, match="counter: wanted the counts of a finished count"):
        counter.counts()
    counter.arm(GATES, triggers=10)
    with pytest.raises(DeviceError, match="not finished"):
        counter.counts()


@pytest.mark.parametrize(
    ("gates", "more", "match"),
    [
        ([], {}, "counter: wanted 1 to 2 gates, got 0"),
        ([(0, 1e-6)] * 3, {}, "wanted 1 to 2 gates, got 3"),
        ([(-1e-9, 1e-6)], {}, "counter gate delay: wanted 0 s to 42.9"),
        ([(43.0, 1e-6)], {}, "counter gate delay"),
        ([(0, 10e-9)], {}, "counter gate width: wanted 20 ns to 42.9"),
        ([(0, 1e-6)], {"triggers": 1}, "counter triggers: wanted 2 "),
        ([(0, 1e-6)], {"triggers": 200_000_000}, "counter triggers"),
        ([(0, 1e-6)], {"triggers": 10.5}, "wanted a whole number, got 10.5"),
        ([(0, 1e-6)], {"detectors": ["dark"]}, "no detector 'dark', only pl; name it in the station file"),
        ([(0, 1e-6)], {"detectors": ["pl", "pl"]}, "wanted a detector for each gate"),
    ],
)
def test_what_cannot_be_counted_is_refused_before_anything_is_asked(gates, more, match):
    counter = opened(daqmx := Daqmx())
    for refuse in (counter.check, counter.arm):
        with pytest.raises(LimitError, match=match):
            refuse(gates, **{"triggers": 10, **more})
    assert daqmx.made == []


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"detectors": {}}, "detectors: wanted names and terminals"),
        ({"detectors": {"pl": 8}}, "detectors.pl: wanted a terminal such as 'PFI8', got 8"),
        ({"trigger": "ctr0"}, "trigger: wanted a terminal"),
        ({"trigger_slope": "up"}, "trigger_slope: wanted 'rise' or 'fall'"),
        ({"detector_slope": "up"}, "detector_slope"),
    ],
)
def test_options_are_checked(options, match):
    with pytest.raises(ArgumentError, match=match):
        NICounterOptions(**options)


def test_addresses_are_names_of_devices():
    NICounter.check_address("PXI1Slot2")
    assert NICounter.canonical_address("Dev1") == NICounter.canonical_address("dev1")
    with pytest.raises(ArgumentError, match="wanted the name of an NI device such as 'Dev1', got '192"):
        NICounter.check_address("192.168.1.1")


def test_a_device_with_too_few_counters_is_refused():
    with pytest.raises(IdentityError, match=r"counter: wanted a device with two counters .* has 1; correct"):
        NICounter.open(Daqmx(counters=1), name="counter")
    assert opened(Daqmx(counters=2)).max_gates == 1


# -- the maker's package ----------------------------------------------------------------------------------


def test_a_missing_package_is_one_clear_error(monkeypatch):
    original = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("nidaqmx"):
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(
        ConnectionFailedError,
        match=r"counter \(Dev1\): the Python package 'nidaqmx' is missing; install .*'labspin\[ni\]'",
    ):
        NICounters("Dev1", "counter")


def test_a_missing_driver_is_one_clear_error():
    errors = pytest.importorskip("nidaqmx.errors")
    missing = errors.DaqNotFoundError("no NI-DAQmx")
    with (
        mock.patch("nidaqmx.system.System.local", side_effect=missing),
        pytest.raises(ConnectionFailedError, match=r"counter \(Dev1\): the driver NI-DAQmx is missing"),
    ):
        NICounters("Dev1", "counter")


def test_an_unknown_device_is_one_clear_error():
    errors = pytest.importorskip("nidaqmx.errors")
    unknown = errors.DaqError("Device identifier is invalid", -200220)
    with (
        mock.patch("nidaqmx.system.System.local", side_effect=unknown),
        pytest.raises(ConnectionFailedError, match=r"asking for device 'Dev7' with -200220.*NI MAX"),
    ):
        NICounters("Dev7", "counter")


@pytest.fixture
def maker():
    """The package's classes without its library: calls that it does not have fail."""
    nidaqmx = pytest.importorskip("nidaqmx")
    from nidaqmx.task.channels import CIChannel, COChannel
    from nidaqmx.task.collections import CIChannelCollection, COChannelCollection
    from nidaqmx.task.triggering import StartTrigger

    task = mock.create_autospec(nidaqmx.Task, instance=True)
    task.ci_channels = mock.create_autospec(CIChannelCollection, instance=True)
    task.co_channels = mock.create_autospec(COChannelCollection, instance=True)
    task.ci_channels.add_ci_pulse_width_chan.return_value = mock.Mock(spec_set=CIChannel)
    task.co_channels.add_co_pulse_chan_ticks.return_value = mock.Mock(spec_set=COChannel)
    task.timing = mock.create_autospec(nidaqmx.task._timing.Timing, instance=True)
    task.triggers.start_trigger = mock.Mock(spec_set=StartTrigger)
    with mock.patch("nidaqmx.Task", return_value=task):
        yield task


def test_a_gate_is_a_retriggerable_pulse(maker):
    from nidaqmx.constants import AcquisitionType, Edge

    gate = load_daqmx().gate(
        "Dev1/ctr1", timebase="/Dev1/100MHzTimebase", trigger="/Dev1/PFI12", rising=True, delay=2, width=30
    )
    maker.co_channels.add_co_pulse_chan_ticks.assert_called_once_with(
        "Dev1/ctr1", "/Dev1/100MHzTimebase", initial_delay=2, low_ticks=2, high_ticks=30
    )
    assert maker.co_channels.add_co_pulse_chan_ticks.return_value.co_enable_initial_delay_on_retrigger is True
    maker.timing.cfg_implicit_timing.assert_called_once_with(AcquisitionType.FINITE, 1)
    maker.triggers.start_trigger.cfg_dig_edge_start_trig.assert_called_once_with("/Dev1/PFI12", Edge.RISING)
    assert maker.triggers.start_trigger.retriggerable is True
    gate.start()
    gate.stop()
    gate.close()
    assert [call[0] for call in maker.method_calls][-3:] == ["start", "stop", "close"]


def test_a_count_is_a_pulse_width_in_photons(maker):
    from nidaqmx.constants import AcquisitionType, Edge, TimeUnits

    count = load_daqmx().gated_count(
        "Dev1/ctr0", source="/Dev1/PFI8", rising=False, gate="/Dev1/Ctr1InternalOutput", samples=1_500_000
    )
    channel = maker.ci_channels.add_ci_pulse_width_chan.return_value
    how = maker.ci_channels.add_ci_pulse_width_chan.call_args
    assert (how.args[0], how.kwargs["units"]) == ("Dev1/ctr0", TimeUnits.TICKS)
    assert channel.ci_pulse_width_term == "/Dev1/Ctr1InternalOutput"
    assert channel.ci_ctr_timebase_src == "/Dev1/PFI8"
    assert channel.ci_ctr_timebase_active_edge == Edge.FALLING
    assert channel.ci_dup_count_prevention is True
    maker.timing.cfg_implicit_timing.assert_called_once_with(AcquisitionType.FINITE, 1_500_000)

    def fill(chunk, number, timeout):
        assert number == chunk.size
        chunk[:] = 4_000
        return number

    with mock.patch("nidaqmx.stream_readers.CounterReader", autospec=True) as reader:
        reader.return_value.read_many_sample_uint32.side_effect = fill
        assert count.total() == 1_500_000 * 4_000  # more than 32 bits hold


def test_what_the_package_raises_is_an_error_of_ours(maker):
    from nidaqmx.errors import DaqError

    daqmx = load_daqmx()
    maker.timing.cfg_implicit_timing.side_effect = DaqError("no such\n terminal", -89136)
    with pytest.raises(DeviceError, match="failed at counting with Dev1/ctr0 with -89136: no such terminal"):
        daqmx.gated_count("Dev1/ctr0", source="/Dev1/PFI8", rising=True, gate="x", samples=10)
    maker.close.assert_called_once_with()


# -- on the simulated device ---------------------------------------------------------------------------------


@pytest.fixture
def world():
    detectors = {"pl": PhotonDetector(dark_rate=2e6), "reflected": PhotonDetector(dark_rate=1e6)}
    return World(samples.load("levitated_diamond")(), SimulatedClock(), seed=3, detectors=detectors)


WIRED = {"PFI9": "reflected"}
BOTH = NICounterOptions(detectors={"pl": "PFI8", "reflected": "PFI9"})
DARK = Pattern(np.array([1e-6, 9e-6]), {"trigger": np.array([1.0, 0.0])})


def on(world, **twin):
    device = NIDaqmx(world, wiring=WIRED, **twin)
    return device, NICounter.open(device, name="counter", options=BOTH)


def test_pulses_are_counted_in_gates_over_the_triggers(world):
    _, counter = on(world)
    world.play(DARK)
    counter.arm([(0.0, 1e-6), (2e-6, 3e-6)], triggers=100_000, detectors=["pl", "reflected"])
    world.clock.sleep(0.9999)
    assert not counter.is_done()
    world.clock.sleep(0.0002)
    assert counter.is_done()
    assert counter.counts() == pytest.approx([200_000, 300_000], abs=5 * np.sqrt(300_000))


def test_gates_count_only_what_comes_in_them(world):
    _, counter = on(world)
    world.detectors["pl"] = PhotonDetector()
    laser = PulseSequence().then("trigger", duration=1e-6).wait(4e-6).then("laser", duration=5e-6)
    durations, levels = laser.levels()
    world.play(Pattern(durations, levels))
    counter.arm([(0.0, 4.9e-6), (5e-6, 4.9e-6)], triggers=10_000)
    world.clock.sleep(1.0)
    dark, bright = counter.counts()
    assert dark == 0
    assert bright > 10_000


def test_triggers_that_come_while_a_gate_is_made_are_missed(world):
    _, counter = on(world)
    world.play(DARK)
    counter.arm([(0.0, 15e-6)], triggers=1000)  # longer than the 10 us between triggers
    world.clock.sleep(1000 * 10e-6 + 1e-3)
    assert not counter.is_done()
    world.clock.sleep(1000 * 10e-6)
    assert counter.is_done()
    assert counter.counts()[0] == pytest.approx(2e6 * 15e-6 * 1000, rel=0.05, abs=0)


def test_no_triggers_never_finish_and_the_next_count_works(world):
    _, counter = on(world)
    counter.arm(GATES, triggers=10)
    world.clock.sleep(10.0)
    assert not counter.is_done()
    counter.stop()
    world.play(DARK)
    counter.arm(GATES, triggers=10)
    world.clock.sleep(1.0)
    assert counter.is_done()


def test_the_device_refuses_what_nidaqmx_refuses(world):
    device, _ = on(world)
    gate = {"timebase": "/Dev1/100MHzTimebase", "trigger": "/Dev1/PFI12", "rising": True}
    device.gate("Dev1/ctr1", **gate, delay=2, width=2)
    for match, counter, more in [
        ("-50103", "Dev1/ctr1", {"delay": 2, "width": 2}),
        ("-200077: initial delay of 1", "Dev1/ctr3", {"delay": 1, "width": 2}),
        ("-200077: high ticks of 1", "Dev1/ctr3", {"delay": 2, "width": 1}),
        ("-89136", "Dev1/ctr3", {"delay": 2, "width": 2, "timebase": "/Dev1/80MHzTimebase"}),
        ("-89136", "Dev1/ctr3", {"delay": 2, "width": 2, "trigger": "/Dev1/PFI99"}),
    ]:
        with pytest.raises(DeviceError, match=match):
            device.gate(counter, **{**gate, **more})


@pytest.mark.parametrize(
    ("kind", "error"),
    [("drop", ConnectionFailedError), ("silent", ConnectionFailedError), ("identity", IdentityError)],
)
def test_a_device_that_is_gone_or_another_is_one_clear_error(world, kind, error):
    device, counter = on(world)
    device.faults.add(kind, value="USB-6001" if kind == "identity" else 0.0)
    with pytest.raises(error, match="counter: "):
        counter.identity()
