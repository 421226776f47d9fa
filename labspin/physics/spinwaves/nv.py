"""A spin-1 centre with its axis along the field: levels, relaxation, occupations in time, coherence times.

The centre relaxes through its own thermal bath (rates κ1, κ2, fixed by the T1 and T2* one measures) and
through the spin waves of a film nearby (rates Γ±, from `spin_wave_bath`), which couple to |0> <-> |−> only.
Occupations are written as arrays (..., 3) in the order ρ_00, ρ_++, ρ_−−.

Symbols: n̄_± thermal occupation at ω_± = D0 ± ω_H; γ_± = κ1 (n̄_− ± n̄_+)/2, Eq. (140); κ_d, κ_a = Γ_+ ± Γ_−
decay and absorption by spin waves, Eq. (244).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from labspin.errors import ArgumentError
from labspin.physics.arguments import FloatArray, broadcast, non_negative, positive
from labspin.physics.spinwaves.modes import occupation

if TYPE_CHECKING:
    from labspin.physics.spinwaves.bath import SpinWaveBath

__all__ = [
    "NV_TABLE1",
    "CoherenceTimes",
    "ParamagneticSpin",
    "RelaxationTimes",
    "ThermalRates",
    "coherence_times",
    "occupations_in_time",
    "relaxation_times",
    "steady_occupations",
    "thermal_rates",
    "transition_frequencies",
]


@dataclass(frozen=True)
class ParamagneticSpin:
    """A spin-1 centre whose axis lies along the applied field.

    Parameters
    ----------
    zero_field_splitting
        D0, in rad/s.
    gyromagnetic_ratio
        |γ_s|, in rad/(s T).
    occupation_lifetime
        T1 far from the film at zero field and at the temperature of interest, in s, Eq. (149).
    coherence_lifetime
        T2* far from the film at zero field, in s, at most 2 T1, Eq. (151).

    Raises
    ------
    ArgumentError
        A number is not finite and positive, or T2* exceeds 2 T1.
    """

    zero_field_splitting: float
    gyromagnetic_ratio: float
    occupation_lifetime: float
    coherence_lifetime: float

    def __post_init__(self) -> None:
        for item in fields(self):
            positive(f"spin {item.name}", getattr(self, item.name))
        if self.coherence_lifetime > 2 * self.occupation_lifetime:
            raise ArgumentError(
                f"spin coherence_lifetime: wanted at most 2 T1 = {2 * self.occupation_lifetime!r} s, "
                f"got {self.coherence_lifetime!r} s"
            )


NV_TABLE1 = ParamagneticSpin(
    zero_field_splitting=2 * np.pi * 2.877e9,
    gyromagnetic_ratio=1.76e11,
    occupation_lifetime=3e-3,
    coherence_lifetime=1e-6,
)
"""The NV centre of [SW] Table 1."""


class ThermalRates(NamedTuple):
    """Rates of a centre far from the film, in 1/s (the occupations are dimensionless)."""

    kappa_1: FloatArray
    kappa_2: FloatArray
    gamma_plus: FloatArray
    gamma_minus: FloatArray
    occupation_plus: FloatArray
    occupation_minus: FloatArray


class RelaxationTimes(NamedTuple):
    """The two time constants of the occupations and their bound of error, in s.

    T1' = ``shortest`` is the smaller of the two, 1/λ_max. ([SW] (248) calls it max(1/λ_+, 1/λ_−); its own
    definition, the shortest time, is the minimum.)
    """

    t1a: FloatArray
    t1b: FloatArray
    shortest: FloatArray
    error: FloatArray


class CoherenceTimes(NamedTuple):
    """Lifetimes of the coherences <σ_0+> and <σ_0−>, in s, Eq. (249)."""

    plus: FloatArray
    minus: FloatArray


def transition_frequencies(*, spin: ParamagneticSpin, field: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return ω_− and ω_+ = D0 ∓, ± |γ_s| μ0H0 in rad/s.

    Raises
    ------
    ArgumentError
        A field is negative, or so high that |−> is no longer above |0>, where the spin-wave coupling of [SW]
        (rotating-wave approximation for |0> -> |−>) does not hold.
    """
    tesla = non_negative("field", field, unit="T")
    zeeman = spin.gyromagnetic_ratio * tesla
    if (zeeman >= spin.zero_field_splitting).any():
        limit = spin.zero_field_splitting / spin.gyromagnetic_ratio
        raise ArgumentError(
            f"field: wanted less than {limit:.4g} T, where |-> crosses |0>, got {tesla.max()!r} T"
        )
    return spin.zero_field_splitting - zeeman, spin.zero_field_splitting + zeeman


def thermal_rates(*, spin: ParamagneticSpin, field: ArrayLike, temperature: ArrayLike) -> ThermalRates:
    """Return κ1, κ2 from T1, T2* and γ_± at a field, Eqs. (140) and (149)–(151).

    Parameters
    ----------
    spin
        The centre.
    field, temperature
        μ0H0 in T and T > 0 in K; they broadcast.

    Raises
    ------
    ArgumentError
        A field or temperature is out of range.
    """
    kelvin = positive("temperature", temperature, unit="K")
    omega_minus, omega_plus = transition_frequencies(spin=spin, field=field)
    broadcast(field=omega_minus, temperature=kelvin)
    rate = 1 / spin.occupation_lifetime
    kappa_1 = rate / (1 + 3 * occupation(np.asarray(spin.zero_field_splitting), kelvin))
    n_plus, n_minus = occupation(omega_plus, kelvin), occupation(omega_minus, kelvin)
    return ThermalRates(
        kappa_1,
        np.asarray(2 / spin.coherence_lifetime - rate),
        kappa_1 / 2 * (n_minus + n_plus),
        kappa_1 / 2 * (n_minus - n_plus),
        n_plus,
        n_minus,
    )


class _Exchange(NamedTuple):
    """Rates from |0> up and back down to |0> over each transition, in 1/s."""

    up_plus: FloatArray
    down_plus: FloatArray
    up_minus: FloatArray
    down_minus: FloatArray

    def matrix(self) -> FloatArray:
        """Return A of d(ρ_++, ρ_−−)/dt = (up_+, up_−) − A (ρ_++, ρ_−−), shape (..., 2, 2)."""
        rows = np.broadcast_arrays(
            self.up_plus + self.down_plus, self.up_plus, self.up_minus, self.up_minus + self.down_minus
        )
        stacked = np.stack(rows, axis=-1)
        return stacked.reshape(*stacked.shape[:-1], 2, 2)

    def steady(self) -> FloatArray:
        """Return the occupations (ρ_00, ρ_++, ρ_−−) at rest, shape (..., 3)."""
        weights = np.stack(
            np.broadcast_arrays(
                self.down_plus * self.down_minus,
                self.up_plus * self.down_minus,
                self.up_minus * self.down_plus,
            ),
            axis=-1,
        )
        return np.asarray(weights / weights.sum(axis=-1, keepdims=True))

    def decay(self) -> tuple[FloatArray, FloatArray]:
        """Return the larger and the smaller eigenvalue of the matrix."""
        a, b = self.up_plus + self.down_plus, self.up_minus + self.down_minus
        mean, half = (a + b) / 2, np.sqrt((a - b) ** 2 / 4 + self.up_plus * self.up_minus)
        determinant = self.down_plus * b + self.up_plus * self.down_minus
        return mean + half, determinant / (mean + half)


def _exchange(
    spin: ParamagneticSpin, field: ArrayLike, temperature: ArrayLike, bath: SpinWaveBath | None
) -> _Exchange:
    rates = thermal_rates(spin=spin, field=field, temperature=temperature)
    decay = 0.0 if bath is None else bath.sum_rate + bath.difference_rate
    absorption = 0.0 if bath is None else bath.sum_rate - bath.difference_rate
    return _Exchange(
        np.asarray(rates.kappa_1 * rates.occupation_plus),
        np.asarray(rates.kappa_1 * (1 + rates.occupation_plus)),
        np.asarray(rates.kappa_1 * rates.occupation_minus + absorption),
        np.asarray(rates.kappa_1 * (1 + rates.occupation_minus) + decay),
    )


def relaxation_times(
    *, spin: ParamagneticSpin, field: ArrayLike, temperature: ArrayLike, bath: SpinWaveBath | None = None
) -> RelaxationTimes:
    """Return T1a, T1b and T1' of the occupations, Eqs. (242)–(246) and (248).

    Parameters
    ----------
    spin
        The centre.
    field, temperature
        μ0H0 in T and T > 0 in K.
    bath
        Spin waves at the place of the centre, from `spin_wave_bath`; None is far from the film. Shapes of the
        three broadcast.

    Notes
    -----
    The rates are the eigenvalues of the matrix in (242)–(243). The closed form (247) printed in [SW] does not
    follow from that matrix: its bracket should read γ+² + 3γ−² + Γ+² + Γ+(γ+ + 3γ−) + Γ−(γ− − γ+).
    """
    exchange = _exchange(spin, field, temperature, bath)
    fast, slow = exchange.decay()
    error = 0.0 if bath is None else 2 * (bath.sum_rate_error + bath.difference_rate_error) / fast**2
    return RelaxationTimes(1 / slow, 1 / fast, np.asarray(1 / fast), np.broadcast_to(error, fast.shape))


def steady_occupations(
    *, spin: ParamagneticSpin, field: ArrayLike, temperature: ArrayLike, bath: SpinWaveBath | None = None
) -> FloatArray:
    """Return the occupations (ρ_00, ρ_++, ρ_−−) at rest, shape (..., 3); without a bath Eq. (143).

    Arguments as `relaxation_times`. With optical pumping see `pumped_occupations`.
    """
    return _exchange(spin, field, temperature, bath).steady()


def occupations_in_time(
    *,
    spin: ParamagneticSpin,
    field: ArrayLike,
    temperature: ArrayLike,
    time: ArrayLike,
    initial: ArrayLike = (1.0, 0.0, 0.0),
    bath: SpinWaveBath | None = None,
) -> FloatArray:
    """Return the occupations at times after a start, a double exponential, Eqs. (141) and (246).

    Parameters
    ----------
    spin, field, temperature, bath
        As `relaxation_times`.
    time
        t ≥ 0 in s; broadcasts with field, temperature and bath.
    initial
        Occupations (ρ_00, ρ_++, ρ_−−) at t = 0, shape (..., 3), summing to one.

    Returns
    -------
    FloatArray
        Occupations (ρ_00, ρ_++, ρ_−−), shape (..., 3).

    Raises
    ------
    ArgumentError
        A time is negative, or the initial occupations are none.
    """
    seconds = non_negative("time", time, unit="s")
    start = non_negative("initial", initial)
    if start.shape[-1:] != (3,) or (np.abs(start.sum(axis=-1) - 1) > 1e-9).any():
        raise ArgumentError(
            f"initial: wanted occupations (rho_00, rho_++, rho_--) with sum 1, got {initial!r}"
        )
    exchange = _exchange(spin, field, temperature, bath)
    rest, matrix = exchange.steady(), exchange.matrix()
    fast, slow = exchange.decay()
    deviation = start[..., 1:] - rest[..., 1:]
    # exp(−At) = e^{−slow t} − (A − slow) (e^{−slow t} − e^{−fast t})/(fast − slow), by the two eigenvalues
    kept = np.exp(-slow * seconds)
    gap = fast - slow
    mixed = kept * np.where(gap > 0, -np.expm1(-gap * seconds) / np.where(gap > 0, gap, 1), seconds)
    moved = (matrix @ deviation[..., None])[..., 0] - slow[..., None] * deviation
    excited = rest[..., 1:] + kept[..., None] * deviation - mixed[..., None] * moved
    return np.concatenate([1 - excited.sum(axis=-1, keepdims=True), excited], axis=-1)


def coherence_times(
    *,
    spin: ParamagneticSpin,
    field: ArrayLike,
    temperature: ArrayLike,
    bath: SpinWaveBath | None = None,
    dephasing: ArrayLike = 0.0,
    pump_rate: ArrayLike = 0.0,
) -> CoherenceTimes:
    """Return the lifetimes of <σ_0+> and <σ_0−>, Eq. (249), with pumping Eq. (167).

    Parameters
    ----------
    spin, field, temperature, bath
        As `relaxation_times`.
    dephasing
        κ2' ≥ 0 in 1/s, from `second_order_dephasing`.
    pump_rate
        Ω ≥ 0 in 1/s: each coherence decays faster by Ω.
    """
    rates = thermal_rates(spin=spin, field=field, temperature=temperature)
    extra = non_negative("dephasing", dephasing, unit="1/s")
    pump = non_negative("pump_rate", pump_rate, unit="1/s")
    total, difference = (0.0, 0.0) if bath is None else (bath.sum_rate, bath.difference_rate)
    common = (rates.kappa_2 + extra + rates.kappa_1 + 3 * rates.gamma_plus) / 2 + pump
    plus = common - (rates.gamma_minus - total + difference) / 2
    minus = common + (rates.gamma_minus + 2 * total) / 2
    return CoherenceTimes(np.asarray(1 / plus), np.asarray(1 / minus))
