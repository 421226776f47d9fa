"""How exact the MRFM physics is: field against 40 digits, κ against the Bloch equations, thesis against ours.

Run: ``python benchmarks/mrfm_accuracy.py``
"""

from __future__ import annotations

import time
from dataclasses import replace

import mpmath
import numpy as np
from scipy import constants

from labspin.physics import mrfm

OMEGA = 2 * np.pi * 3e3


def exact_derivatives(magnet: mrfm.Magnet, position: np.ndarray) -> list[np.ndarray]:
    """Differentiate the dipole's field alone, at 40 digits."""
    m, q, r = ([mpmath.mpf(float(x)) for x in v] for v in (magnet.moment, magnet.motion, position))
    size, scale = mpmath.norm(r), mpmath.mpf(constants.mu_0) / (4 * mpmath.pi)

    def field(s: mpmath.mpf, axis: int) -> mpmath.mpf:
        at = [x - s * size * y for x, y in zip(r, q, strict=True)]
        square, dot = mpmath.fdot(at, at), mpmath.fdot(m, at)
        return scale * (3 * dot * at[axis] / square ** mpmath.mpf(2.5) - m[axis] / square ** mpmath.mpf(1.5))

    return [
        np.array([float(mpmath.diff(lambda s, a=a: field(s, a), 0, n) / size**n) for a in range(3)])
        for n in range(3)
    ]


def field_table(count: int = 200) -> None:
    rng = np.random.default_rng(1)
    worst = np.zeros(3)
    with mpmath.workdps(40):
        for _ in range(count):
            moment, motion, position = rng.normal(size=(3, 3))
            magnet = mrfm.Magnet(moment=tuple(moment * 1e-12), motion=tuple(motion / np.linalg.norm(motion)))
            position = position * 10.0 ** rng.uniform(-8, -4)
            ours = mrfm.field_derivatives(magnet=magnet, position=position)
            exact = exact_derivatives(magnet, position)
            errors = [np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in zip(ours, exact, strict=True)]
            worst = np.maximum(worst, errors)
    print(f"Dipole against 40 digits, worst of {count} random geometries (goal 1e-8)")
    for name, error in zip(("B", "dB/dq", "d2B/dq2"), worst, strict=True):
        print(f"  {name:<8} {error:.1e}")


def bloch_table(count: int = 2000) -> None:
    """Compare κ with a 3 × 3 complex solve of the linearised Bloch equation (3.3)."""
    rng = np.random.default_rng(2)
    species = mrfm.SpinSpecies("slow", 0.5, 2e5, "made up: Larmor frequency near the resonator's")
    worst = {"bloch": 0.0, "printed": 0.0}
    for _ in range(count):
        moment, motion, position = rng.normal(size=(3, 3))
        magnet = mrfm.Magnet(moment=tuple(moment * 1e-12), motion=tuple(motion / np.linalg.norm(motion)))
        kelvin, t1 = species.moment * 0.1 / constants.k, 10 ** rng.uniform(-1, 1) / OMEGA
        t2 = rng.uniform(0.1, 2) * t1
        b, b1, b2 = mrfm.field_derivatives(magnet=magnet, position=position * 1e-6)
        size = np.linalg.norm(b)
        unit = b / size
        mean = mrfm.mean_moment(species=species, field=size, temperature=kelvin)
        slope = mrfm.mean_moment_slope(species=species, field=size, temperature=kelvin)
        relax = np.eye(3) / t2 + (1 / t1 - 1 / t2) * np.outer(unit, unit)
        aim = slope * (unit @ b1) * unit + mean * (b1 - (unit @ b1) * unit) / size
        cross = np.array([[0, -b[2], b[1]], [b[2], 0, -b[0]], [-b[1], b[0], 0]])
        gamma = species.gyromagnetic_ratio
        system = 1j * OMEGA * np.eye(3) + gamma * cross + relax
        answer = np.linalg.solve(system, gamma * np.cross(mean * unit, b1) + relax @ aim)
        exact = -answer @ b1 - mean * unit @ b2
        for form in ("bloch", "printed"):
            kappa = mrfm.spin_stiffness(
                projections=mrfm.field_projections(magnet=magnet, position=position * 1e-6),
                species=species,
                temperature=kelvin,
                angular_frequency=OMEGA,
                t1=t1,
                t2=t2,
                form=form,
            )
            scale = max(abs(term) for term in kappa)
            worst[form] = max(worst[form], float(abs(kappa.total - exact) / scale))
    print(f"\nOne spin against the linearised Bloch equation, worst of {count} (goal 1e-6)")
    for form, error in worst.items():
        print(f"  form={form:<8} {error:.1e}")


def thesis_table() -> None:
    preset = mrfm.THESIS_FIG_3_3
    free = replace(preset, species=mrfm.SPECIES["electron"])
    start = time.perf_counter()
    spectrum = mrfm.reduce_geometry(magnet=preset.magnet, sample=preset.surface)
    reduction = time.perf_counter() - start
    print(f"\nThesis Fig. 3.3 (reduction {1e3 * reduction:.0f} ms): quoted, ours with g = 2, with g = 2.0023")
    rows = [
        (0.3, 1.0, "0.9398", "6.265e-4"),
        (0.1, 1.0, "2.114", "1.409e-3"),
        (0.059, 1.0, "2.372", "1.581e-3"),
        (0.059, 0.1, "0.0470", "3.131e-4"),
        (0.059, 10.0, "4.696", "3.131e-4"),
        (0.059, np.inf, "4.743", "0"),
    ]
    print("     T/mK   w0 T1 |  df/Hz: quoted       g=2    free | d(1/Q): quoted        g=2       free")
    for kelvin, phase, quoted_shift, quoted_loss in rows:
        shifts = [
            mrfm.first_order_shift(
                resonator=preset.resonator,
                stiffness=mrfm.spectrum_stiffness(
                    spectrum=spectrum,
                    density=one.density,
                    species=one.species,
                    temperature=kelvin,
                    angular_frequency=OMEGA,
                    t1=phase / OMEGA,
                ),
            )
            for one in (preset, free)
        ]
        hertz = [float(s.angular_frequency) / (2 * np.pi) for s in shifts]
        loss = [float(s.inverse_quality) for s in shifts]
        print(
            f"  {1e3 * kelvin:7.0f} {phase:7.1f} | {quoted_shift:>14} {hertz[0]:9.4f} {hertz[1]:7.4f} |"
            f" {quoted_loss:>14} {loss[0]:10.3e} {loss[1]:10.3e}"
        )


def boundary_table() -> None:
    print("\nEq. (3.10) without its boundary term against the full sum, slab of 3.8 um, disc of radius R")
    case = {
        "magnet": mrfm.THESIS_FIG_3_3.magnet,
        "density": 1e24,
        "species": mrfm.ELECTRON_G2,
        "temperature": 0.3,
        "angular_frequency": OMEGA,
        "t1": 1 / OMEGA,
        "rtol": 1e-11,
    }
    for radius in (1e-5, 2e-5, 4e-5, 8e-5, 1.6e-4, 3.2e-4):
        sample = mrfm.Layer(2.2e-6, 3.8e-6, radius)
        full = mrfm.integrate_stiffness(sample=sample, **case).stiffness
        without = mrfm.bath_stiffness(sample=sample, boundary=False, **case).stiffness
        with_it = mrfm.bath_stiffness(sample=sample, **case).stiffness
        print(
            f"  R = {1e6 * radius:4.0f} um: Re {abs(full.real / without.real - 1):.1e}, "
            f"Im {abs(full.imag / without.imag - 1):.1e}; with the term {abs(full / with_it - 1):.1e}"
        )


if __name__ == "__main__":
    field_table()
    bloch_table()
    thesis_table()
    boundary_table()
