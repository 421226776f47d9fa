"""What a moving cantilever shows a lock-in: its remembered motion as stretches of voltage.

Between two remembered instants the motion is a steady one under the drive, what is left of earlier ones
(decaying oscillations of cantilever and baths), and Brownian motion that is known at both ends. The read-out
turns ``z`` into ``gain · Re[e^{iφ} z]``, z the analytic signal; the drive reaches it as cross-talk.
"""

from __future__ import annotations

import cmath
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from labspin.physics.arguments import FloatArray
from labspin.physics.mrfm import ThermalMotion
from labspin.physics.rc_filter import Stretch
from labspin.twin.sample import ComplexArray

__all__ = ["Drive", "Instant", "Readout", "stretches_of"]


@dataclass(frozen=True)
class Drive:
    """Drive and geometry from one change of the signals to the next."""

    angular_frequency: float  # rad/s
    force: float  # N
    voltage: float  # V
    distance: float  # m


class Instant(NamedTuple):
    """Motion at one time, and what holds from there to the next instant."""

    time: float  # s
    driven: ComplexArray  # m, in the frame of the drive
    thermal: FloatArray  # m, in the lab
    phase: float  # rad, of the drive
    drive: Drive
    temperature: float  # K


@dataclass(frozen=True)
class Readout:
    """How displacement becomes voltage."""

    gain: float  # V/m
    phase: float  # rad
    cross_talk: complex  # V/V, from the drive

    def envelope(self, instants: Sequence[Instant]) -> ComplexArray:
        """Return the envelope of the voltage, its phase counted from the drive, V.

        Parameters
        ----------
        instants
            Motion at n times.

        Returns
        -------
        ComplexArray
            Complex envelope, V; shape (n,).
        """
        driven = np.array([instant.driven[0] for instant in instants])
        thermal = np.array([instant.thermal[:2] for instant in instants])
        phase = np.array([instant.phase for instant in instants])
        talk = np.array([instant.drive.voltage for instant in instants])
        own = (thermal[:, 0] - 1j * thermal[:, 1]) * np.exp(-1j * phase)
        return np.asarray(self.gain * cmath.exp(1j * self.phase) * (driven + own) + self.cross_talk * talk)

    def weights(self, size: int) -> FloatArray:
        """Return the voltage per unit of x = (q, q̇/ω0, …), V/m.

        Parameters
        ----------
        size
            Length of x.

        Returns
        -------
        FloatArray
            Shape (``size``,); zero after the first two.
        """
        weights = np.zeros(size)
        weights[:2] = self.gain * math.cos(self.phase), self.gain * math.sin(self.phase)
        return weights


def stretches_of(
    instants: Sequence[Instant],
    frequency: float,
    *,
    readout: Readout,
    motion: Callable[[Instant], ThermalMotion],
    steady: Callable[[Instant], ComplexArray],
) -> list[Stretch]:
    """Return the voltage from the first to the last instant, equal intervals under one drive at once.

    Parameters
    ----------
    instants
        In order of time, at least two.
    frequency
        Frequency of the reference, Hz.
    readout
        The read-out.
    motion, steady
        The equation of motion from an instant on, and the steady motion under its drive.
    """
    times = np.array([instant.time for instant in instants])
    steps = np.diff(times)
    other = [
        (one.drive, one.temperature) != (next_.drive, next_.temperature)
        for one, next_ in itertools.pairwise(instants[:-1])
    ]
    uneven = np.abs(np.diff(steps)) > 8 * np.spacing(abs(times[-1]))
    cuts = [0, *(np.flatnonzero(uneven | np.array(other, dtype=bool)) + 1).tolist(), len(steps)]
    return [
        _stretch(
            instants[begin : end + 1], frequency, readout, motion(instants[begin]), steady(instants[begin])
        )
        for begin, end in itertools.pairwise(cuts)
    ]


def _stretch(
    instants: Sequence[Instant],
    frequency: float,
    readout: Readout,
    motion: ThermalMotion,
    steady: ComplexArray,
) -> Stretch:
    drive, linear = instants[0].drive, motion.motion
    starts = instants[:-1]
    times = np.array([instant.time for instant in instants])
    turned = np.exp(1j * np.array([instant.phase for instant in starts]))
    free = linear.mode_amplitudes(np.array([instant.driven for instant in starts]) - steady)
    seen = readout.gain * cmath.exp(1j * readout.phase)
    tones = np.empty((len(starts), 1 + free.shape[1]), dtype=np.complex128)
    tones[:, 0] = seen * steady[0] + readout.cross_talk * drive.voltage
    tones[:, 1:] = seen * free * linear.displacements
    beat = 2 * math.pi * frequency - drive.angular_frequency
    return Stretch(
        times=times,
        reference=np.array([instant.phase for instant in starts]) + beat * times[:-1],
        rates=np.concatenate(([1j * drive.angular_frequency], linear.rates)),
        amplitudes=tones * turned[:, None],
        sizes=np.abs(readout.envelope(instants)),
        process=motion.process,
        output=readout.weights(len(instants[0].thermal)),
        states=np.array([instant.thermal for instant in instants]),
    )
