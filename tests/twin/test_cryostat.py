"""The cold stage of the cryostat, by itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from labspin.twin.samples.cryostat import Cryostat, CryostatSettings


class TestCryostat:
    """The cold stage by itself."""

    OFF: dict[str, float] = {"heater": 0.0, "setpoint": 0.0, "limit": 1e-3}  # noqa: RUF012

    def test_a_heater_of_constant_power_warms_to_the_balance_of_flows(self) -> None:
        stage = Cryostat(CryostatSettings())
        stage.advance(1e5, heater=1e-6, setpoint=0.0, limit=1e-3)
        balance = math.sqrt(0.02**2 + 2 * 1e-6 / 2e-4)
        assert stage.stage_temperature == pytest.approx(balance, rel=1e-6, abs=0)
        assert stage.sample_temperature == pytest.approx(balance, rel=1e-6, abs=0)

    def test_stage_and_sample_against_the_heat_equation(self) -> None:
        settings = CryostatSettings()
        stage = Cryostat(settings)
        # C = γT with γ = g τ: γ T dT/dt = P − g (T² − T0²)/2; the sample is a second such body.
        g, tau = settings.conductance, settings.stage_time

        def rate(_: float, y: np.ndarray) -> list[float]:
            flow = 5e-6 - g / 2 * (y[0] ** 2 - settings.base_temperature**2)
            return [
                flow / (g * tau / 2 * 2 * y[0]),
                (y[0] ** 2 - y[1] ** 2) / (2 * y[1] * settings.sample_time),
            ]

        path = solve_ivp(rate, (0, 90), [0.02, 0.02], "DOP853", rtol=1e-11, atol=1e-13)
        for _ in range(9):
            stage.advance(10.0, heater=5e-6, setpoint=0.0, limit=1e-3)
        assert [stage.stage_temperature, stage.sample_temperature] == pytest.approx(
            path.y[:, -1], rel=1e-8, abs=0
        )

    def test_the_sample_lags_behind_the_thermometer(self) -> None:
        stage = Cryostat(CryostatSettings())
        stage.advance(30.0, heater=0.0, setpoint=0.3, limit=1e-3)
        # The loop is through with its own 7.5 s, the sample not yet with its 20 s.
        assert 0.3 - stage.stage_temperature < 0.01
        assert 0.3 - stage.sample_temperature > 0.03
        stage.advance(300.0, heater=0.0, setpoint=0.3, limit=1e-3)
        assert stage.sample_temperature == pytest.approx(0.3, rel=1e-3, abs=0)

    @pytest.mark.parametrize("setpoint", [0.03, 0.1, 1.0])
    def test_the_loop_holds_any_temperature_without_overshoot(self, setpoint: float) -> None:
        stage = Cryostat(CryostatSettings())
        seen = []
        for _ in range(600):
            stage.advance(2.0, heater=0.0, setpoint=setpoint, limit=1e-3)
            seen.append(stage.stage_temperature)
        assert seen[-1] == pytest.approx(setpoint, rel=1e-6, abs=0)
        assert max(seen) < 1.02 * setpoint

    def test_the_heater_is_limited_and_cannot_cool(self) -> None:
        stage = Cryostat(CryostatSettings())
        stage.advance(1e4, heater=0.0, setpoint=2.0, limit=1e-5)
        assert stage.power == 1e-5
        assert stage.stage_temperature == pytest.approx(math.sqrt(0.02**2 + 0.1), rel=1e-6, abs=0)
        stage.advance(10.0, heater=0.0, setpoint=0.01, limit=1e-5)
        assert stage.power == 0.0
        stage.advance(1e5, heater=0.0, setpoint=0.01, limit=1e-5)
        assert stage.stage_temperature == pytest.approx(0.02, rel=1e-6, abs=0)

    def test_the_way_does_not_depend_on_how_often_one_looks(self) -> None:
        stages = [Cryostat(CryostatSettings()) for _ in range(2)]
        stages[0].advance(100.0, heater=0.0, setpoint=0.2, limit=1e-4)
        for _ in range(250):
            stages[1].advance(0.4, heater=0.0, setpoint=0.2, limit=1e-4)
        assert stages[0].sample_temperature == pytest.approx(stages[1].sample_temperature, rel=1e-6, abs=0)
