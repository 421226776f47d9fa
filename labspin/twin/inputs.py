"""What reaches a sample: the pattern on the lines of a pulse generator, and the signals of instruments."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from labspin.errors import ArgumentError
from labspin.physics.arguments import FloatArray, finite, positive

__all__ = ["Pattern", "Signals"]


@dataclass(frozen=True, eq=False)
class Pattern:
    """What a pulse generator plays on its lines, one period of it.

    Parameters
    ----------
    durations
        Length of each step, s; shape (n,), all > 0.
    lines
        Level of each named line in each step; shape (n,) each. Digital lines are 0 or 1, analog lines in V.
    """

    durations: FloatArray
    lines: Mapping[str, FloatArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        durations = np.atleast_1d(positive("durations of the pattern", self.durations, unit="s"))
        if durations.ndim != 1 or durations.size == 0:
            raise ArgumentError(f"durations of the pattern: wanted shape (n,), got {durations.shape}")
        lines = {}
        for name, levels in self.lines.items():
            array = np.atleast_1d(finite(f"levels of line {name!r}", levels))
            if array.shape != durations.shape:
                raise ArgumentError(
                    f"levels of line {name!r}: wanted one a step, shape {durations.shape}, got {array.shape}"
                )
            lines[name] = array
        object.__setattr__(self, "durations", durations)
        object.__setattr__(self, "lines", lines)

    @classmethod
    def constant(cls, duration: float, **levels: float) -> Pattern:
        """Return a pattern of one step of ``duration`` (s) in which every line keeps its level.

        Parameters
        ----------
        duration
            Length of the step, which is the period, s.
        **levels
            Level of each line by its name; digital lines 0 or 1, analog lines in V.
        """
        return cls(np.array([duration]), {name: np.array([float(level)]) for name, level in levels.items()})

    @functools.cached_property
    def period(self) -> float:
        """Length of one period, s."""
        return float(self.durations.sum())

    @functools.cached_property
    def boundaries(self) -> FloatArray:
        """Times at which the steps begin, and the end of the last, s; shape (n + 1,)."""
        return np.concatenate(([0.0], np.cumsum(self.durations)))

    @functools.cached_property
    def key(self) -> bytes:
        """What tells this pattern from others: equal for patterns of equal content."""
        parts = [self.durations.tobytes()]
        parts += [name.encode() + b"=" + self.lines[name].tobytes() for name in sorted(self.lines)]
        return b"|".join(parts)

    def line(self, name: str) -> FloatArray:
        """Return the level of line ``name`` in every step, shape (n,); zeros if the line is not played.

        Parameters
        ----------
        name
            Name of a line.
        """
        levels = self.lines.get(name)
        return np.zeros_like(self.durations) if levels is None else levels

    def edges(self, line: str, *, falling: bool = False) -> FloatArray:
        """Return the times in [0, period) at which ``line`` rises (or falls), s.

        The pattern repeats: a line that is low in the last step and high in the first rises at 0.
        A line that never falls never rises.

        Parameters
        ----------
        line
            Name of a line.
        falling
            Whether falling edges are wanted, not rising ones.
        """
        high = (self.line(line) > 0.5) ^ falling
        return self.boundaries[:-1][high & ~np.roll(high, 1)]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


class Signals(Mapping[str, float]):
    """A frozen view of every named signal of the bench at one time.

    Names are ``instrument.quantity``, values SI (power levels in dBm, ``-inf`` when the output is off):
    ``"magnet.current"`` A, ``"microwave.frequency"`` Hz, ``"microwave.power"`` dBm, ``"laser.power"`` W,
    ``"cryostat.heater"`` W, ``"drive.amplitude"`` V, ``"drive.frequency"`` Hz.

    Attributes
    ----------
    pattern : Pattern or None
        What is played on the lines meanwhile; None if not known.
    origin : float
        Simulated time at which the pattern was started, which fixes its phase, s.
    """

    __slots__ = ("_values", "origin", "pattern")

    def __init__(
        self, values: Mapping[str, float], pattern: Pattern | None = None, origin: float = 0.0
    ) -> None:
        self._values = dict(values)
        self.pattern, self.origin = pattern, origin

    def __getitem__(self, name: str) -> float:
        try:
            return self._values[name]
        except KeyError:
            known = ", ".join(sorted(self._values)) or "none"
            raise ArgumentError(f"signal {name!r} does not exist on this bench; there are: {known}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def get(self, name: str, default: float = 0.0) -> float:  # type: ignore[override]
        """Return the signal, or ``default`` if this bench has none of that name.

        Parameters
        ----------
        name
            Name of a signal.
        default
            Value where there is no such signal.
        """
        return self._values.get(name, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Signals({self._values!r})"
