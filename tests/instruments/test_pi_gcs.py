"""PI piezo axis: what goes over the wire, and the simulated stage with the tip that it carries."""

import numpy as np
import pytest
from pymeasure.test import expected_protocol

from labspin.clock import SimulatedClock
from labspin.errors import ArgumentError, DeviceError, IdentityError, LimitError
from labspin.instruments.pi_gcs import PIAxis, PIOptions, PIPositioner
from labspin.twin import Pattern, World
from labspin.twin.adapter import SimulatedAdapter
from labspin.twin.devices import DEVICES
from labspin.twin.samples import load

OK = ("ERR?", "0")


@pytest.mark.parametrize(
    ("attribute", "value", "command"),
    [
        ("servo_enabled", True, "SVO 1 1"),
        ("target", 12.345, "MOV 1 12.34500"),
        ("velocity", 25.0, "VEL 1 25.00000"),
    ],
)
def test_settings_are_sent_and_the_error_is_read(attribute, value, command):
    with expected_protocol(PIAxis, [(command, None), OK]) as axis:
        setattr(axis, attribute, value)


@pytest.mark.parametrize(
    ("attribute", "query", "reply", "value"),
    [
        ("servo_enabled", "SVO? 1", "1=1", True),
        ("target", "MOV? 1", "1=12.34000", 12.34),
        ("stage_position", "POS? 1", "1=-0.00012", -0.00012),
        ("on_target", "ONT? 1", "1=0", False),
        ("greatest", "TMX? 1", "1=100.00000", 100.0),
    ],
)
def test_values_are_read(attribute, query, reply, value):
    with expected_protocol(PIAxis, [(query, reply)]) as axis:
        assert getattr(axis, attribute) == value


def test_a_refusal_is_said_in_words_and_a_stop_is_none():
    refused = [("MOV 1 12.00000", None), ("ERR?", "5"), OK]
    with (
        expected_protocol(PIAxis, refused) as axis,
        pytest.raises(DeviceError, match=r"5 \(the servo is off"),
    ):
        axis.target = 12.0
    with expected_protocol(PIAxis, [("STP", None), ("ERR?", "10"), OK]) as axis:
        axis.safe()
    with expected_protocol(PIAxis, []) as axis, pytest.raises(LimitError, match="target"):
        axis.target = 600.0


def simulated(**options):
    world = World(load("nv_over_film")(), clock=SimulatedClock(), seed=5)
    device = DEVICES["pi_gcs"](world, **options)
    return world, device, PIAxis(SimulatedAdapter(device), clock=world.clock)


def positioner(axis, **options):
    found = PIPositioner(axis, PIOptions(**options))
    found.configure()
    return found


class TestTwin:
    def test_the_tip_follows_the_stage_at_its_velocity(self):
        world, _, axis = simulated(drift=0.0, noise=0.0)
        stage = positioner(axis)
        assert stage.measured_position == pytest.approx(50e-6, rel=1e-9, abs=0)
        axis.velocity = 10.0
        stage.position = 200e-9
        world.clock.sleep(1.0)
        assert stage.measured_position == pytest.approx(40e-6, rel=1e-6, abs=0)
        assert world.level("positioner.distance") == pytest.approx(40e-6, rel=1e-6, abs=0)
        world.clock.sleep(5.0)
        assert axis.on_target
        assert world.level("positioner.distance") == pytest.approx(200e-9, rel=1e-6, abs=0)

    def test_the_mount_drifts_while_sequences_are_played_and_nobody_asks_the_stage(self):
        world, *_kept = simulated(drift=5e-9, drift_time=100.0, noise=0.0)
        found = []
        for _ in range(60):
            world.play(Pattern.constant(1e-3))
            found.append(world.level("positioner.distance"))
            world.clock.advance(20.0)
        assert 2e-9 < np.std(found) < 10e-9

    def test_the_mount_drifts_and_the_sensor_does_not_see_it(self):
        world, _, axis = simulated(drift=5e-9, drift_time=100.0, noise=0.3e-9)
        stage = positioner(axis)
        stage.position = 200e-9
        seen, true = [], []
        for _ in range(40):
            world.clock.sleep(60.0)
            seen.append(stage.measured_position)
            true.append(world.level("positioner.distance"))
        assert max(seen) - min(seen) < 3e-9
        assert max(true) - min(true) > 5e-9

    def test_the_tip_stops_at_the_surface(self):
        world, _, axis = simulated(drift=0.0, contact=99e-6)
        stage = positioner(axis)  # the station believes that contact is at 100 um
        stage.position = 20e-9
        world.clock.sleep(5.0)
        assert world.level("positioner.distance") == pytest.approx(5e-9, rel=1e-9, abs=0)
        stage.safe()
        assert world.level("positioner.distance") == pytest.approx(49e-6, rel=1e-3, abs=0)

    def test_without_the_servo_it_refuses_and_shows_hysteresis(self):
        world, _, axis = simulated(drift=0.0, noise=0.0)
        with pytest.raises(DeviceError, match="servo is off"):
            axis.target = 10.0
        axis.servo_enabled = True
        axis.target = 60.0
        world.clock.sleep(5.0)
        axis.servo_enabled = False
        assert axis.stage_position == pytest.approx(60.0 - 0.8, rel=1e-6, abs=0)

    def test_what_is_out_of_reach_is_refused(self):
        _, device, axis = simulated(travel=80e-6)
        axis.servo_enabled = True
        with pytest.raises(DeviceError, match=r"7 \(position out of limits"):
            axis.target = 90.0
        device.receive(b"MOV 2 5\n")
        assert axis.check_errors() == ["15 (invalid axis)"]
        device.receive(b"NONSENSE 1\n")
        assert axis.check_errors() == ["2 (unknown command)"]
        with pytest.raises(DeviceError, match=r"travels 0\.0001 m, got one that travels 8e-05 m"):
            positioner(axis)

    def test_another_instrument_is_refused(self):
        _, device, axis = simulated()
        assert "E-709" in axis.identify()
        device.false_identity = "ACME,STAGE,1,1"
        with pytest.raises(IdentityError, match="Physik Instrumente"):
            axis.identify()


class TestDistances:
    def test_both_ways_to_the_surface(self):
        up, down = PIOptions(contact=90e-6), PIOptions(contact=10e-6, towards="down")
        for options, stage in ((up, 89.8), (down, 10.2)):
            assert options.stage(200e-9) == pytest.approx(stage, rel=1e-12, abs=0)
            assert options.distance(options.stage(200e-9)) == pytest.approx(200e-9, rel=1e-9, abs=0)
            assert PIPositioner.ranges(options)["position"] == (0.0, pytest.approx(90e-6, rel=1e-12, abs=0))

    @pytest.mark.parametrize(
        ("options", "match"),
        [
            ({"towards": "left"}, "'up' or 'down'"),
            ({"range": 1e-3}, "range"),
            ({"contact": 120e-6}, "contact"),
            ({"contact": 10e-6, "retracted": 50e-6}, "retracted"),
        ],
    )
    def test_bad_options(self, options, match):
        with pytest.raises(ArgumentError, match=match):
            PIOptions(**options)

    def test_a_stage_that_does_not_retract_is_said(self, monkeypatch):
        _, _, axis = simulated()
        stage = positioner(axis)
        monkeypatch.setattr(PIAxis, "velocity", 1.0)
        monkeypatch.setattr(PIPositioner, "measured_position", 300e-9)
        with pytest.raises(DeviceError, match="retract it by hand"):
            stage.safe()

    @pytest.mark.parametrize("goal", [2e-6, 70e-6])
    def test_a_stage_that_moves_the_wrong_way_is_stopped_and_not_moved_again(self, goal):
        """Stopped after the first reading that shows it; to retract would press it on."""
        world, _, axis = simulated(motion=-1.0, drift=0.0)
        stage = positioner(axis)

        def ramp():
            for step in np.linspace(50e-6, goal, 40)[1:]:
                stage.position = float(step)
                world.clock.sleep(0.05)

        with pytest.raises(DeviceError, match=r"wrong way.*polarity"):
            ramp()
        stopped = world.level("positioner.distance")
        assert abs(stopped - 50e-6) < 5e-6
        with pytest.raises(DeviceError, match="retract it by hand"):
            stage.safe()
        world.clock.sleep(10.0)
        assert world.level("positioner.distance") == pytest.approx(stopped, rel=1e-3, abs=0)

    def test_retracting_stops_where_it_would_press_the_tip_on(self):
        world, _, axis = simulated(drift=0.0, motion=-1.0)
        stage = positioner(axis, retracted=60e-6)
        with pytest.raises(DeviceError, match="wrong way"):
            stage.safe()
        world.clock.sleep(10.0)
        assert world.level("positioner.distance") > 40e-6

    def test_turning_back_is_no_wrong_way(self):
        world, _, axis = simulated(drift=0.0)
        stage = positioner(axis)
        for place in (10e-6, 2e-6, 1e-6, 1.2e-6, 0.9e-6, 30e-6, 300e-9):
            stage.position = place
            world.clock.sleep(3.0)
            assert stage.measured_position == pytest.approx(place, rel=0, abs=3e-9)

    def test_a_stuck_stage_is_said_when_it_is_to_retract(self):
        _, _, axis = simulated(motion=0.0)
        with pytest.raises(DeviceError, match="retract it by hand"):
            positioner(axis, retracted=20e-6).safe()

    def test_a_ramp_of_short_steps_the_wrong_way_is_stopped_too(self):
        """Each step of 10 nm alone is less than what counts as the wrong way."""
        world, _, axis = simulated(drift=0.0, noise=0.0, motion=-1.0)
        stage = positioner(axis)
        began = stage.measured_position

        def ramp():
            for step in range(1, 200):
                stage.position = began - 10e-9 * step
                world.clock.sleep(2e-4)  # 10 nm at 50 µm/s

        with pytest.raises(DeviceError, match="wrong way"):
            ramp()
        assert abs(stage.measured_position - began) < 100e-9

    def test_a_stage_whose_servo_was_switched_off_is_retracted(self):
        world, _, axis = simulated(drift=0.0, noise=0.0)
        stage = positioner(axis, retracted=80e-6)
        stage.position = 300e-9
        world.clock.sleep(10.0)
        axis.servo_enabled = False
        stage.safe()
        assert world.level("positioner.distance") == pytest.approx(80e-6, rel=0.01, abs=0)

    def test_a_slow_stage_is_given_the_time_of_its_way(self):
        """80 µm at 2 µm/s are 40 s, far more than the few seconds that a stage may be late."""
        world, _, axis = simulated(drift=0.0, noise=0.0)
        stage = positioner(axis, retracted=80e-6)
        stage.position = 300e-9
        world.clock.sleep(10.0)
        axis.velocity = 2.0
        before = world.clock.now()
        stage.safe()
        assert 35.0 < world.clock.now() - before < 45.0

    def test_a_stage_on_its_way_is_doubted(self):
        world, _, axis = simulated(drift=0.0, noise=0.0)
        stage = positioner(axis)
        assert stage.doubts() == ()
        stage.position = 2e-6
        assert stage.doubts() == ("the stage is not on its target",)
        world.clock.sleep(10.0)
        assert stage.doubts() == ()

    def test_settings_are_read_back(self):
        _, _, axis = simulated(noise=0.0)
        axis.velocity = 25.0
        found = positioner(axis).settings()
        assert found["servo_enabled"] is True
        assert found["position"] == pytest.approx(50e-6, rel=1e-9, abs=0)
        assert found["velocity"] == pytest.approx(25e-6, rel=1e-9, abs=0)
        assert found["contact"] == pytest.approx(100e-6, rel=1e-9, abs=0)
