"""Where a resonance is and how wide: quick estimates from a sweep or a ring-down, and a search that zooms in.

Both kinds of data are one complex pole p and two complex amplitudes, y = a g(x; p) + b with

=========  ==============  ============================================================
data       g(x; p)         p
=========  ==============  ============================================================
sweep      1/(x − p)       f0 + i f0/2Q, near the resonance; b holds the cross-talk
ring-down  exp(p x)        2πi (f0 − f) − π f0/Q, f being the frequency of the reference
=========  ==============  ============================================================

g is analytic in p, so Gauss and Newton's step is one complex linear least-squares problem, and a fit takes
a few milliseconds: quick enough to steer a sweep by. The estimates are good to first order in 1/Q and
in (f − f0)/f0; the fits of `labspin.analysis` use the exact response.

A lock-in whose Y counts the other way mirrors the pole; both are understood.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labspin.errors import FitError
from labspin.physics.mrfm import RingDownNoise, estimate_ring_down_noise

__all__ = [
    "Resonance",
    "resonance_from_ring_down",
    "resonance_from_sweep",
    "search_resonance",
    "sweep_frequencies",
]

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]
Basis = Callable[[FloatArray, complex], tuple[ComplexArray, ComplexArray]]
Whiten = Callable[[ComplexArray], ComplexArray]
Sweeper = Callable[[FloatArray, float], tuple[FloatArray, ComplexArray]]

_STEPS = 30  # of Gauss and Newton
_FEWEST = 6  # points of a fit: twice its complex parameters
_THINNEST = 1e-9  # a pole stays this far from the real axis, in units of half the range

_ATTEMPTS, _STAGES = 3, 12  # searches from the beginning, and sweeps in each
_DENSER = 4  # times as many points in the first sweeps of the next attempt, and as slow
_LOOKS = 2  # sweeps of one density, the second slower, before the next attempt
_CLEAR = 0.5  # part of the variance that a fit must explain to be believed
_CHANCE = 9.0  # a part of (ln n + this)/n is explained by chance in one of 10⁴ sweeps of n points of noise
_SHARP = 0.25  # standard error of a frequency, in linewidths, that is believed
_RESOLVED = 10.0  # linewidths that a window may hold for its line to be called resolved
_WIDE = 6.0  # width of the next window, in linewidths
_SHRINK = 16.0  # how much narrower the next window may be
_SLOWER = 4.0  # how much longer the next sweep dwells at most
_RINGS = 1.5  # ring-down times waited in the last sweep of a search


@dataclass(frozen=True)
class Resonance:
    """An estimate of a resonance.

    Attributes
    ----------
    frequency, frequency_error
        f0 and its standard error from the scatter about the fit, Hz.
    inverse_quality, inverse_quality_error
        1/Q and its standard error.
    amplitude
        Amplitude of the response on resonance, or of the ring-down at its beginning, V.
    explained
        Part of the variance that the fit explains, 0 to 1.
    """

    frequency: float
    frequency_error: float
    inverse_quality: float
    inverse_quality_error: float
    amplitude: float
    explained: float

    @property
    def linewidth(self) -> float:
        """Full width f0/Q of the power response at half maximum, Hz."""
        return self.frequency * self.inverse_quality

    @property
    def ring_down_time(self) -> float:
        """Time Q/πf0 in which a free amplitude falls by e, s."""
        return 1 / (math.pi * self.linewidth)


def resonance_from_sweep(frequency: FloatArray, response: ComplexArray) -> Resonance:
    """Return the resonance in a settled sweep.

    Parameters
    ----------
    frequency
        Frequency of the drive, Hz, shape (n,) with n ≥ 6, any order and spacing.
    response
        X + iY, V, shape (n,).

    Raises
    ------
    FitError
        Too few points, or no resonance in them.
    """
    f, y = _checked("sweep", frequency, response)
    centre, scale = float(f.mean()), 0.5 * float(np.ptp(f)) or 1.0
    x = (f - centre) / scale
    p, a, error, explained = _fit_pole(_simple_pole, x, y, _rational_start(x, y))
    width = 2 * scale * abs(p.imag)
    # The modulus of the pole is √(k/m), its real part is a little less.
    f0 = math.copysign(math.hypot(centre + scale * p.real, 0.5 * width), centre + scale * p.real)
    if not (f0 > 0 and width > 0):
        raise FitError(
            f"sweep: wanted a resonance above 0 Hz, got one at {f0:g} Hz of width {width:g} Hz; "
            "sweep where it is"
        )
    return Resonance(f0, scale * error, width / f0, 2 * scale * error / f0, float(abs(a / p.imag)), explained)


def resonance_from_ring_down(time: FloatArray, response: ComplexArray, reference: float) -> Resonance:
    """Return the resonance that rings down.

    Thermal motion decays with the same time as the ring-down itself, so it does not average out within
    one: the fit is weighted by its covariance and that of white noise, both estimated from the data
    (`labspin.physics.mrfm.RingDownNoise`). Points are taken to be so far apart that the filter of the
    detection has forgotten one at the next.

    Parameters
    ----------
    time
        s, shape (n,) with n ≥ 6, ascending; begins after the filter has forgotten the drive.
    response
        X + iY against the reference, V, shape (n,).
    reference
        Frequency of the reference, Hz.

    Raises
    ------
    FitError
        Too few points, or what they show does not decay.
    """
    t, y = _checked("ring-down", time, response)
    begin, scale = float(t[0]), float(np.ptp(t)) or 1.0
    x = (t - begin) / scale
    p, a, error, explained = _fit_pole(_decay, x, y, _decay_start(x, y))
    if (noise := _decay_noise(x, y, p)) is not None:
        p, a, error, _ = _fit_pole(_decay, x, y, p, noise.whiten)
    rate = -p.real / scale
    ringing = reference + p.imag / (2 * math.pi * scale)
    f0 = math.hypot(ringing, rate / (2 * math.pi))
    if not (rate > 0 and ringing > 0):
        raise FitError(
            f"ring-down at {reference:g} Hz: wanted a decay, got an amplitude that changes at {-rate:g} 1/s; "
            "record longer, or drive harder before"
        )
    error /= scale
    return Resonance(
        f0, error / (2 * math.pi), rate / (math.pi * f0), error / (math.pi * f0), float(abs(a)), explained
    )


def sweep_frequencies(
    resonance: Resonance, *, span: float, points: int, low: float = 0.0, high: float = math.inf
) -> FloatArray:
    """Return frequencies (Hz, ascending) at which the response goes round its circle in equal steps.

    Parameters
    ----------
    resonance
        About where it is.
    span
        From the first to the last frequency, in linewidths.
    points
        Their number.
    low, high
        Bounds that the sweep does not leave, Hz.
    """
    half = 0.5 * resonance.linewidth
    ends = [math.atan((bound - resonance.frequency) / half) for bound in (low, high)]
    begin, end = max(-math.atan(span), ends[0]), min(math.atan(span), ends[1])
    return np.clip(resonance.frequency + half * np.tan(np.linspace(begin, end, points)), low, high)


def search_resonance(
    sweep: Sweeper,
    *,
    low: float,
    high: float,
    points: int,
    settle: float,
    longest: float,
    around: tuple[float, float] | None = None,
) -> Resonance:
    """Return the resonance between ``low`` and ``high``, found by sweeps that zoom in.

    The first sweep is wide and does not wait for the ring-down, which is not known yet. A sweep that was too
    fast to show a pole is repeated four times as slowly; one that shows a pole but does not resolve the line
    is followed by a narrower one about it. The search ends with a sweep that resolves the line and has
    waited for the ring-down time that it shows. One that loses its way, or shows nothing, starts again, with
    four times as many points: a narrow line between two of them hides in the thermal motion, however long
    they last.

    Parameters
    ----------
    sweep
        ``sweep(frequencies, dwell)`` measures after ``dwell`` s at each frequency (Hz) and returns the
        frequencies as they were made and X + iY.
    low, high
        Where to look, Hz.
    points
        Points of each sweep.
    settle
        Least dwell: settling time of the detection, s.
    longest
        Longest ring-down time that is waited for, s.
    around
        Where to look first, Hz; if that sweep shows nothing, the whole range is searched.

    Raises
    ------
    FitError
        No resonance was found.
    """
    zoom = _Zoom(sweep, low, high, points, settle, settle + _RINGS * longest)
    if around is not None:
        found = zoom.search(max(low, around[0]), min(high, around[1]), settle, looks=1)
        if found is not None:
            return found
    for attempt in range(_ATTEMPTS):
        begin = min(settle * _DENSER**attempt, zoom.longest_dwell)
        found = zoom.search(low, high, begin, looks=_LOOKS, points=points * _DENSER**attempt)
        if found is not None:
            return found
    raise FitError(
        f"resonance: none found between {low:g} and {high:g} Hz in {_ATTEMPTS} searches of {points} to "
        f"{points * _DENSER ** (_ATTEMPTS - 1)} points a sweep; search elsewhere or in a smaller range, "
        "drive harder, or allow for a longer ring-down time"
    )


@dataclass(frozen=True)
class _Zoom:
    """A search: how to sweep, where to look (Hz), points of a sweep, least and longest dwell (s)."""

    sweep: Sweeper
    low: float
    high: float
    points: int
    settle: float
    longest_dwell: float

    def search(
        self, begin: float, end: float, dwell: float, *, looks: int, points: int | None = None
    ) -> Resonance | None:
        """Return the resonance, looking from ``begin`` to ``end`` first; None if the way was lost.

        The first look is repeated, more slowly, up to ``looks`` times, with ``points``.
        """
        for stage in range(_STAGES):
            span, wide = end - begin, stage < looks
            count = points if points and wide and (begin, end) == (self.low, self.high) else self.points
            seen = self._look(np.linspace(begin, end, count), dwell)
            longest = self.longest_dwell * min(1.0, _DENSER * self.points / count)
            if seen is None:
                if dwell >= longest or stage == looks - 1:
                    return None
                dwell = min(_SLOWER * dwell, longest)
                continue
            if begin <= seen.frequency <= end and self._is_settled(seen, span, dwell):
                return seen
            width = self._next_width(seen, begin, end)
            dwell = min(max(dwell, self._needed(seen)), _SLOWER * dwell)
            begin, end = max(self.low, seen.frequency - width / 2), min(self.high, seen.frequency + width / 2)
        return None

    def _look(self, frequencies: FloatArray, dwell: float) -> Resonance | None:
        """Return the resonance that a sweep shows, if it clearly shows one where to look.

        Of a line that is narrower than a step little is explained, and its width is not known; where it is
        is known to the step.
        """
        made, response = self.sweep(frequencies, dwell)
        try:
            seen = resonance_from_sweep(made, response)
        except FitError:
            return None
        count, span = len(frequencies), float(frequencies[-1] - frequencies[0])
        enough, known = _CLEAR, seen.linewidth
        if not self._is_resolved(seen, span):
            enough = min(enough, (math.log(count) + _CHANCE) / count)
            known = max(known, span / (count - 1))
        is_clear = seen.explained > enough and seen.frequency_error < _SHARP * known
        return seen if is_clear and self.low <= seen.frequency <= self.high else None

    def _is_resolved(self, seen: Resonance, span: float) -> bool:
        return seen.linewidth * _RESOLVED >= span

    def _needed(self, seen: Resonance) -> float:
        return min(self.settle + _RINGS * seen.ring_down_time, self.longest_dwell)

    def _is_settled(self, seen: Resonance, span: float, dwell: float) -> bool:
        return self._is_resolved(seen, span) and dwell >= 0.7 * self._needed(seen)

    def _next_width(self, seen: Resonance, begin: float, end: float) -> float:
        """Return a window of a few linewidths that is not too much narrower, and wider if it has to move."""
        span = end - begin
        width = min(max(_WIDE * seen.linewidth, span / _SHRINK), 2 * span)
        return width if begin <= seen.frequency <= end else max(width, span)


# -- one complex pole -------------------------------------------------------------------------------------


def _checked(what: str, x: FloatArray, y: ComplexArray) -> tuple[FloatArray, ComplexArray]:
    x, y = np.asarray(x, np.float64), np.asarray(y, np.complex128)
    is_one_row = x.ndim == 1 and x.shape == y.shape
    there = np.isfinite(x) & np.isfinite(y) if is_one_row else np.zeros(1, bool)
    if there.sum() < _FEWEST:
        raise FitError(
            f"{what}: wanted x and y of one shape (n,) with at least {_FEWEST} finite points, got {x.shape} "
            f"and {y.shape}"
        )
    return x[there], y[there]


def _simple_pole(x: FloatArray, p: complex) -> tuple[ComplexArray, ComplexArray]:
    if abs(p.imag) < _THINNEST:
        p = complex(p.real, math.copysign(_THINNEST, p.imag))
    g = np.asarray(1 / (x - p), np.complex128)
    return g, g * g


def _decay(x: FloatArray, p: complex) -> tuple[ComplexArray, ComplexArray]:
    g: ComplexArray = np.exp(
        complex(min(p.real, 30.0), p.imag) * x
    )  # one that grows is refused later, finite
    return g, x * g


def _rational_start(x: FloatArray, y: ComplexArray) -> complex:
    """Return the pole of the (a + b x)/(x − p) that fits best; linear, and weighted again a few times."""
    weight = np.ones_like(x)
    p = 0j
    for _ in range(6):
        matrix = np.stack([np.ones_like(y), x.astype(complex), y], axis=1) * weight[:, None]
        p = complex(np.linalg.lstsq(matrix, x * y * weight, rcond=None)[0][2])
        weight = 1 / np.maximum(np.abs(x - p), 1e-6)
    return p


def _decay_start(x: FloatArray, y: ComplexArray) -> complex:
    """Return the pole of the best of a grid of decays, at the strongest frequency."""
    steady = np.interp(np.linspace(0, 1, x.size), x, y)
    rest = steady[-max(x.size // 10, 1) :].mean()
    spectrum = np.abs(np.fft.fft(steady - rest, 8 * x.size))
    turns = float(np.fft.fftfreq(8 * x.size, 1 / max(x.size - 1, 1))[int(np.argmax(spectrum))])
    poles = -np.geomspace(0.1, x.size / 2, 60) + 2j * math.pi * turns
    costs = []
    for p in poles:
        matrix = np.stack([np.exp(p * x), np.ones_like(y)], axis=1)
        solution = np.linalg.lstsq(matrix, y, rcond=None)[0]
        costs.append(float(np.sum(np.abs(y - matrix @ solution) ** 2)))
    return complex(poles[int(np.argmin(costs))])


def _decay_noise(x: FloatArray, y: ComplexArray, p: complex) -> RingDownNoise | None:
    """Return thermal and white noise on a decay of pole p; None where nothing decays, or nothing is left."""
    if not p.real < 0:
        return None
    a, b, _ = _linear(_decay, x, y, p)
    g, slope = _decay(x, p)
    columns = np.stack([g, a * slope, np.ones_like(y)])
    return estimate_ring_down_noise(
        time=x,
        residual=y - a * g - b,
        derivatives=np.concatenate([columns, 1j * columns]),
        ring_down_time=-1 / p.real,
        detuning=p.imag / (2 * math.pi),
    )


def _same(values: ComplexArray) -> ComplexArray:
    return values


def _linear(
    basis: Basis, x: FloatArray, y: ComplexArray, p: complex, whiten: Whiten = _same
) -> tuple[complex, complex, float]:
    """Return a and b for a given pole, and the sum of squares left."""
    matrix = whiten(np.stack([basis(x, p)[0], np.ones_like(y)])).T
    wanted = whiten(y)
    solution = np.linalg.lstsq(matrix, wanted, rcond=None)[0]
    return complex(solution[0]), complex(solution[1]), float(np.sum(np.abs(wanted - matrix @ solution) ** 2))


def _fit_pole(
    basis: Basis, x: FloatArray, y: ComplexArray, p: complex, whiten: Whiten = _same
) -> tuple[complex, complex, float, float]:
    """Return pole, amplitude, standard error of each part of the pole, and the part that is explained."""
    a, b, cost = _linear(basis, x, y, p, whiten)
    for _ in range(_STEPS):
        g, _ = basis(x, p)
        matrix = _tangents(basis, x, a, p, whiten)
        step = complex(np.linalg.lstsq(matrix, whiten(y - a * g - b), rcond=None)[0][2])
        size = 1.0
        while size > 1e-4:
            new_a, new_b, new_cost = _linear(basis, x, y, p + size * step, whiten)
            if new_cost <= cost:
                break
            size *= 0.5
        else:
            break
        p, a, b, cost = p + size * step, new_a, new_b, new_cost
        if abs(size * step) < 1e-10 * (1 + abs(p)):
            break
    total = float(np.sum(np.abs(whiten(y - y.mean())) ** 2))
    matrix = _tangents(basis, x, a, p, whiten)
    variance = cost / max(len(matrix) - 3, 1)
    curvature = np.linalg.pinv(matrix.conj().T @ matrix, hermitian=True)
    # The variance of a complex number is shared by its two parts.
    error = math.sqrt(max(0.5 * variance * float(curvature[2, 2].real), 0.0))
    return p, complex(a), error, 1 - cost / total if total > 0 else 0.0


def _tangents(basis: Basis, x: FloatArray, a: complex, p: complex, whiten: Whiten) -> ComplexArray:
    """Return the derivatives of a g + b with respect to a, b and p, shape (n, 3)."""
    g, slope = basis(x, p)
    return whiten(np.stack([g, np.ones_like(g), a * slope])).T
