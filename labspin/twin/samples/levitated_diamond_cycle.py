"""The diamond under a repeated pattern of light and microwave: what it emits, and the torque of its spins.

Every interval of the pattern is one exact propagator that also counts; the sample is at the fixed point of
the period. What a lock-in sees of it are Fourier coefficients: in an interval with the generator A that
begins with the populations p,

``∫₀ᵀ e^{−iωs} C exp(As) p ds = C (A − iω)⁻¹ (e^{−iωT} exp(AT) − 1) p``,

exact again, however fast the spins answer or not.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labspin.arrays import AnyArray
from labspin.physics.arguments import FloatArray
from labspin.physics.nv import (
    NV_OPTICAL_RATES,
    Ensemble,
    Microwave,
    RateModel,
    class_fields,
    counting_propagator,
    driving_rates,
    inversion_probability,
    level_torques,
    rabi_frequencies,
    rate_model_at,
    relaxing_train_map,
    stretched_exponential_mixture,
)
from labspin.twin.inputs import Pattern, Signals
from labspin.twin.sample import ComplexArray
from labspin.twin.samples.levitated_diamond_settings import DiamondSettings
from labspin.twin.samples.trains import Train, trains_of

__all__ = ["Conditions", "DiamondCycle", "cuts_of", "lit"]

_TERMS = 10  # of the stretched exponential: within 6e-5 of it at β = 0.8
_LEVELS = 8  # seven of the cycle, and the centre without its charge
_REMEMBERED = {"step": 4, "map": 256, "pulse": 64, "begin": 4, "intervals": 2}  # at most 40 kB each, but
# for what a pattern of thousands of steps begins with
_CLOSE = 1e-15  # s; times closer than this are one
_FAR = 10.0  # detuning from the edge of a line, in Rabi frequencies, beyond which pulses are taken one by one
_PAIRS = ((0, 1), (0, 2), (1, 2))


@dataclass(frozen=True)
class Conditions:
    """The diamond at one setting of the signals."""

    field: FloatArray  # T, lab
    model: RateModel
    light: float  # laser power over the reference while the laser is on
    rabi: FloatArray  # (3, 4) rad/s while the microwave is on
    driving: FloatArray  # (3, 4) 1/s in a long pulse
    detuning: FloatArray  # (3, 4) rad/s


@dataclass(frozen=True)
class _Intervals:
    """What happens in each interval between cuts, and the populations at its beginning."""

    durations: FloatArray  # (n,) s
    generator: FloatArray  # (n, classes, terms, levels, levels)
    counters: FloatArray  # (n, classes, 1, 2, levels)
    maps: FloatArray  # (n, classes, terms, levels + 2, levels + 2), before a short pulse at the end
    states: FloatArray  # (n, classes, terms, levels, 1)
    known: dict[int, ComplexArray] = field(default_factory=dict)  # Fourier coefficients by their order


class DiamondCycle:
    """The rate model of a diamond under repeated patterns.

    Parameters
    ----------
    settings
        Its numbers.
    """

    def __init__(self, settings: DiamondSettings) -> None:
        self.settings = settings
        self._mixture = stretched_exponential_mixture(beta=settings.stretching, terms=_TERMS)
        rates = NV_OPTICAL_RATES
        self._ensemble = Ensemble(rates=rates, relaxation=settings.relaxation)
        radiative = rates.spin_conserving + rates.spin_mixing
        bright = settings.pump_rate * radiative / (radiative + rates.crossing_zero)
        self._line, self._bath = settings.static_line, settings.bath
        self.collected = settings.photon_rate / bright
        """Photons counted of those that a mean centre emits."""
        self._latest: tuple[Conditions, dict[str, dict[Hashable, object]]] | None = None

    def conditions(self, signals: Signals, field: FloatArray) -> Conditions:
        """Return the state of the diamond's environment and rate model at ``signals`` in a field.

        Parameters
        ----------
        signals
            Signals, of which power and frequency of the microwave and power of the laser count.
        field
            Field in the lab, T; shape (3,).
        """
        settings = self.settings
        orientation = settings.bench.orientation
        model = rate_model_at(field=field, orientation=orientation, ensemble=self._ensemble, projectors=True)
        microwave = self._microwave(signals["microwave.power"])
        unit = class_fields(field=microwave.unit_direction, orientation=orientation).T
        gamma = self._ensemble.centre.gyromagnetic_ratio
        frequency = np.asarray(2 * math.pi * signals["microwave.frequency"])
        energies = model.ground.energies
        driving = [
            driving_rates(
                model=model,
                microwave=microwave,
                gyromagnetic_ratio=gamma,
                direction=unit,
                frequency=frequency - offset,
            )
            for offset in self._line.hyperfine
        ]
        return Conditions(
            field=field,
            model=model,
            light=max(signals["laser.power"], 0.0) / settings.reference_laser,
            rabi=rabi_frequencies(model=model, direction=unit, larmor_amplitude=gamma * microwave.amplitude),
            driving=np.mean(driving, axis=0),
            detuning=frequency - np.abs(energies[[1, 2, 2]] - energies[[0, 0, 1]]),
        )

    def _microwave(self, power: float) -> Microwave:
        """Return the tone at the sample; |<0|S|−1>| = 1/√2 turns the Rabi frequency into B1."""
        settings = self.settings
        rabi = settings.rabi_frequency * 10 ** ((power - settings.reference_microwave) / 20)
        return Microwave(
            amplitude=math.sqrt(2.0) * rabi / self._ensemble.centre.gyromagnetic_ratio,
            direction=settings.microwave_direction,
            dephasing_rate=settings.dephasing_rate,
            inhomogeneous_width=settings.line_width,
        )

    # -- what a period gives -----------------------------------------------------------------------------

    def counted(self, pattern: Pattern, cuts: FloatArray, now: Conditions) -> FloatArray:
        """Return photons of one mean centre and angular momentum (N m s) of all per interval, shape (n, 2).

        Parameters
        ----------
        pattern
            What the pulse generator plays, repeated for ever.
        cuts
            Edges of the intervals, s, from 0 to the period; shape (n + 1,).
        now
            Present state of the diamond, from `conditions`.
        """
        found = self._intervals(pattern, cuts, now)
        rows = found.maps[..., _LEVELS:, :_LEVELS] @ found.states
        return np.asarray(self._summed(rows[..., 0]))

    def coefficients(self, pattern: Pattern, orders: NDArray[np.int64], now: Conditions) -> ComplexArray:
        """Return Fourier coefficients c_n of the emitted light and of the torque, shape (m, 2).

        Units: photons per second of one mean centre, and N m of all; ``f(t) = Σ c_n e^{2πint/period}``.

        Parameters
        ----------
        pattern
            What the pulse generator plays, repeated for ever.
        orders
            n, of any sign; shape (m,).
        now
            Present state of the diamond, from `conditions`.
        """
        found = self._intervals(pattern, pattern.boundaries, now)
        for order in orders.tolist():
            if order not in found.known:
                found.known[order] = self._coefficient(found, order, pattern)
        return np.array([found.known[order] for order in orders.tolist()])

    def _coefficient(self, found: _Intervals, order: int, pattern: Pattern) -> ComplexArray:
        if order == 0:
            rows = found.maps[..., _LEVELS:, :_LEVELS] @ found.states
            return np.asarray(self._summed(rows[..., 0]).sum(axis=0) / pattern.period + 0j)
        omega = 2j * math.pi * order / pattern.period
        ends = found.maps[..., :_LEVELS, :_LEVELS] @ found.states
        turned = np.exp(-omega * found.durations)[:, None, None, None, None] * ends - found.states
        inner = np.linalg.solve(found.generator - omega * np.eye(_LEVELS), turned)
        parts = self._summed((found.counters @ inner)[..., 0])
        return np.asarray(np.exp(-omega * pattern.boundaries[:-1]) @ parts / pattern.period)

    def _summed(self, rows: AnyArray) -> NDArray[np.generic]:
        """Return (n, 2) of (n, classes, terms, 2): light of a mean centre, torque of all classes."""
        by_class = np.einsum("t,nctr->ncr", self._mixture.weights, rows)
        return np.stack([by_class[..., 0].mean(axis=1), by_class[..., 1].sum(axis=1)], axis=1)

    def _intervals(self, pattern: Pattern, cuts: FloatArray, now: Conditions) -> _Intervals:
        """Return the intervals, for all who look at the same."""
        key = pattern.key, cuts.tobytes()
        found: _Intervals = self._remembered(now, "intervals", key, lambda: self._solved(pattern, cuts, now))
        return found

    def _remembered(self, now: Conditions, kind: str, key: Hashable, solve: Callable[[], object]) -> Any:
        """Return what was solved before in the same conditions: patterns, gates and counters share most."""
        if self._latest is None or self._latest[0] is not now:
            self._latest = now, {one: {} for one in _REMEMBERED}
        known = self._latest[1][kind]
        if key not in known:
            solved = solve()
            if len(known) >= _REMEMBERED[kind]:
                del known[next(iter(known))]
            known[key] = solved
        return known[key]

    def _solved(self, pattern: Pattern, cuts: FloatArray, now: Conditions) -> _Intervals:
        """Return the intervals between cuts, of which one may cut a step of the pattern."""
        step = _steps(pattern, cuts)
        begin = self._remembered(now, "begin", pattern.key, lambda: self._begin(pattern, now))
        laser, driven, _ = self._steps_driven(pattern)
        durations = np.diff(cuts)
        generator, counters, maps = self._maps(now, laser[step], driven[step], durations)
        states: list[FloatArray] = []
        for number, one in enumerate(step.tolist()):
            whole = number == 0 or step[number - 1] != one
            states.append(begin[one] if whole else maps[number - 1, ..., :_LEVELS, :_LEVELS] @ states[-1])
        return _Intervals(durations, generator, counters, maps, np.stack(states))

    def _steps_driven(self, pattern: Pattern) -> tuple[NDArray[np.bool_], ...]:
        """Return in which steps of a pattern there is light, a slow microwave, and a short pulse."""
        microwave = pattern.line("microwave") > 0.5
        coherent = microwave & (pattern.durations * self.settings.dephasing_rate < 1)
        return pattern.line("laser") > 0.5, microwave & ~coherent, coherent

    def _begin(self, pattern: Pattern, now: Conditions) -> list[FloatArray]:
        """Return the populations at the beginning of each step (classes, terms, levels, 1)."""
        laser, driven, coherent = self._steps_driven(pattern)
        _, _, maps = self._maps(now, laser, driven, pattern.durations)
        moved = maps[..., :_LEVELS, :_LEVELS].copy()
        for number in np.flatnonzero(coherent):
            length = float(pattern.durations[number])
            pulse = self._remembered(now, "pulse", length, functools.partial(self._pulse, now, length))
            moved[number] = pulse @ moved[number]
        trains = {
            train.last: (train.first, self._train(now, train, moved[train.first : train.last + 1]))
            for train in trains_of(pattern, coherent, self._bath)
        }
        return _walked(moved, trains, _fixed_point(moved, trains))[:-1]

    def _train(self, now: Conditions, train: Train, moved: FloatArray) -> FloatArray:
        """Return what a train does (classes, terms, levels, levels).

        Classes that it hardly reaches keep what its pulses do one by one, ``moved`` (n, classes, terms, …).
        """
        found = _product(moved)
        dark, _, _ = self._map(now, laser=False, driven=False, duration=0.0)
        widest = 3 * self.settings.line_width + float(self._line.hyperfine[-1])
        away = np.maximum(np.abs(now.detuning) - widest, 0.0)
        # Of two transitions of a class the nearer: it is a pair of levels to its pulses.
        nearest = np.argmin(away / np.maximum(now.rabi, 1e-300), axis=0)
        for number, pair in enumerate(nearest.tolist()):
            if away[pair, number] > _FAR * now.rabi[pair, number]:
                continue
            found[number, :, :3, :3] = relaxing_train_map(
                train=train.pulses,
                rabi=float(now.rabi[pair, number]),
                detuning=float(now.detuning[pair, number]),
                levels=_PAIRS[pair],
                line=self._line,
                bath=self._bath,
                relaxation=dark[number, :, :3, :3],
            )
        return found

    def _maps(
        self, now: Conditions, laser: NDArray[np.bool_], driven: NDArray[np.bool_], durations: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return generator, counters and propagator of each interval."""
        kinds = zip(laser.tolist(), driven.tolist(), durations.tolist(), strict=True)
        found = [self._map(now, *kind) for kind in kinds]
        generator, counters, maps = (np.stack(parts) for parts in zip(*found, strict=True))
        return generator, counters, maps

    def _map(
        self, now: Conditions, laser: bool, driven: bool, duration: float
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return generator, counters and propagator of one interval."""
        generator, counters = self._remembered(
            now, "step", (laser, driven), lambda: self._step(now, laser, driven)
        )
        propagator = self._remembered(
            now,
            "map",
            (laser, driven, duration),
            lambda: counting_propagator(generator=generator, counters=counters, duration=duration),
        )
        return generator, counters, propagator

    def _step(self, now: Conditions, laser: bool, driven: bool) -> tuple[FloatArray, FloatArray]:
        """Return generator (classes, terms, 8, 8) and counters (classes, 1, 2, 8) of a constant step.

        The first counter is the photon rate of one centre, the second the torque of all of its class.
        """
        settings = self.settings
        light = now.light if laser else 0.0
        pump = np.full(4, settings.pump_rate * light)
        driving = now.driving if driven else None
        still = now.model.generator(pump=pump, driving=driving, scale=0.0)
        relaxing = now.model.generator(pump=pump, driving=driving, scale=1.0) - still
        seven = still[:, None] + self._mixture.rates[:, None, None] * relaxing[:, None]
        generator = settings.charge.generator(seven, light)
        counters = np.zeros((4, 1, 2, _LEVELS))
        counters[:, 0, 0, :7] = now.model.cycle.emission_row(pump=pump)
        torque = level_torques(
            axis=settings.libration.unit_axis,
            model=now.model,
            field=now.field,
            orientation=settings.bench.orientation,
            ensemble=self._ensemble,
        )
        counters[:, 0, 1, :7] = np.asarray(settings.libration.spins)[:, None] * torque
        return generator, counters

    def _pulse(self, now: Conditions, duration: float) -> FloatArray:
        """Return the exchange (classes, 1, levels, levels) of populations by a short pulse."""
        exchanged = inversion_probability(
            rabi=now.rabi,
            detuning=now.detuning - self._line.hyperfine[:, None, None],
            duration=duration,
            inhomogeneous_width=self.settings.line_width,
        ).mean(axis=0)
        unity = np.broadcast_to(np.eye(_LEVELS), (4, 1, _LEVELS, _LEVELS))
        pulse = unity
        for part, (i, j) in zip(exchanged, _PAIRS, strict=True):
            swap = unity.copy()
            swap[..., i, i] = swap[..., j, j] = 1 - part[:, None]
            swap[..., i, j] = swap[..., j, i] = part[:, None]
            pulse = swap @ pulse
        return pulse


def _walked(
    maps: FloatArray, trains: Mapping[int, tuple[int, FloatArray]], first: FloatArray
) -> list[FloatArray]:
    """Return what ``first`` becomes: before each interval, and after the last.

    Within a train the maps are those of its pulses one by one; after its last interval it is what the train
    makes of what was before its first.
    """
    found = [first]
    for number, one in enumerate(maps):
        begin, train = trains.get(number, (number, one))
        found.append(train @ found[begin])
    return found


def _product(maps: FloatArray) -> FloatArray:
    return _walked(maps, {}, np.broadcast_to(np.eye(_LEVELS), maps.shape[1:]))[-1].copy()


def _fixed_point(maps: FloatArray, trains: Mapping[int, tuple[int, FloatArray]]) -> FloatArray:
    """Return the populations (classes, terms, levels, 1) that a period of the maps (n, ...) restores."""
    period = _walked(maps, trains, np.broadcast_to(np.eye(_LEVELS), maps.shape[1:]))[-1]
    # Columns of the period sum to one: adding a constant row makes 1 − P regular and fixes the sum.
    regular = np.eye(_LEVELS) - period + 1.0 / _LEVELS
    return np.asarray(np.linalg.solve(regular, np.full((*maps.shape[1:3], _LEVELS, 1), 1.0 / _LEVELS)))


def lit(pattern: Pattern, cuts: FloatArray) -> NDArray[np.bool_]:
    """Return whether the laser is on in each interval between cuts.

    Parameters
    ----------
    pattern
        What the pulse generator plays; its line ``laser`` counts.
    cuts
        Edges of the intervals, s, from 0 to the period; shape (n + 1,).

    Returns
    -------
    NDArray[np.bool_]
        Shape (n,).
    """
    return np.asarray(pattern.line("laser")[_steps(pattern, cuts)] > 0.5)


def _steps(pattern: Pattern, cuts: FloatArray) -> NDArray[np.intp]:
    """Return which step of the pattern each interval between cuts lies in."""
    # By their middles: a cut may differ from a boundary by a rounding error.
    steps = np.searchsorted(pattern.boundaries, 0.5 * (cuts[:-1] + cuts[1:]), side="right") - 1
    return np.minimum(steps, pattern.durations.size - 1)


def cuts_of(pattern: Pattern, windows: FloatArray) -> FloatArray:
    """Return the times at which the pattern changes, or a window begins or ends, s; increasing.

    Parameters
    ----------
    pattern
        What the pulse generator plays.
    windows
        Start and stop of each window, s; shape (m, 2).
    """
    cuts = np.unique(np.concatenate([pattern.boundaries, np.clip(windows.ravel(), 0.0, pattern.period)]))
    return cuts[np.concatenate(([True], np.diff(cuts) > _CLOSE))]
