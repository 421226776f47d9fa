"""What the spin waves of a film do to one spin near it: rates, shifts of the levels, and their gradients.

`spin_wave_bath` is the one expensive step of the NV side; everything else (lifetimes, occupations, forces) is
algebra on its result.

With A and B the integrals J (see `integrals`) with weight 1 and n̄, as rates, and a prime for the
counter-rotating terms at −ω:

    κ_d = 2 Im(A + B),   κ_a = 2 Im B                                  occupation "mode", (223) and (224)
    κ_d = 2(n̄(ω + δ) + 1) Im A,   κ_a = 2 n̄(ω + δ) Im A               occupation "spin"
    E_± = −Re(A_± + B_±) + Re B'_± − Re A_z
    E_0 = Re(B_− + B_+) − Re(A'_− + B'_− + A'_+ + B'_+)
    δ_± = E_± − E_0
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from labspin.errors import ArgumentError
from labspin.physics.arguments import FloatArray, broadcast, positive
from labspin.physics.constants import hbar, k, mu_0
from labspin.physics.spinwaves.film import Film
from labspin.physics.spinwaves.integrals import ComplexArray, Integrals, Probes, spin_wave_integrals
from labspin.physics.spinwaves.modes import occupation as bose
from labspin.physics.spinwaves.nv import ParamagneticSpin, transition_frequencies

__all__ = ["SpinWaveBath", "check_tolerance", "coupling_scale", "spin_wave_bath"]


_RATE_FACTOR = {"consistent": 1.0, "printed": 2.0}


@dataclass(frozen=True, repr=False)
class SpinWaveBath:
    """Effect of thermal spin waves on a spin, each an array of the broadcast shape.

    ``minus`` and ``plus`` are the transitions |0> <-> |−> and |0> <-> |+>.

    Parameters
    ----------
    decay_minus, absorption_minus, decay_plus, absorption_plus
        κ_d (|∓> to |0>) and κ_a (|0> to |∓>) of each transition, in 1/s.
    shift_minus, shift_plus
        δ∓ of the transitions |0> <-> |∓>, in rad/s.
    shift_zero
        Shift of the level |0> itself, in rad/s; those of |∓> are ``shift_zero`` + δ∓.
    shift_minus_gradient, shift_plus_gradient, shift_zero_gradient
        Their derivatives by the distance l in rad/(s m), from the derivative of the integrand.
    decay_minus_gradient, absorption_minus_gradient, decay_plus_gradient, absorption_plus_gradient
        Derivatives of the rates by l, in 1/(s m).
    decay_minus_error, absorption_minus_error, decay_plus_error, absorption_plus_error
        Bounds of the integration error of the rates, in 1/s.
    shift_minus_error, shift_plus_error, shift_zero_error
        Bounds of the integration error of the shifts, in rad/s.
    bands
        How many bands were summed.
    occupation
        "spin" or "mode", as in `spin_wave_bath`; with "spin" the other rates of the centre are taken at
        the shifted frequencies as well, so that in the dark it rests in the thermal state of its levels.
    """

    decay_minus: FloatArray
    absorption_minus: FloatArray
    decay_plus: FloatArray
    absorption_plus: FloatArray
    shift_minus: FloatArray
    shift_plus: FloatArray
    shift_zero: FloatArray
    shift_minus_gradient: FloatArray
    shift_plus_gradient: FloatArray
    shift_zero_gradient: FloatArray
    decay_minus_gradient: FloatArray
    absorption_minus_gradient: FloatArray
    decay_plus_gradient: FloatArray
    absorption_plus_gradient: FloatArray
    decay_minus_error: FloatArray
    absorption_minus_error: FloatArray
    decay_plus_error: FloatArray
    absorption_plus_error: FloatArray
    shift_minus_error: FloatArray
    shift_plus_error: FloatArray
    shift_zero_error: FloatArray
    bands: int
    occupation: str = "mode"

    @property
    def sum_rate(self) -> FloatArray:
        """Γ+ = (κ_d + κ_a)/2 of |0> <-> |−> in 1/s, Eq. (244)."""
        return np.asarray((self.decay_minus + self.absorption_minus) / 2)

    @property
    def difference_rate(self) -> FloatArray:
        """Γ− = (κ_d − κ_a)/2 of |0> <-> |−> in 1/s, Eq. (244)."""
        return np.asarray((self.decay_minus - self.absorption_minus) / 2)

    @property
    def sum_rate_error(self) -> FloatArray:
        """Bound of the integration error of ``sum_rate``, in 1/s."""
        return np.asarray((self.decay_minus_error + self.absorption_minus_error) / 2)

    @property
    def difference_rate_error(self) -> FloatArray:
        """Bound of the integration error of ``difference_rate``, in 1/s."""
        return np.asarray((self.decay_minus_error - self.absorption_minus_error) / 2)

    def between(self, shares: ArrayLike) -> SpinWaveBath:
        """Return the bath at a place between those along the first axis, by interpolation.

        Parameters
        ----------
        shares
            What each place contributes, such as the Lagrange polynomials of their distances; shape (n,).
        """
        weights = np.asarray(shares, dtype=np.float64)
        arrays = [np.tensordot(weights, getattr(self, name), axes=1) for name in _ARRAYS]
        return _named(arrays, self.bands, self.occupation)

    def __repr__(self) -> str:
        return f"SpinWaveBath(shape={np.shape(self.decay_minus)}, bands={self.bands})"


def coupling_scale(film: Film, spin_gyromagnetic_ratio: float) -> float:
    """Return v² of Eq. (245), in m²/s².

    Parameters
    ----------
    film
        The film.
    spin_gyromagnetic_ratio
        |γ_s| of the spin in rad/(s T).
    """
    return float(
        mu_0**2
        * film.gyromagnetic_ratio
        * spin_gyromagnetic_ratio**2
        * hbar
        * film.magnetisation
        / (16 * np.pi**2 * film.thickness)
    )


def check_tolerance(rtol: float) -> float:
    """Return a relative tolerance after a check that double precision can keep it.

    Parameters
    ----------
    rtol
        Relative tolerance, from 1e-11 to 0.1.
    """
    if not 1e-11 <= rtol <= 1e-1:
        raise ArgumentError(f"rtol: wanted a tolerance between 1e-11 and 0.1, got {rtol!r}")
    return float(rtol)


def spin_wave_bath(
    *,
    film: Film,
    spin: ParamagneticSpin,
    distance: ArrayLike,
    field: ArrayLike,
    temperature: ArrayLike,
    rtol: float = 1e-6,
    rates: str = "consistent",
    transitions: str = "both",
    occupation: str | None = None,
    counter_rotating: bool | None = None,
) -> SpinWaveBath:
    """Return relaxation rates, frequency shifts and their gradients of a spin at a distance from the film.

    Parameters
    ----------
    film, spin
        The film (`YIG_FIGURES`, …) and the centre (`NV_TABLE1`).
    distance
        l > 0 from the nearer surface, in m. The result is the same on both sides of the film.
    field, temperature
        μ0H0 in T, at least the saturation field; T > 0 in K. All three broadcast; a grid of distances costs
        little more than one distance, and so do temperatures, while every different field is an integral.
    rtol
        Relative tolerance of every integral, all bands included.
    rates
        "consistent": κ_d, κ_a of (223)–(224). "printed": twice that, as Eq. (244).
    transitions
        "both": |0> <-> |−> and |0> <-> |+>. "lower": |0> <-> |−> only, the form of [SW].
    occupation
        "spin": decay and absorption are in detailed balance at the shifted frequency of the transition.
        "mode": the occupation of every wave counts, as in (223). By default "spin", and "mode" with
        ``transitions="lower"``.
    counter_rotating
        Whether the shifts hold the terms beyond the rotating-wave approximation and the static one of S_z.
        By default they do, and not with ``transitions="lower"``.

    Returns
    -------
    SpinWaveBath
        Rates, shifts, gradients, error bounds.

    Raises
    ------
    ArgumentError
        A distance or temperature is not positive, a field is below saturation or beyond the level crossing,
        a distance is so small that the bands it needs cannot be summed, or a choice is unknown.

    Notes
    -----
    [SW] neglects |0> <-> |+>, because long waves (kd < 1) are far from ω_+, Eq. (189). Waves with kd ≈ 5 are
    resonant with it, and close to the film they win: at 35 mT the upper decay rate is 155, 80, 14 and 2.4
    times the lower one of [SW] at l/d = 0.1, 0.2, 0.5 and 1. Fermi's golden rule with the spectral density
    (113), a sum over contours and second-order perturbation on a plain grid of wavevectors confirm it.

    Off resonance a spin is relaxed by the Lorentzian tail of waves of another frequency. With (223) κ_a/κ_d
    is then not exp(−ħω/k_BT), and a spin in equilibrium would not stay there. By the fluctuation–dissipation
    theorem the occupation belongs to the frequency ω at which the spin takes energy, not to that of the wave;
    at 35 mT, where no wave is resonant with ω_−, this raises κ_d by 10 % at l = d and by 38 % at 4 d, and on
    resonance it changes nothing. The shifts keep the occupations of the waves, because the waves are narrow.

    At room temperature the counter-rotating terms are 12 % of δ_− at 35 mT and l = 0.2 d, four times what
    |0> <-> |+> adds to it. The rates are those of the rotating-wave approximation; what it leaves out is
    below 1 % of them up to 45 mT.

    [SW] prints Γ± = (κ_d ± κ_a)/2 = v² Σ∫…, Eq. (244). That integral is κ_d ± κ_a: (223), (240) with (263),
    the spectral density (113) and Fermi's golden rule all give half of it. Its figures follow (244); ask for
    ``rates="printed"`` to reproduce them.

    Diagonal bands and the Born–Markov approximation, as in [SW]; the second-order shift (254) is neglected as
    there.
    """
    choice = _Choice.checked(rates, transitions, occupation, counter_rotating)
    metres = positive("distance", distance, unit="m")
    kelvin = positive("temperature", temperature, unit="K")
    reduced = film.reduced_field(field)
    omegas = transition_frequencies(spin=spin, field=field)
    tolerance = check_tolerance(rtol)
    shape = broadcast(distance=metres, field=reduced, temperature=kelvin)
    if 0 in shape:
        return _empty(shape, choice)
    flat = [np.broadcast_to(array, shape).ravel() for array in (metres, reduced, kelvin)]
    reached = np.stack([np.broadcast_to(omega, shape).ravel() for omega in omegas])
    probes, where = _group(film, flat[0], flat[1], reached, flat[2], choice.kinds)
    integrals = spin_wave_integrals(film, probes, tolerance)
    terms = _Terms(film, spin, integrals, where, choice)
    return _bath(terms, reached, flat[2], shape)


class _Kind(NamedTuple):
    """One family of waves that a probe sees: the sign and transition of its frequency, its polarisation."""

    name: str
    sign: float
    transition: int
    polarisation: str


_MINUS = _Kind("minus", 1.0, 0, "minus")
_PLUS = _Kind("plus", 1.0, 1, "plus")
# |0> -> |−> with the emission of a wave: it couples as |0> -> |+> does with absorption.
_BACK_MINUS = _Kind("back minus", -1.0, 0, "plus")
_BACK_PLUS = _Kind("back plus", -1.0, 1, "minus")
_STATIC = _Kind("static", 0.0, 0, "z")


class _Choice(NamedTuple):
    """What is summed, and how."""

    factor: float
    both: bool
    balanced: bool
    counter_rotating: bool

    @classmethod
    def checked(
        cls, rates: str, transitions: str, occupation: str | None, counter_rotating: bool | None
    ) -> _Choice:
        if rates not in _RATE_FACTOR:
            raise ArgumentError(f"rates: wanted 'consistent' or 'printed', got {rates!r}")
        if transitions not in ("both", "lower"):
            raise ArgumentError(f"transitions: wanted 'both' or 'lower', got {transitions!r}")
        if occupation not in (None, "spin", "mode"):
            raise ArgumentError(f"occupation: wanted 'spin' or 'mode', got {occupation!r}")
        both = transitions == "both"
        balanced = both if occupation is None else occupation == "spin"
        return cls(
            _RATE_FACTOR[rates], both, balanced, both if counter_rotating is None else bool(counter_rotating)
        )

    @property
    def kinds(self) -> tuple[_Kind, ...]:
        kinds = [_MINUS]
        if self.both:
            kinds.append(_PLUS)
        if self.counter_rotating:
            kinds += [_BACK_MINUS, _STATIC]
            if self.both:
                kinds.append(_BACK_PLUS)
        return tuple(kinds)


_Index = tuple[np.ndarray, np.ndarray, np.ndarray]


def _group(
    film: Film,
    distance: FloatArray,
    reduced_field: FloatArray,
    omegas: FloatArray,
    temperature: FloatArray,
    kinds: tuple[_Kind, ...],
) -> tuple[Probes, _Index]:
    """Gather requests by field, so that each field is integrated once; return where each request went.

    The probes run over kinds first, then fields.
    """
    of_all, first, of_field = np.unique(reduced_field, return_index=True, return_inverse=True)
    kelvins, of_kelvin = np.unique(temperature, return_inverse=True)
    pairs, of_pair = np.unique(np.stack([of_field, distance], axis=1), axis=0, return_inverse=True)
    owner = pairs[:, 0].astype(np.int64)
    rank = np.arange(owner.size) - np.searchsorted(owner, owner)
    reduced = np.empty((of_all.size, rank.max() + 1))
    reduced[:] = (pairs[np.searchsorted(owner, np.arange(of_all.size)), 1] / film.thickness)[:, None]
    reduced[owner, rank] = pairs[:, 1] / film.thickness
    frequencies = [kind.sign * omegas[kind.transition, first] / film.omega_m for kind in kinds]
    probes = Probes(
        np.tile(of_all, len(kinds)),
        np.concatenate(frequencies),
        np.tile(reduced, (len(kinds), 1)),
        kelvins,
        tuple((kind.polarisation,) for kind in kinds for _ in range(of_all.size)),
    )
    return probes, (of_field, rank[of_pair.ravel()], of_kelvin)


class _Terms:
    """The integrals of every kind at the places asked for, in rad/s; absent kinds are zero."""

    def __init__(
        self, film: Film, spin: ParamagneticSpin, integrals: Integrals, where: _Index, choice: _Choice
    ) -> None:
        self.choice, self.bands, self.thickness = choice, integrals.bands, film.thickness
        self._scale = coupling_scale(film, spin.gyromagnetic_ratio) / film.thickness**2 / film.omega_m
        self._where, self._names = where, [kind.name for kind in choice.kinds]
        self._integrals = integrals

    def of(self, kind: _Kind, part: str = "value") -> tuple[ComplexArray, ComplexArray]:
        """Return A and B (weights 1 and n̄) of a kind; ``part`` is "value", "gradient" or "error"."""
        of_field, of_distance, of_kelvin = self._where
        if kind.name not in self._names:
            nothing = np.zeros(of_field.shape, dtype=np.complex128)
            return nothing, nothing
        array = getattr(self._integrals, part)
        per_kind = array.reshape(len(self._names), -1, *array.shape[1:])[self._names.index(kind.name)]
        return (
            self._scale * per_kind[of_field, of_distance, 0, 0],
            self._scale * per_kind[of_field, of_distance, 0, 1 + of_kelvin],
        )

    def levels(self, part: str) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the shifts of |−>, |+> and |0>, their gradients, or bounds of their errors, flat."""
        sign = 1.0 if part == "error" else -1.0
        a_minus, b_minus = (term.real for term in self.of(_MINUS, part))
        a_plus, b_plus = (term.real for term in self.of(_PLUS, part))
        back_a_minus, back_b_minus = (term.real for term in self.of(_BACK_MINUS, part))
        back_a_plus, back_b_plus = (term.real for term in self.of(_BACK_PLUS, part))
        static = 2 * self.of(_STATIC, part)[0].real
        minus = sign * (a_minus + b_minus + static) + back_b_minus
        plus = sign * (a_plus + b_plus + static) + back_b_plus
        zero = b_minus + b_plus + sign * (back_a_minus + back_b_minus + back_a_plus + back_b_plus)
        return minus, plus, zero

    def rates(self, kind: _Kind, number: FloatArray, part: str = "value") -> tuple[FloatArray, FloatArray]:
        """Return κ_d and κ_a of a transition, or bounds of their errors, flat."""
        bare, thermal = (term.imag for term in self.of(kind, part))
        if self.choice.balanced:
            thermal = number * bare
        factor = 2 * self.choice.factor
        return np.asarray(factor * (bare + thermal)), np.asarray(factor * thermal)

    def rate_gradients(
        self, kind: _Kind, number: FloatArray, number_gradient: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the derivatives of κ_d and κ_a by l, flat."""
        bare, thermal = (term.imag / self.thickness for term in self.of(kind, "gradient"))
        if self.choice.balanced:
            thermal = number * bare + number_gradient * self.of(kind)[0].imag
        factor = 2 * self.choice.factor
        return np.asarray(factor * (bare + thermal)), np.asarray(factor * thermal)


def _bath(terms: _Terms, omegas: FloatArray, temperature: FloatArray, shape: tuple[int, ...]) -> SpinWaveBath:
    shifts: list[FloatArray] = []
    for part, scale in (("value", 1.0), ("gradient", 1 / terms.thickness), ("error", 1.0)):
        minus, plus, zero = terms.levels(part)
        sign = -1.0 if part != "error" else 1.0
        shifts += [scale * (minus + sign * zero), scale * (plus + sign * zero), scale * zero]
    rates: list[FloatArray] = []
    gradients: list[FloatArray] = []
    errors: list[FloatArray] = []
    for at, kind in enumerate((_MINUS, _PLUS)):
        number = bose(_shifted(omegas[at], shifts[at]), temperature)
        slope = -hbar / (k * temperature) * number * (number + 1) * shifts[3 + at]
        rates += terms.rates(kind, number)
        gradients += terms.rate_gradients(kind, number, slope)
        errors += terms.rates(kind, number, "error")
    arrays = [array.reshape(shape) for array in (*rates, *shifts[:6], *gradients, *errors, *shifts[6:])]
    return _named(arrays, terms.bands, "spin" if terms.choice.balanced else "mode")


def _shifted(omega: FloatArray, shift: FloatArray) -> FloatArray:
    """Return ω + δ, which must be positive for the spin to have a thermal occupation."""
    moved = omega + shift
    low = moved <= 0
    if low.any():
        raise ArgumentError(
            "distance, field: wanted a place where spin waves shift a transition by less than its frequency, "
            f"got a shift of {shift[low][0] / 2 / np.pi:.3g} Hz at {omega[low][0] / 2 / np.pi:.3g} Hz; "
            "perturbation theory does not hold there"
        )
    return moved


def _empty(shape: tuple[int, ...], choice: _Choice) -> SpinWaveBath:
    return _named([np.zeros(shape)] * len(_ARRAYS), 0, "spin" if choice.balanced else "mode")


_ARRAYS = tuple(item.name for item in fields(SpinWaveBath) if item.name not in ("bands", "occupation"))


def _named(arrays: list[FloatArray], bands: int, occupation: str) -> SpinWaveBath:
    named: dict[str, Any] = dict(zip(_ARRAYS, arrays, strict=True))
    return SpinWaveBath(**named, bands=bands, occupation=occupation)
