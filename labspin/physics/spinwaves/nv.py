"""A spin-1 centre with its axis along the field: levels, relaxation, occupations in time, coherence times.

The centre relaxes through its own thermal bath (rates κ1, κ2, fixed by the T1 and T2* one measures) and
through the spin waves of a film nearby (`spin_wave_bath`), on both transitions |0> <-> |±>. A rate between
|−> and |+>, as electric noise at a surface causes it, can be added. Occupations are written as arrays
(..., 3) in the order ρ_00, ρ_++, ρ_−−.

Symbols: n̄_± thermal occupation at ω_± = D0 ± ω_H; γ_± = κ1 (n̄_− ± n̄_+)/2, Eq. (140); κ_d, κ_a decay and
absorption by spin waves, Eq. (223).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from labspin.errors import ArgumentError
from labspin.physics.arguments import FloatArray, broadcast, non_negative, positive
from labspin.physics.constants import hbar, k
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
    double_quantum_rate
        γ_DQ ≥ 0 between |−> and |+> in 1/s, the mean of both directions; 0 in [SW], as spin waves do not
        cause it.

    Raises
    ------
    ArgumentError
        A number is not finite and positive (the double-quantum rate may be zero), or T2* exceeds 2 T1.
    """

    zero_field_splitting: float
    gyromagnetic_ratio: float
    occupation_lifetime: float
    coherence_lifetime: float
    double_quantum_rate: float = 0.0

    def __post_init__(self) -> None:
        for item in fields(self):
            check = non_negative if item.name == "double_quantum_rate" else positive
            check(f"spin {item.name}", getattr(self, item.name))
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
    """Lifetimes of the coherences <σ_0+>, <σ_0−>, Eq. (249), and <σ_+−>, Eqs. (145) and (238), in s."""

    plus: FloatArray
    minus: FloatArray
    double_quantum: FloatArray


def transition_frequencies(*, spin: ParamagneticSpin, field: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return ω_− and ω_+ = D0 ∓, ± |γ_s| μ0H0 in rad/s.

    Parameters
    ----------
    spin
        The centre.
    field
        μ0H0 ≥ 0 in T, below the field where |−> crosses |0>; any shape.

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
            f"field: wanted less than {limit:.4g} T, where |-> crosses |0>, got {float(tesla.max())!r} T"
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


class Exchange(NamedTuple):
    """Rates between the three levels, in 1/s: |0> up to |±> and back, |−> up to |+> and back."""

    up_plus: FloatArray
    down_plus: FloatArray
    up_minus: FloatArray
    down_minus: FloatArray
    across_up: FloatArray
    across_down: FloatArray

    def matrix(self) -> FloatArray:
        """Return A of d(ρ_++, ρ_−−)/dt = (up_+, up_−) − A (ρ_++, ρ_−−), shape (..., 2, 2)."""
        rows = np.broadcast_arrays(
            self.up_plus + self.down_plus + self.across_down,
            self.up_plus - self.across_up,
            self.up_minus - self.across_down,
            self.up_minus + self.down_minus + self.across_up,
        )
        stacked = np.stack(rows, axis=-1)
        return stacked.reshape(*stacked.shape[:-1], 2, 2)

    def trees(self) -> FloatArray:
        """Return the weights of (0, +, −) at rest, not normalised, shape (..., 3): sums of positive terms."""
        to_zero = self.down_plus * self.down_minus
        to_zero = to_zero + self.down_plus * self.across_up + self.down_minus * self.across_down
        to_plus = self.up_plus * (self.down_minus + self.across_up) + self.up_minus * self.across_up
        to_minus = self.up_minus * (self.down_plus + self.across_down) + self.up_plus * self.across_down
        return np.stack(np.broadcast_arrays(to_zero, to_plus, to_minus), axis=-1)

    def steady(self) -> FloatArray:
        """Return the occupations (ρ_00, ρ_++, ρ_−−) at rest, shape (..., 3)."""
        weights = self.trees()
        return np.asarray(weights / weights.sum(axis=-1, keepdims=True))

    def decay(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the larger and the smaller eigenvalue of the matrix, and how fast occupations swing.

        Far from detailed balance the levels are run through in a circle, and the eigenvalues are a complex
        pair: both decay with its real part, and swing with its imaginary part, which is 0 otherwise.
        """
        matrix = self.matrix()
        a, b = matrix[..., 0, 0], matrix[..., 1, 1]
        mean, square = (a + b) / 2, (a - b) ** 2 / 4 + matrix[..., 0, 1] * matrix[..., 1, 0]
        fast = mean + np.sqrt(np.maximum(square, 0.0))
        slow = np.where(square < 0, mean, self.trees().sum(axis=-1) / fast)
        return fast, slow, np.sqrt(np.maximum(-square, 0.0))


def exchange_rates(
    spin: ParamagneticSpin, field: ArrayLike, temperature: ArrayLike, bath: SpinWaveBath | None
) -> Exchange:
    """Return the rates between the ground levels, from the spin's own bath and the spin waves."""
    thermal = thermal_rates(spin=spin, field=field, temperature=temperature)
    shape = np.zeros(()) if bath is None else bath.decay_minus
    broadcast(thermal=thermal.gamma_plus, bath=shape)
    kelvin = np.asarray(temperature, dtype=np.float64)
    omega_minus, omega_plus = transition_frequencies(spin=spin, field=field)
    number_minus, number_plus = thermal.occupation_minus, thermal.occupation_plus
    waves: tuple[FloatArray, ...] = (shape,) * 4
    if bath is not None:
        waves = (bath.absorption_plus, bath.decay_plus, bath.absorption_minus, bath.decay_minus)
        if bath.occupation == "spin":
            omega_minus, omega_plus = omega_minus + bath.shift_minus, omega_plus + bath.shift_plus
            number_minus, number_plus = occupation(omega_minus, kelvin), occupation(omega_plus, kelvin)
    suppressed = np.exp(-hbar * (omega_plus - omega_minus) / (k * kelvin))
    across_down = 2 * spin.double_quantum_rate / (1 + suppressed)
    return Exchange(
        np.asarray(thermal.kappa_1 * number_plus + waves[0]),
        np.asarray(thermal.kappa_1 * (1 + number_plus) + waves[1]),
        np.asarray(thermal.kappa_1 * number_minus + waves[2]),
        np.asarray(thermal.kappa_1 * (1 + number_minus) + waves[3]),
        np.asarray(across_down * suppressed),
        np.asarray(across_down),
    )


def exchange_gradients(
    spin: ParamagneticSpin, field: ArrayLike, temperature: ArrayLike, bath: SpinWaveBath
) -> Exchange:
    """Return the derivatives of `exchange_rates` by the distance, in 1/(s m)."""
    waves = (
        bath.absorption_plus_gradient,
        bath.decay_plus_gradient,
        bath.absorption_minus_gradient,
        bath.decay_minus_gradient,
    )
    if bath.occupation != "spin":
        nothing = np.zeros_like(bath.decay_minus)
        return Exchange(*waves, nothing, nothing)
    thermal = thermal_rates(spin=spin, field=field, temperature=temperature)
    beta = hbar / (k * np.asarray(temperature, dtype=np.float64))
    omega_minus, omega_plus = transition_frequencies(spin=spin, field=field)
    plus, minus = omega_plus + bath.shift_plus, omega_minus + bath.shift_minus
    slopes = []
    for omega, slope in ((plus, bath.shift_plus_gradient), (minus, bath.shift_minus_gradient)):
        number = occupation(omega, np.asarray(temperature, dtype=np.float64))
        slopes.append(-thermal.kappa_1 * beta * number * (number + 1) * slope)
    suppressed = np.exp(-beta * (plus - minus))
    across = 2 * spin.double_quantum_rate * suppressed / (1 + suppressed) ** 2
    across = across * beta * (bath.shift_plus_gradient - bath.shift_minus_gradient)
    return Exchange(
        waves[0] + slopes[0],
        waves[1] + slopes[0],
        waves[2] + slopes[1],
        waves[3] + slopes[1],
        -across,
        across,
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
    The rates are the eigenvalues of the matrix of the three levels, or the real part of the complex pair that
    rates far from detailed balance can make; with |0> <-> |−> alone it is that of (242)–(243). The
    closed form (247) printed in [SW] does not follow from that matrix: its bracket should read γ+² + 3γ−²
    + Γ+² + Γ+(γ+ + 3γ−) + Γ−(γ− − γ+).
    """
    exchange = exchange_rates(spin, field, temperature, bath)
    fast, slow, _ = exchange.decay()
    error: FloatArray | float = 0.0
    if bath is not None:
        # An eigenvalue moves by no more than the largest column sum of what is added to the matrix.
        error = bath.decay_minus_error + bath.absorption_minus_error
        error = 2 * (error + bath.decay_plus_error + bath.absorption_plus_error) / fast**2
    return RelaxationTimes(1 / slow, 1 / fast, np.asarray(1 / fast), np.broadcast_to(error, fast.shape))


def steady_occupations(
    *, spin: ParamagneticSpin, field: ArrayLike, temperature: ArrayLike, bath: SpinWaveBath | None = None
) -> FloatArray:
    """Return the occupations (ρ_00, ρ_++, ρ_−−) at rest, shape (..., 3); without a bath Eq. (143).

    With optical pumping see `pumped_occupations`.

    Parameters
    ----------
    spin
        The centre.
    field, temperature
        μ0H0 in T and T > 0 in K.
    bath
        Spin waves at the place of the centre, from `spin_wave_bath`; None is far from the film. Shapes of the
        three broadcast.
    """
    return exchange_rates(spin, field, temperature, bath).steady()


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

    Rates far from detailed balance, which run through the levels in a circle, make a swing that decays of it.

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
    exchange = exchange_rates(spin, field, temperature, bath)
    rest, matrix = exchange.steady(), exchange.matrix()
    fast, slow, swing = exchange.decay()
    deviation = start[..., 1:] - rest[..., 1:]
    # exp(−At) = e^{−slow t} − (A − slow) (e^{−slow t} − e^{−fast t})/(fast − slow) by two eigenvalues, or
    # e^{−slow t} (cos wt − (A − slow) sin(wt)/w) by a complex pair slow ± iw
    kept = np.exp(-slow * seconds)
    gap = fast - slow
    mixed = np.where(gap > 0, -np.expm1(-gap * seconds) / np.where(gap > 0, gap, 1), seconds)
    mixed = kept * np.where(swing > 0, np.sin(swing * seconds) / np.where(swing > 0, swing, 1), mixed)
    kept = kept * np.cos(swing * seconds)
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
    """Return the lifetimes of <σ_0+>, <σ_0−> and <σ_+−>, Eq. (249), with pumping Eqs. (167) and (168).

    Parameters
    ----------
    spin, field, temperature, bath
        As `relaxation_times`.
    dephasing
        κ2' ≥ 0 in 1/s, from `second_order_dephasing`.
    pump_rate
        Ω ≥ 0 in 1/s: each coherence decays faster by Ω.

    Returns
    -------
    CoherenceTimes
        Half of what leaves the two levels, and the dephasing: (κ2 + κ2')/2 for <σ_0±>, four times that for
        <σ_+−>.
    """
    rates = thermal_rates(spin=spin, field=field, temperature=temperature)
    exchange = exchange_rates(spin, field, temperature, bath)
    extra = non_negative("dephasing", dephasing, unit="1/s")
    pump = non_negative("pump_rate", pump_rate, unit="1/s")
    pure = (rates.kappa_2 + extra) / 2
    leave_zero = exchange.up_plus + exchange.up_minus
    leave_plus = exchange.down_plus + exchange.across_down
    leave_minus = exchange.down_minus + exchange.across_up
    return CoherenceTimes(
        np.asarray(1 / ((leave_zero + leave_plus) / 2 + pure + pump)),
        np.asarray(1 / ((leave_zero + leave_minus) / 2 + pure + pump)),
        np.asarray(1 / ((leave_plus + leave_minus) / 2 + 4 * pure + pump)),
    )
