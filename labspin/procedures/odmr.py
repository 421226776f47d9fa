"""Both lines of centres near a film, field by field: where they are, and what field and film did.

Light pumps into |0>, a weak microwave pulse of one frequency follows, and light reads out: the contrast dips
where the frequency meets a line. At each field the lower line is looked for around where it is expected, D −
γB less what it was off at the field before, then the upper line. A Gaussian through the dip gives the line
with its error.

From the pair follow the field at the centres and its angle to their axis
(`labspin.physics.nv.field_of_pair`). Where the angle is larger than ``largest_angle`` by twice its error, the
run ends: the rates of such centres are not those of centres along the field. The film shifts both lines. The
lower one is off D − γB by its shift, and by whatever the magnet's field is off: 1 µT is 28 kHz. The sum of
both lines does not know the field; what it is off 2D is the sum of the shifts, and the recipe ``odmr``
fits the distance to it (``spin_wave_shift``).
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labspin.bench import Bench
from labspin.data import Column
from labspin.errors import DeviceError, PlanError
from labspin.experiment import CountParameter, Point, QuantityParameter, Sweep, Values
from labspin.instruments import PulseSequence
from labspin.physics.nv import field_of_pair
from labspin.procedures.field_by_field import LINES, FieldByField
from labspin.procedures.lists import QuantityListParameter
from labspin.procedures.pulsed import TRIGGER

__all__ = ["ODMR"]

FloatArray = NDArray[np.float64]
_log = logging.getLogger(__name__)
_CLEAR = 4.0  # standard errors that the depth of a dip must have to be called one


class _Quantities:
    """The columns: arrays over the frequencies of an instance, or of the default, asked of the class."""

    def __get__(self, procedure: Any, kind: type) -> tuple[Column, ...]:
        count = 21 if procedure is None else int(procedure.points)
        columns = []
        for line in LINES:
            columns += [
                Column(name=f"frequency_{line}", unit="Hz", shape=(count,), description="of the pulse"),
                Column(name=f"contrast_{line}", shape=(count,), description="after the pulse"),
                Column(name=f"contrast_{line}_errors", shape=(count,), description="its standard error"),
                Column(name=f"line_{line}", unit="Hz", description="centre of the dip"),
                Column(name=f"line_{line}_errors", unit="Hz", description="its standard error"),
            ]
        return (
            *columns,
            Column(name="lower_shift", unit="Hz", description="lower line less D - γB of the magnet"),
            Column(name="lower_shift_errors", unit="Hz", description="its standard error"),
            Column(name="pair_shift", unit="Hz", description="sum of both lines less 2D"),
            Column(name="pair_shift_errors", unit="Hz", description="its standard error"),
            Column(name="field_of_lines", unit="T", description="from both lines"),
            Column(name="angle", unit="rad", description="of the field to the axis"),
            Column(name="angle_errors", unit="rad", description="its standard error"),
        )


class ODMR(FieldByField):
    """Both lines of spin-1 centres against the field, by pulses."""

    name = "odmr"
    quantities = _Quantities()
    signal = "pair_shift"

    fields = QuantityListParameter(
        "Magnet fields", units="T", default="10 mT, 20 mT", description="One after the other"
    )
    span = QuantityParameter("Width of the search", units="Hz", minimum=1e3, default="6 MHz")
    points = CountParameter("Frequencies at each line", minimum=6, maximum=10_000, default=21)
    pulse = QuantityParameter("Microwave pulse", units="s", minimum=1e-9, default="1 us")
    largest_angle = QuantityParameter(
        "Largest angle of the field to the axis", units="rad", minimum=1e-3, maximum=math.pi / 2,
        default="3 deg", description="A larger one ends the run",
    )  # fmt: skip
    seed = CountParameter("Seed of the order", default=0)

    def plan(self) -> Sweep:
        """Return the fields."""
        self.gates()
        for field in self.fields:
            self.expected(field)
        return Values("magnet.field", self.fields, unit="T")

    def expected(self, field: float) -> tuple[float, float]:
        """Return where the lines of a centre along the field are, Hz.

        Parameters
        ----------
        field
            T, ≥ 0.

        Raises
        ------
        PlanError
            The lines cross zero or each other within the search.
        """
        lower, upper = self.lines(field)
        if lower <= self.span:
            raise PlanError(
                f"procedure 'odmr': wanted fields of less than "
                f"{(self.zero_field_splitting - self.span) / self.gyromagnetic_ratio:.4g} T, where the "
                f"search for the lower line reaches zero, got {field:g} T"
            )
        return lower, upper

    def sequence(self) -> PulseSequence:
        """Return one period: light, guard, pulse, light."""
        dark = (
            PulseSequence()
            .then("laser", duration=self.laser_duration)
            .wait(self.guard_time)
            .then("microwave", duration=self.pulse)
        )
        readout = dark.pulse("laser", start=dark.duration, duration=self.laser_duration)
        return readout.pulse("trigger", start=dark.duration, duration=TRIGGER)

    def sequences(self) -> dict[str, PulseSequence]:
        """Return the sequence, to be drawn."""
        return {"pulse": self.sequence()}

    def played(self) -> Iterable[PulseSequence]:
        """Return the only sequence."""
        return [self.sequence()]

    def duration(self, point: Point) -> float:
        """Return the time for which the sequence is played at a field, s.

        Parameters
        ----------
        point
            Not used: all take equally long.
        """
        return float(2 * self.points * self.repetitions * self.sequence().duration)

    def check(self, bench: Bench) -> None:
        """Raise an error if the instruments cannot make the sequence, the gates or the lines.

        Parameters
        ----------
        bench
            The instruments.
        """
        super().check(bench)
        half = 0.5 * self.span
        for field in self.fields:
            for line in self.expected(field):
                bench.actuator("microwave.frequency").check(np.array([line - half, line + half]))

    def prepare(self, bench: Bench) -> None:
        """Switch the microwave on, and forget where lines were.

        Parameters
        ----------
        bench
            The connected instruments.
        """
        super().prepare(bench)
        self._off = dict.fromkeys(LINES, 0.0)

    def measure(self, bench: Bench, point: Point) -> Mapping[str, object]:
        """Measure the spectrum around both lines, and what follows from it.

        Parameters
        ----------
        bench
            The connected instruments.
        point
            The point, with the field in T as set-point.

        Returns
        -------
        Mapping
            Spectra, lines, shift, field and angle; NaN where a line was not found.

        Raises
        ------
        DeviceError
            The field is not along the axis.
        """
        field = point.setpoints["magnet.field"]
        rng = np.random.default_rng([int(self.seed), round(1e7 * field)])
        found: dict[str, Any] = {}
        for name, expected in zip(LINES, self.expected(field), strict=True):
            found |= self._line(bench, name, expected + self._off[name], rng)
            if math.isfinite(found[f"line_{name}"]):
                self._off[name] = found[f"line_{name}"] - expected
            else:
                _log.warning("odmr: no %s line at %g T within %g Hz; widen 'span'", name, field, self.span)
        found |= self._field(found["line_lower"], found["line_upper"], found)
        found["lower_shift"] = found["line_lower"] - self.expected(field)[0]
        found["lower_shift_errors"] = found["line_lower_errors"]
        found["pair_shift"] = found["line_lower"] + found["line_upper"] - 2 * self.zero_field_splitting
        found["pair_shift_errors"] = math.hypot(found["line_lower_errors"], found["line_upper_errors"])
        if found["angle"] - 2 * found["angle_errors"] > self.largest_angle:
            raise DeviceError(
                f"procedure 'odmr': wanted a field along the axis within "
                f"{math.degrees(self.largest_angle):.2g}°, the lines at {field:g} T say "
                f"{math.degrees(found['angle']):.2g}°; turn the magnet or the diamond"
            )
        return found

    def _line(self, bench: Bench, name: str, middle: float, rng: np.random.Generator) -> dict[str, object]:
        """Count at frequencies around a line in a random order, and fit the dip."""
        frequency = middle + np.linspace(-0.5, 0.5, self.points) * self.span
        contrast, error = np.empty((2, self.points))
        for at in rng.permutation(self.points).tolist():
            bench.actuator("microwave.frequency").move(float(frequency[at]))
            counts = self.count(bench, self.sequence(), self.gates())
            self.watch(bench, int(counts[1]))
            contrast[at], error[at] = self.contrast(*(int(count) for count in counts))
        centre, centre_error = dip_centre(frequency, contrast, error)
        return {
            f"frequency_{name}": frequency,
            f"contrast_{name}": contrast,
            f"contrast_{name}_errors": error,
            f"line_{name}": centre,
            f"line_{name}_errors": centre_error,
        }

    def _field(self, lower: float, upper: float, found: Mapping[str, Any]) -> dict[str, float]:
        """Return the field and its angle, with the angle's error, from the lines."""
        if not (math.isfinite(lower) and math.isfinite(upper)) or lower > upper:
            return {"field_of_lines": math.nan, "angle": math.nan, "angle_errors": math.nan}
        d = float(self.zero_field_splitting)
        pair = field_of_pair(lower=lower, upper=upper, splitting=d)
        error = math.hypot(found["line_lower_errors"], found["line_upper_errors"])
        # f₁ + f₂ − 2D = 3β⊥²/D to lowest order: its error is that of the angle's square.
        beta = max(float(pair.strength), 1.0)
        square = float(pair.angle) ** 2
        spread = d * error / (3 * beta**2)
        angle_error = math.sqrt(square + spread) - float(pair.angle)
        return {
            "field_of_lines": float(pair.strength) / self.gyromagnetic_ratio,
            "angle": float(pair.angle),
            "angle_errors": angle_error,
        }


def dip_centre(frequency: FloatArray, contrast: FloatArray, error: FloatArray) -> tuple[float, float]:
    """Return the centre of a Gaussian dip and its standard error, Hz; NaN where there is none.

    Parameters
    ----------
    frequency
        Hz, ascending, shape (n,).
    contrast, error
        Contrast and error of each frequency, shape (n,).
    """
    from scipy.optimize import curve_fit

    middle, half = float(np.mean(frequency)), 0.5 * float(np.ptp(frequency))
    x = (frequency - middle) / half
    start = _likeliest_dip(x, contrast, error)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what curve_fit warns of has infinite errors, and is no dip
        try:
            values, covariance = curve_fit(
                _dip, x, contrast, start, error, absolute_sigma=True, jac=_dip_slopes, maxfev=2000
            )
        except RuntimeError:
            return math.nan, math.nan
    deviations = np.sqrt(np.diagonal(covariance))
    seen = values[1] > _CLEAR * deviations[1] and abs(values[2]) < 1 and np.isfinite(deviations).all()
    if not seen:
        return math.nan, math.nan
    return middle + half * float(values[2]), half * float(deviations[2])


def _dip(x: FloatArray, offset: float, depth: float, centre: float, width: float) -> FloatArray:
    return np.asarray(offset - depth * np.exp(-0.5 * ((x - centre) / width) ** 2))


def _dip_slopes(x: FloatArray, offset: float, depth: float, centre: float, width: float) -> FloatArray:
    """Return the derivatives of a dip, shape (n, 4): MINPACK's own steps vanish beside a centre near 0."""
    del offset
    z = (x - centre) / width
    bell = np.exp(-0.5 * z**2)
    slope = -depth * bell * z / width
    return np.stack([np.ones_like(x), -bell, slope, slope * z], axis=1)


def _likeliest_dip(
    x: FloatArray, contrast: FloatArray, error: FloatArray
) -> tuple[float, float, float, float]:
    """Return offset, depth, centre and width of the best dip of a grid of centres and widths."""
    centres, widths = np.linspace(-1.0, 1.0, 2 * x.size - 1), np.geomspace(2.0 / x.size, 1.0, 8)
    bells = np.exp(-0.5 * ((x - centres[:, None, None]) / widths[:, None]) ** 2)
    weights = error**-2 / np.sum(error**-2)
    mean = float(weights @ contrast)
    apart = bells - (bells @ weights)[..., None]
    overlaps = -(apart * weights) @ (contrast - mean)
    sizes = (apart**2) @ weights
    depths = overlaps / sizes
    place = np.unravel_index(np.argmax(np.where(depths > 0, overlaps * depths, -1.0)), depths.shape)
    depth = float(depths[place])
    centre, width = float(centres[place[0]]), float(widths[place[1]])
    return mean + depth * float((bells @ weights)[place]), depth, centre, width
