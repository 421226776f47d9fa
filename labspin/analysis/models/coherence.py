"""Decay of a coherence: Ramsey fringes, echoes, and how T2 grows with the number of pulses.

========== =============================================================================
argument   meaning
========== =============================================================================
x          time of evolution; of ``decoupling_scaling`` the number N of π pulses
amplitude  signal at x = 0 above the offset
detuning   of the microwave from the middle of the line
splitting  distance of neighbouring hyperfine lines
T2_star    time in which the coherence falls to 1/e without refocusing
T2         time in which the echo falls to 1/e; of ``decoupling_scaling`` that of one pulse
exponent   1: exponential, 2: Gaussian, 3: an echo in a slow bath
========== =============================================================================

The nucleus of the nitrogen splits a line of an NV centre into three equally strong ones (¹⁴N, 2.16 MHz) or
two (¹⁵N, 3.03 MHz); each precesses at its own detuning, all decay alike. A static Gaussian line of standard
deviation σ/2π decays as exp(−(x/T2*)²) with T2* = √2/σ. An Ornstein–Uhlenbeck bath that is slow against T2
makes the exponent 3 in an echo and T2 ∝ N^(2/3): see `labspin.physics.nv.bath_dephasing`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike

from labspin.analysis.model import (
    Derivatives,
    FitModel,
    FloatArray,
    Guess,
    Parameter,
    Value,
    columns,
    fill_derivatives,
)
from labspin.analysis.models.guesses import averaged, decay_times, separable_grid, thinned
from labspin.analysis.outcome import FitOutcome
from labspin.errors import RecipeError
from labspin.units import format_quantity

__all__ = ["DECOUPLING_SCALING", "ECHO_DECAY", "decoupling_scaling", "echo_decay", "ramsey"]

_EXPONENTS = np.array([0.6, 1.0, 1.5, 2.0, 2.5, 3.0])
_DECAYS = np.array([0.12, 0.25, 0.5, 1.0, 3.0])  # T2* in a guess, of the span of the data
_CLOSE = np.linspace(-1.0, 1.0, 9)  # of a step
_MOST_FREQUENCIES, _MOST_SPLITTINGS = 400, 200
_TOLD = 16.0
"""Fall of χ² by which one of two curves is told from the other: four standard errors."""
_PARTS = 400
"""Means of a long trace among which fringes are sought, as many as frequencies."""


def ramsey(*, count: int = 1) -> FitModel:
    """Return the model of Ramsey fringes of equally strong hyperfine lines.

    A cosine does not tell the sign of its frequency: two lines on both sides of the microwave (detuning δ,
    splitting s > 2δ) give the fringes of two on one side (s/2 and 2δ), but for the phase of one of them.
    Where the phase does not tell, they are taken to be on one side, and the fit says what the other side
    would be: choose a detuning above half of the splitting, or hold the one that is known.

    Parameters
    ----------
    count
        Number of lines: 1 for none that are resolved, 2 for ¹⁵N, 3 for ¹⁴N.

    Raises
    ------
    RecipeError
        The count is none of these.
    """
    if count not in (1, 2, 3) or isinstance(count, bool):
        raise RecipeError(f"model ramsey: count: wanted 1, 2 or 3 hyperfine lines, got {count!r}")
    places = np.asarray(np.arange(count) - 0.5 * (count - 1), np.float64)
    split = [Parameter("splitting", "cycles/x", "distance of neighbouring lines", minimum=0)]
    fringe = "cos(2π detuning x + phase)"
    if count > 1:
        fringe = f"Σₖ cos(2π (detuning + k splitting) x + phase)/{count}"
    return FitModel(
        name="ramsey",
        headline=("T2_star", "detuning", "splitting"),
        equation=f"y = offset + amplitude exp(−(x/T2_star)^exponent) {fringe}",
        source="N. F. Ramsey, Phys. Rev. 78, 695 (1950); hyperfine lines: Doherty et al., Phys. Rep. 528, 1",
        parameters=(
            Parameter("amplitude", "y", "signal at x = 0 above the offset", minimum=0),
            Parameter("detuning", "cycles/x", "of the microwave from the middle of the line", minimum=0),
            *(split if count > 1 else []),
            Parameter("T2_star", "x", "time in which the fringes fall to 1/e", minimum=0),
            Parameter("phase", "rad", "phase of the fringes at x = 0"),
            Parameter("offset", "y", "mean signal"),
            Parameter("exponent", "1", "2: Gaussian line, 1: Lorentzian line", 0.3, 4.0, value=2.0),
        ),
        function=_fringes(places),
        guesser=_fringe_guess(places),
        derivatives=_fringe_derivatives(places),
        guess_knows_held=True,
        doubts=_fringe_doubts if count == 2 else None,
    )


def _fringes(places: FloatArray) -> Callable[..., FloatArray]:
    if places.size == 1:

        def single(
            x: ArrayLike,
            amplitude: Value,
            detuning: Value,
            T2_star: Value,
            phase: Value,
            offset: Value,
            exponent: Value,
        ) -> FloatArray:
            x = np.asarray(x, np.float64)
            swing = np.cos(2 * np.pi * detuning * x + phase)
            return offset + amplitude * _envelope(x, T2_star, exponent) * swing

        return single

    def several(
        x: ArrayLike, amplitude: Value, detuning: Value, splitting: Value, T2_star: Value, phase: Value,
        offset: Value, exponent: Value,
    ) -> FloatArray:  # fmt: skip
        x = np.asarray(x, np.float64)
        swing = sum(np.cos(2 * np.pi * (detuning + k * splitting) * x + phase) for k in places)
        signal: FloatArray = offset + amplitude * _envelope(x, T2_star, exponent) * swing / places.size
        return signal

    return several


def _envelope(x: FloatArray, time: Value, exponent: Value) -> FloatArray:
    with np.errstate(over="ignore"):
        left: FloatArray = np.exp(-((np.maximum(x, 0) / time) ** exponent))
    return left


def _fringe_derivatives(places: FloatArray) -> Derivatives:
    def derivatives(x: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        parts = list(columns(values))
        splitting = parts.pop(2) if places.size > 1 else 0.0
        amplitude, detuning, time, phase, offset, exponent = parts
        envelope, by_time, by_exponent = _decay_slopes(x, time, exponent)
        angles = [2 * np.pi * (detuning + k * splitting) * x + phase for k in places]
        swing = sum(np.cos(angle) for angle in angles) / places.size
        across = -amplitude * envelope / places.size
        turns = [across * np.sin(angle) for angle in angles]
        turned = sum(turns)
        by_splitting = sum(2 * np.pi * k * x * turn for k, turn in zip(places, turns, strict=True))
        y = offset + amplitude * envelope * swing
        found = [
            envelope * swing, 2 * np.pi * x * turned, by_splitting, amplitude * swing * by_time, turned,
            1.0, amplitude * swing * by_exponent,
        ]  # fmt: skip
        if places.size == 1:
            del found[2]
        return y, fill_derivatives(y, found)

    return derivatives


def _decay_slopes(x: FloatArray, time: Value, exponent: Value) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return exp(−(x/time)^exponent) and its derivatives by time and exponent."""
    logarithm = np.log(np.maximum(x, 1e-300)) - np.log(time)
    power = np.exp(np.minimum(exponent * logarithm, 600.0))
    envelope = np.exp(-power)
    slope = envelope * power
    return envelope, slope * exponent / time, -slope * logarithm


def _fringe_guess(places: FloatArray) -> Guess:
    def guess(
        x: FloatArray, y: FloatArray, weights: FloatArray | None, held: Mapping[str, float]
    ) -> Mapping[str, Value]:
        """Grid over detuning, splitting and decay, finer about the best; the rest in closed form."""
        x, y, weights = averaged(x, y, weights, _PARTS)
        grids = _grids(x, places, held)
        splittings = grids[1]
        exponent = held.get("exponent", 2.0)
        best = _best_fringes(x, y, weights, places, grids, exponent=exponent)
        # Lines of either sign: some sets of lines nearly look like others, and only a closer look tells.
        steps = [float(grid[1] - grid[0]) if grid.size > 1 else 0.0 for grid in grids[:2]]
        closer = [
            _best_fringes(
                x, y, weights, places,
                (
                    np.abs(found["detuning"] + steps[0] * _CLOSE),
                    np.abs(found["splitting"] + steps[1] * _CLOSE) if steps[1] else splittings,
                    found["T2_star"] * np.array([0.6, 0.8, 1.0, 1.25, 1.6]),
                ),
                most=1,
                exponent=exponent,
            )[0]
            for found in best
        ]  # fmt: skip
        chosen = max(closer, key=lambda found: found["taken"])
        if places.size == 2 and not {"detuning", "splitting"} & set(held):
            chosen = _of_twins(x, y, weights, chosen)
        left_out = {"taken", "splitting"} if places.size == 1 else {"taken"}
        return {name: value for name, value in chosen.items() if name not in left_out}

    return guess


def _grids(
    x: FloatArray, places: FloatArray, held: Mapping[str, float]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the detunings, splittings and decay times that are tried: of what is held, its value."""
    span = float(np.ptp(x)) or 1.0
    gaps = np.diff(np.unique(x))
    highest = 0.5 / float(np.median(gaps)) if gaps.size else 1 / span
    frequencies = np.linspace(0.2 / span, highest, _grid(5 * highest * span, _MOST_FREQUENCIES))
    splittings = np.linspace(0.5 / span, highest, _grid(5 * highest * span, _MOST_SPLITTINGS))
    if places.size == 1:
        splittings = np.zeros(1)
    if "detuning" in held:
        frequencies = np.array([held["detuning"]])
    if "splitting" in held:
        splittings = np.array([held["splitting"]])
    return frequencies, splittings, span * _DECAYS


def _of_twins(
    x: FloatArray, y: FloatArray, weights: FloatArray | None, found: dict[str, float]
) -> dict[str, float]:
    """Return the fringes of two lines or those of their twin, which have one line on the other side.

    The one with both lines on one side, unless the other takes more off χ² than noise does.
    """
    pair = [found, _twin(found, x, y, weights)]
    one, both = sorted(pair, key=lambda fringes: fringes["splitting"] - 2 * fringes["detuning"])
    square = np.ones_like(x) if weights is None else weights**2
    rest = float(square @ np.square(y)) - max(one["taken"], both["taken"])
    size = max(rest / max(x.size - 6, 1), 1e-300) if weights is None else 1.0
    return both if both["taken"] - one["taken"] > _TOLD * size else one


def _twin(
    fringes: Mapping[str, float],
    x: FloatArray,
    y: FloatArray,
    weights: FloatArray | None,
    errors: tuple[float, float] = (0.0, 0.0),
) -> dict[str, float]:
    """Return the fringes of the same two frequencies, within some errors, of which one has the other sign."""
    beside = np.linspace(-4.0, 4.0, 9) if all(0 < one < np.inf for one in errors) else np.zeros(1)
    detunings = np.abs(0.5 * (fringes["splitting"] + errors[1] * beside))
    splittings = np.abs(2 * (fringes["detuning"] + errors[0] * beside))
    grid, exponent = (detunings, splittings, np.array([fringes["T2_star"]])), fringes["exponent"]
    return _best_fringes(x, y, weights, np.array([-0.5, 0.5]), grid, most=1, exponent=exponent)[0]


def _fringe_doubts(outcome: FitOutcome) -> list[str]:
    """Say that one of two lines may be on the other side of the microwave."""
    if any(outcome[name].fixed for name in ("detuning", "splitting")):
        return []
    weights = None if outcome.sigma is None else 1 / np.asarray(outcome.sigma, np.float64)
    x, y = outcome.x, np.asarray(outcome.y, np.float64)
    values = {p.name: p.value for p in outcome.parameters}
    twin = _twin(values, x, y, weights, (outcome["detuning"].stderr, outcome["splitting"].stderr))
    curve = _fringes(np.array([-0.5, 0.5]))(x, *(twin[name] for name in values))
    left = float(np.square((y - curve) * (1.0 if weights is None else weights)).sum())
    size = outcome.statistics.chi2red if outcome.sigma is None else max(outcome.statistics.chi2red, 1.0)
    if not left - outcome.statistics.chi2 < _TOLD * size:
        return []
    detuning, splitting = (
        format_quantity(twin[name], outcome[name].unit) for name in ("detuning", "splitting")
    )
    return [
        f"a cosine does not tell the sign of its frequency: detuning {detuning} with splitting {splitting} "
        "explains these fringes as well; hold the splitting, if it is known"
    ]


def _grid(wanted: float, most: int) -> int:
    return int(np.clip(np.ceil(wanted), 8, most))


def _best_fringes(
    x: FloatArray,
    y: FloatArray,
    weights: FloatArray | None,
    places: FloatArray,
    grids: tuple[FloatArray, FloatArray, FloatArray],
    most: int = 8,
    exponent: float = 2.0,
) -> list[dict[str, float]]:
    """Return the best few of a grid of detunings, splittings and decay times, each of another splitting."""
    frequencies, splittings, decays = grids
    apart, times = (g.ravel()[:, None] for g in np.meshgrid(splittings, decays, indexing="ij"))
    beats = np.cos(2 * np.pi * apart[..., None] * places[:, None] * x).mean(axis=1)
    taken, solved = _closed_form(x, y, weights, beats * _envelope(x, times, exponent), frequencies)
    # The best of every splitting, and of these the best few that are no neighbours of better ones.
    by_splitting = taken.reshape(frequencies.size, splittings.size, decays.size).max(axis=(0, 2))
    inside = np.concatenate([[-np.inf], by_splitting, [-np.inf]])
    peaks = np.flatnonzero((inside[1:-1] >= inside[:-2]) & (inside[1:-1] >= inside[2:]))
    found = []
    for peak in peaks[np.argsort(by_splitting[peaks])[::-1][:most]].tolist():
        mine = slice(peak * decays.size, (peak + 1) * decays.size)
        node, place = np.unravel_index(int(np.argmax(taken[:, mine])), taken[:, mine].shape)
        shape = mine.start + int(place)
        cosine, sine, offset = solved[node, shape]
        found.append(
            {
                "amplitude": float(np.hypot(cosine, sine)),
                "detuning": float(frequencies[node]),
                "splitting": float(apart[shape, 0]),
                "T2_star": float(times[shape, 0]),
                "phase": float(np.arctan2(-sine, cosine)),
                "offset": float(offset),
                "exponent": exponent,
                "taken": float(taken[node, shape]),
            }
        )
    return found


def _closed_form(
    x: FloatArray, y: FloatArray, weights: FloatArray | None, shapes: FloatArray, frequencies: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return what fringes of each frequency (f,) and shape (m, n) take off χ², and cosine, sine, offset."""
    square = np.ones_like(x) if weights is None else weights**2
    angle = 2 * np.pi * frequencies[:, None] * x
    cosine, sine = np.cos(angle), np.sin(angle)
    once, twice = (square * shapes).T, (square * shapes**2).T
    normal = np.empty((frequencies.size, len(shapes), 3, 3))
    normal[..., 0, 0], normal[..., 1, 1] = cosine**2 @ twice, sine**2 @ twice
    normal[..., 0, 1] = normal[..., 1, 0] = (cosine * sine) @ twice
    normal[..., 0, 2] = normal[..., 2, 0] = cosine @ once
    normal[..., 1, 2] = normal[..., 2, 1] = sine @ once
    normal[..., 2, 2] = square.sum()
    # Where fringes and offset look alike, the smallest of equal answers.
    normal += 1e-9 * square.sum() * np.eye(3)
    seen = (once.T * y).T
    level = np.full((frequencies.size, len(shapes)), square @ y)
    projected = np.stack([cosine @ seen, sine @ seen, level], axis=-1)
    solved = np.linalg.solve(normal, projected[..., None])[..., 0]
    return np.asarray((projected * solved).sum(axis=-1)), np.asarray(solved)


def echo_decay(x: ArrayLike, amplitude: Value, T2: Value, exponent: Value, offset: Value) -> FloatArray:
    """Return offset + amplitude·exp(−(x/T2)^exponent); the decay has not begun for x ≤ 0.

    Parameters
    ----------
    x
        Time of the whole evolution.
    amplitude, offset
        Signal at x = 0 above the offset, and signal at x → ∞, in the unit of y.
    T2
        Time in which the coherence falls to 1/e, in the unit of x.
    exponent
        1: exponential, 2: Gaussian, 3: an echo in a slow bath.

    Returns
    -------
    y
        Shape to which all arguments broadcast.
    """
    return offset + amplitude * _envelope(np.asarray(x, np.float64), T2, exponent)


def _echo_derivatives(x: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    amplitude, time, exponent, offset = columns(values)
    envelope, by_time, by_exponent = _decay_slopes(x, time, exponent)
    y = offset + amplitude * envelope
    return y, fill_derivatives(y, [envelope, amplitude * by_time, amplitude * by_exponent, 1.0])


def _guess_echo(x: FloatArray, y: FloatArray, weights: FloatArray | None) -> Mapping[str, Value]:
    x, y, weights = thinned(x, y, weights)
    times, powers = (g.ravel() for g in np.meshgrid(decay_times(x.ravel(), 24), _EXPONENTS, indexing="ij"))
    basis = _envelope(x, times[:, None], powers[:, None])
    node, amplitude, offset = separable_grid(basis, y, weights)
    return {"amplitude": amplitude, "T2": times[node], "exponent": powers[node], "offset": offset}


ECHO_DECAY = FitModel(
    name="echo_decay",
    headline=("T2", "exponent"),
    equation="y = offset + amplitude exp(−(x/T2)^exponent)",
    source="Klauder and Anderson, Phys. Rev. 125, 912 (1962); de Sousa, Top. Appl. Phys. 115, 183 (2009)",
    parameters=(
        Parameter("amplitude", "y", "signal at x = 0 above the offset"),
        Parameter("T2", "x", "time in which the coherence falls to 1/e", minimum=0),
        Parameter("exponent", "1", "3: an echo in a slow bath, 1: a fast one", minimum=0.3, maximum=5.0),
        Parameter("offset", "y", "signal at long times; none in the difference of two", value=0.0),
    ),
    function=echo_decay,
    guesser=_guess_echo,
    derivatives=_echo_derivatives,
)


def decoupling_scaling(x: ArrayLike, T2: Value, exponent: Value) -> FloatArray:
    """Return T2·x^exponent.

    Parameters
    ----------
    x
        Number of π pulses.
    T2
        T2 of one pulse, in the unit of y.
    exponent
        2/3 for a slow bath, 0 for one that no pulse outruns.

    Returns
    -------
    y
        T2 of so many pulses; shape to which all arguments broadcast.
    """
    return T2 * np.asarray(x, np.float64) ** exponent


def _scaling_derivatives(x: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    time, exponent = columns(values)
    power = x**exponent
    y = time * power
    return y, fill_derivatives(y, [power, y * np.log(x)])


def _guess_scaling(x: FloatArray, y: FloatArray, weights: FloatArray | None) -> Mapping[str, Value]:
    """Straight line through the logarithms."""
    good = (x > 0) & (y > 0)
    if np.unique(x[good]).size < 2:
        return {"T2": float(np.mean(np.abs(y))), "exponent": 0.5}
    slope, level = np.polyfit(np.log(x[good]), np.log(y[good]), 1)
    return {"T2": float(np.exp(level)), "exponent": float(slope)}


DECOUPLING_SCALING = FitModel(
    name="decoupling_scaling",
    equation="y = T2 x^exponent",
    source="de Sousa, Top. Appl. Phys. 115, 183 (2009); de Lange et al., Science 330, 60 (2010)",
    parameters=(
        Parameter("T2", "y", "T2 of one pulse", minimum=0),
        Parameter("exponent", "1", "2/3 for a slow bath", minimum=-1.0, maximum=2.0),
    ),
    function=decoupling_scaling,
    guesser=_guess_scaling,
    derivatives=_scaling_derivatives,
)
