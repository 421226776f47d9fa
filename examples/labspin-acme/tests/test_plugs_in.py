"""What the package brings is found by name, and works together: supply, emitter, procedure and model."""

from pathlib import Path

import numpy as np
import pytest
from pymeasure.test import expected_protocol

from labspin.analysis import fit_run, load_model
from labspin.cli import main
from labspin.data import read_run
from labspin.errors import LabspinError
from labspin.instruments import load_driver

HERE = Path(__file__).parent
NOTHING_WRONG = ("SYST:ERR?", '0,"No error"')


def test_the_supply_speaks_its_language_and_refuses_what_is_out_of_limits():
    driver = load_driver("acme_supply").driver
    with expected_protocol(driver, [("VOLT 1.500000", None), NOTHING_WRONG, ("MEAS?", "1.499")]) as device:
        device.level = 1.5
        assert device.measured_level == 1.499
    with expected_protocol(driver, []) as device, pytest.raises(LabspinError):
        device.level = 10.1


def test_derivatives_of_the_model_are_those_of_the_function():
    model, values = load_model("saturation_with_background"), np.array([3e5, 2e-3, 1e6])
    x = np.linspace(1e-4, 1e-2, 9)
    _, slopes = model.derivatives(x, values)
    for number, value in enumerate(values):
        step = values.astype(complex)
        step[number] += 1j * 1e-20 * value
        expected = model.function(x, *step).imag / (1e-20 * value)
        np.testing.assert_allclose(slopes[number], expected, rtol=1e-12, atol=0)


def test_the_procedure_runs_on_the_supply_and_the_emitter_and_the_model_fits(tmp_path):
    assert main(["run", str(HERE / "card.toml"), "--output", str(tmp_path), "--no-watchdog"]) == 0
    (file,) = tmp_path.glob("*.h5")
    run = read_run(file)
    assert run.status == "finished"
    (fit,) = fit_run(run, HERE / "recipe.toml")
    # 2e5 photons/s at infinite power, in 2000 gates of 200 µs; half of them at 1 mW, which is 1 V.
    assert abs(fit["rate"].value - 2e5 * 200e-6 * 2000) < 5 * fit["rate"].stderr
    assert abs(fit["saturation_power"].value - 1.0) < 5 * fit["saturation_power"].stderr
    assert fit["saturation_power"].stderr < 0.05


def test_names_are_shown_like_those_of_labspin(capsys):
    for name in ("acme_supply", "noise_floor", "saturation_with_background"):
        assert main(["show", name]) == 0
        assert name in capsys.readouterr().out
