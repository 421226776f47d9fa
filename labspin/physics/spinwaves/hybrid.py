"""Hybridised bands: the thickness modes of a film with the dipolar coupling between them kept.

The magnetisation is expanded in S_n(x) ∝ cos(nπx/d). Dipolar fields couple mode n to n', through P_nn' (same
component, n + n' even) and Q_nn' (x with y, n + n' odd, ∝ cos φ). Equations (51)–(57) are then K m = Ω Σ m
with a positive matrix K and Σ = [[0, −i], [i, 0]]; with m_x = i a, m_y = b it is real, and with the Cholesky
factor of K it is an ordinary symmetric eigenproblem, solved in one batch for all wavevectors.
Hellmann–Feynman gives velocities and decay rates from the eigenvectors.

The diagonal bands of `modes` keep n = n' only. They are wrong by tens of percent where Damon–Eshbach bands
cross (n ≥ 1, kd of a few), and good to about a percent for backward volume waves.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.arrays import AnyArray
from labspin.errors import ArgumentError
from labspin.physics.arguments import FloatArray
from labspin.physics.spinwaves.film import Film, ValidityWarning
from labspin.physics.spinwaves.modes import Points, _p00, form_factor, mode_points, stiffness

__all__ = ["HybridModes", "dispersion", "hybridised_modes"]

_VISIBLE = 0.05
_EXTRA_MODES = 12
_BASIS_ERROR = 1e-5
_LARGEST_BASIS = 1200


@dataclass(frozen=True)
class HybridModes:
    """Hybridised modes, sorted by frequency; index −1 of every array but the velocity's is the band.

    Parameters
    ----------
    frequency
        ω in rad/s, shape (..., bands).
    decay_rate
        γ = 2 α_G ω ∂ω/∂ω_H, Eq. (12), in rad/s.
    group_velocity
        ∂ω/∂k in m/s, shape (..., bands, 2), components (y, z).
    amplitude_above, amplitude_below
        h_{βη0} at the surfaces, normalised as the diagonal modes (Eq. 84), up to a common sign of a mode.
    weights
        a_n and b_n of m_β = Σ_n S_n(x) (a_n, i b_n, 0) over the coupled thickness modes, shape
        (..., bands, 2, basis); with one of them (√ν_y, √ν_x) of Eq. (84).
    """

    frequency: FloatArray
    decay_rate: FloatArray
    group_velocity: FloatArray
    amplitude_above: FloatArray
    amplitude_below: FloatArray
    weights: FloatArray


def dispersion(
    *,
    film: Film,
    field: ArrayLike,
    wavenumber: ArrayLike,
    angle: ArrayLike = 0.0,
    band: ArrayLike = 0,
    bands: str = "diagonal",
) -> FloatArray:
    """Return the frequency of spin waves, with or without hybridisation of the bands.

    Parameters
    ----------
    film, field, wavenumber, angle, band
        As `mode_frequency`; they broadcast.
    bands
        "diagonal": Eq. (78), the bands of [SW]. "hybridised": the coupled problem (51)–(57), where ``band``
        counts the modes by frequency.

    Returns
    -------
    FloatArray
        ω in rad/s.

    Raises
    ------
    ArgumentError
        As `mode_frequency`, or ``bands`` is neither of the two.

    Warns
    -----
    ValidityWarning
        Diagonal bands were asked for where second-order perturbation by the neighbouring bands moves them by
        more than 5 %.
    """
    points = mode_points(film, field, wavenumber, angle, band)
    if bands == "hybridised":
        return _hybrid_frequency(film, points)
    if bands != "diagonal":
        raise ArgumentError(f"bands: wanted 'diagonal' or 'hybridised', got {bands!r}")
    modes = stiffness(film, points.reduced_field, points.kappa, points.c, points.band)
    _warn_where_visible(film, points, modes.u)
    return film.omega_m * modes.u


def hybridised_modes(
    *,
    film: Film,
    field: ArrayLike,
    wavenumber: ArrayLike,
    angle: ArrayLike = 0.0,
    count: int = 4,
    basis: int | None = None,
) -> HybridModes:
    """Return the lowest hybridised modes with velocities, decay rates and stray-field amplitudes.

    Parameters
    ----------
    film, field, wavenumber, angle
        As `mode_frequency`; they broadcast. The wavenumber must be positive.
    count
        How many modes, from the lowest.
    basis
        How many thickness modes to couple; by default as many as bring every frequency within 10⁻⁵: three by
        three halves more, until that moves none by more.

    Raises
    ------
    ArgumentError
        As `mode_frequency`, a wavenumber is zero, or the basis is smaller than ``count``.

    Warns
    -----
    ValidityWarning
        The film is so thick (d²/α_x) that even the largest basis does not bring the frequencies within 10⁻⁵.
    """
    points = mode_points(film, field, wavenumber, angle, 0)
    if (points.kappa == 0).any():
        raise ArgumentError("wavenumber: wanted a value > 0 for hybridised modes, got 0.0; take a small one")
    if count < 1 or (basis is not None and count > basis):
        raise ArgumentError(f"count: wanted 1 to {basis or 'any number of'} modes, got {count!r}")
    shape = np.broadcast_shapes(points.reduced_field.shape, points.kappa.shape, points.angle.shape)
    field_, kappa, phi = (
        np.broadcast_to(a, shape)[..., None, None] for a in (points.reduced_field, points.kappa, points.angle)
    )
    size = _converged_basis(film, field_, kappa, phi, count) if basis is None else basis
    omega, w = _eigenmodes(_matrix(film, field_, kappa, phi, size))
    omega, w = omega[..., :count], w[..., :count]
    return HybridModes(
        frequency=film.omega_m * omega,
        decay_rate=film.gilbert_damping * film.omega_m * (w**2).sum(axis=-2),
        group_velocity=film.omega_m * film.thickness * _velocity(film, field_, kappa, phi, size, omega, w),
        amplitude_above=_amplitude(kappa, phi, w, 1),
        amplitude_below=_amplitude(kappa, phi, w, -1),
        weights=np.swapaxes(w, -1, -2).reshape(*w.shape[:-2], count, 2, size) * np.array([[1.0], [-1.0]]),
    )


def _converged_basis(film: Film, field: AnyArray, kappa: AnyArray, phi: AnyArray, count: int) -> int:
    """Return how many thickness modes the lowest ``count`` frequencies need at all points, shape (..., 1, 1).

    How many depends on d²/α_x (modes up to d/π√α_x couple visibly), kd and the field; the error falls as a
    power of the basis. So the basis grows until it moves nothing; points that are settled drop out.
    """
    size = count + _EXTRA_MODES + int(np.ceil(min(kappa.max(initial=0.0), 60.0) / np.pi))
    field, kappa, phi = (array.reshape(-1, 1, 1) for array in (field, kappa, phi))
    before = _frequencies(film, field, kappa, phi, size)[:, :count]
    while before.size:
        if size >= _LARGEST_BASIS:
            warnings.warn(
                f"hybridised modes of a film with d^2/alpha_x = {1 / film.exchange_ratio:.3g} are not "
                f"settled to {_BASIS_ERROR:g} with {size} thickness modes; take diagonal bands",
                ValidityWarning,
                stacklevel=4,
            )
            break
        size = min(-(-3 * size // 2), _LARGEST_BASIS)
        after = _frequencies(film, field, kappa, phi, size)[:, :count]
        moved = (np.abs(before / after - 1) > _BASIS_ERROR).any(axis=-1)
        field, kappa, phi, before = field[moved], kappa[moved], phi[moved], after[moved]
    return size


def _frequencies(film: Film, field: AnyArray, kappa: AnyArray, phi: AnyArray, size: int) -> FloatArray:
    """Return Ω of all modes in a basis, ascending, shape (..., size)."""
    inverse = np.linalg.eigvalsh(_symmetric(_matrix(film, field, kappa, phi, size))[0])
    return np.asarray(1 / inverse[..., ::-1][..., :size])


def _hybrid_frequency(film: Film, points: Points) -> FloatArray:
    shape = np.broadcast_shapes(points.reduced_field.shape, points.kappa.shape, points.angle.shape)
    field, kappa, phi = (
        np.broadcast_to(a, shape)[..., None, None]
        for a in (points.reduced_field, np.maximum(points.kappa, 1e-9), points.angle)
    )
    size = _converged_basis(film, field, kappa, phi, int(points.band.max(initial=0)) + 1)
    omega = film.omega_m * _frequencies(film, field, kappa, phi, size)
    full = np.broadcast_shapes(shape, points.band.shape)
    spread = (
        np.broadcast_to(omega, (*full, size))
        if len(full) == len(shape)
        else omega.reshape((1,) * (len(full) - len(shape)) + omega.shape)
    )
    spread = np.broadcast_to(spread, (*full, size))
    return np.take_along_axis(spread, np.broadcast_to(points.band, full)[..., None], axis=-1)[..., 0]


def dipolar_matrices(kappa: AnyArray, size: int) -> tuple[AnyArray, AnyArray]:
    """Return P_nn' (symmetric) and Q_nn' (antisymmetric) for κ of shape (..., 1, 1)."""
    n = np.arange(size)[:, None]
    m = np.arange(size)[None, :]
    norm = np.where(n == 0, 1.0, np.sqrt(2.0)) * np.where(m == 0, 1.0, np.sqrt(2.0))
    even = (n + m) % 2 == 0
    share_n = np.where(n == 0, 1.0, kappa**2 / np.where(n == 0, 1.0, kappa**2 + (n * np.pi) ** 2))
    share_m = np.where(m == 0, 1.0, kappa**2 / np.where(m == 0, 1.0, kappa**2 + (m * np.pi) ** 2))
    edge_n = np.where(n % 2 == 0, -np.expm1(-kappa), 1 + np.exp(-kappa))
    # κ/(κ² + n²π²) is share/κ; the product with the other share keeps small κ harmless for n' ≥ 1.
    p = np.where(n == m, share_n, 0) - norm * even * share_n * share_m * edge_n / kappa
    p = np.where((n == 0) & (m == 0), _p00(kappa), p)
    gap = np.where(n == m, 1, m**2 - n**2)
    q = 2 * norm * ~even * share_m * (np.where(even, 0, m**2 / gap) - 0.5 * share_n * edge_n) / kappa
    return p, q


def _matrix(film: Film, field: AnyArray, kappa: AnyArray, phi: AnyArray, size: int) -> AnyArray:
    """Return the real stiffness matrix K' over (a_0, a_1, …, b_0, b_1, …), shape (..., 2 size, 2 size)."""
    p, q = dipolar_matrices(kappa, size)
    index = np.arange(size)
    exchange = field + film.exchange_ratio * (kappa**2 + (index * np.pi) ** 2)
    unit = np.eye(size)
    cosine = np.cos(phi)
    shape = np.broadcast_shapes(exchange.shape, p.shape, phi.shape)[:-2]
    out = np.zeros((*shape, 2 * size, 2 * size), dtype=np.result_type(p, exchange, cosine))
    out[..., :size, :size] = (exchange + 1) * unit - p
    out[..., size:, size:] = exchange * unit + cosine**2 * p
    out[..., :size, size:] = cosine * q
    out[..., size:, :size] = -cosine * q
    return out


def _symmetric(matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return L⁻¹(−σ_x)L⁻ᵀ, whose eigenvalues are ±1/Ω, and L⁻¹, for K' = LLᵀ."""
    size = matrix.shape[-1] // 2
    inverse = np.linalg.inv(np.linalg.cholesky(matrix))
    swapped = np.concatenate([inverse[..., size:], inverse[..., :size]], axis=-1)
    product = -inverse @ np.swapaxes(swapped, -1, -2)
    return 0.5 * (product + np.swapaxes(product, -1, -2)), inverse


def _eigenmodes(matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return Ω > 0 ascending and the modes w = (a, b) as columns, normalised to wᵀ(−σ_x)w = 2Ω."""
    size = matrix.shape[-1] // 2
    reduced, inverse = _symmetric(matrix)
    values, vectors = np.linalg.eigh(reduced)
    omega = 1 / values[..., ::-1][..., :size]
    modes = np.swapaxes(inverse, -1, -2) @ vectors[..., ::-1][..., :size]
    return omega, modes * (np.sqrt(2.0) * omega)[..., None, :]


def _velocity(
    film: Film, field: AnyArray, kappa: AnyArray, phi: AnyArray, size: int, omega: FloatArray, w: FloatArray
) -> FloatArray:
    """Return dΩ/dκ as components (y, z), from wᵀ(dK')w/2Ω with dK' by a complex step."""
    step = 1e-100
    by_kappa = _matrix(film, field, kappa + 1j * step, phi, size).imag / step
    by_angle = _matrix(film, field, kappa, phi + 1j * step, size).imag / step
    radial, turned = (
        np.einsum("...ib,...ij,...jb->...b", w, change, w) / (2 * omega) for change in (by_kappa, by_angle)
    )
    azimuthal = turned / kappa[..., 0]
    sine, cosine = np.sin(phi)[..., 0], np.cos(phi)[..., 0]
    return np.stack([radial * cosine - azimuthal * sine, radial * sine + azimuthal * cosine], axis=-1)


def _amplitude(kappa: AnyArray, phi: AnyArray, w: FloatArray, eta: int) -> FloatArray:
    """Return Σ_n η^n f_n (a_n − η cos φ b_n), the stray field of the modes at a surface."""
    size = w.shape[-2] // 2
    n = np.arange(size)[:, None]
    factor = form_factor(kappa, n) * np.where(n % 2 == 0, 1, eta)
    return np.asarray((factor * (w[..., :size, :] - eta * np.cos(phi) * w[..., size:, :])).sum(axis=-2))


def _warn_where_visible(film: Film, points: Points, u: FloatArray) -> None:
    """Warn where coupling to the neighbouring bands moves a diagonal band by more than 5 %."""
    higher = points.band >= 1
    if not higher.any() or not (points.c > 0.05).any():
        return
    shape = np.shape(u)
    field, kappa, c, band = (
        np.broadcast_to(a, shape)[np.broadcast_to(higher, shape)]
        for a in (points.reduced_field, np.maximum(points.kappa, 1e-9), points.c, points.band)
    )
    own = np.broadcast_to(u, shape)[np.broadcast_to(higher, shape)]
    moved = np.zeros_like(own)
    for other in (band - 1, band + 1):
        far = stiffness(film, field, kappa, c, other)
        coupling = c * _neighbour_q(kappa, band, other) ** 2
        gap = np.abs(far.u**2 - own**2)
        moved = np.maximum(moved, _pushed(coupling * own * far.u, gap) / own**2)
    if (moved > 2 * _VISIBLE).any():
        warnings.warn(
            f"diagonal bands differ visibly from hybridised ones at {int((moved > 2 * _VISIBLE).sum())} of "
            f"the points asked for (estimate: up to {50 * moved.max():.0f} %); "
            "take bands='hybridised' there",
            ValidityWarning,
            stacklevel=3,
        )


def _pushed(coupling: FloatArray, gap: FloatArray) -> FloatArray:
    """Return by how much two squared frequencies, a gap apart, are pushed aside by a coupling."""
    return np.asarray(np.sqrt(gap**2 / 4 + 4 * coupling) - gap / 2)


def _neighbour_q(kappa: FloatArray, n: NDArray[np.int64], m: NDArray[np.int64]) -> FloatArray:
    norm = np.where(n == 0, 1.0, np.sqrt(2.0)) * np.where(m == 0, 1.0, np.sqrt(2.0))
    share_n = kappa**2 / (kappa**2 + (n * np.pi) ** 2)
    share_m = kappa**2 / (kappa**2 + (m * np.pi) ** 2)
    edge = np.where(n % 2 == 0, -np.expm1(-kappa), 1 + np.exp(-kappa))
    return np.asarray(2 * norm * share_m * (m**2 / (m**2 - n**2) - 0.5 * share_n * edge) / kappa)
