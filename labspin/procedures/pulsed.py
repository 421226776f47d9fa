"""What procedures share that play a pulse sequence over and over, and count photons in gates of it.

A subclass says which sequences it plays (`SequenceProcedure.played`) and, if it counts, in which gates
(`PulsedProcedure.counted`); checking them against the generator and the counter before anything moves,
counting, and leaving the lines low are the same for all.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from labspin.bench import Bench
from labspin.errors import DeviceError, PlanError
from labspin.experiment import CountParameter, ListParameter, Procedure, QuantityParameter
from labspin.instruments import (
    MicrowaveSource,
    PhotonCounter,
    PulseGenerator,
    PulseSequence,
    with_gates,
)

__all__ = [
    "TRIGGER",
    "AtOneField",
    "Gate",
    "PulsedProcedure",
    "PulsedReadout",
    "SequenceProcedure",
    "normalised",
    "on_time_steps",
    "ratio",
]

TRIGGER = 100e-9
"""Length of the counter's trigger, s; any counter sees it."""
_TIME_STEP = 1e-9  # s, of most generators
_POLL = 0.02  # s between two questions whether a count is finished
_PATIENCE = 2.0  # s that a count may take longer than its sequences

Gate = tuple[float, float]
"""Delay after the trigger and width, s."""


class SequenceProcedure(Procedure):
    """Base of procedures that play a repeated pulse sequence."""

    roles: ClassVar[Mapping[str, type]] = MappingProxyType({"pulses": PulseGenerator})

    def adapt(self, bench: Bench) -> None:
        """Use the pulse generator's resolution as time step if the card gives none.

        Parameters
        ----------
        bench
            The instruments, connected or not.
        """
        if getattr(self, "time_step", None) == 0:
            self.set_parameters({"time_step": bench.pulses.resolution})

    def played(self) -> Iterable[PulseSequence]:
        """Return every sequence that the plan plays."""
        raise NotImplementedError(f"procedure {self.name!r} does not say what it plays")

    def sequences(self) -> dict[str, PulseSequence]:
        """Return the sequences that are worth drawing, by title; by default the first one."""
        return dict(zip([self.name], self.played(), strict=False))

    def drawn(self) -> dict[str, PulseSequence]:
        """Return `sequences` with a line more for every gate of a counter."""
        return self.sequences()

    def check(self, bench: Bench) -> None:
        """Raise an error if the pulse generator cannot play one of the sequences.

        Parameters
        ----------
        bench
            The instruments.

        Raises
        ------
        SequenceError
            One of them does not fit.
        """
        for sequence in self.played():
            sequence.check_for(bench.pulses)

    def prepare(self, bench: Bench) -> None:
        """Switch the microwave on, where there is one; the pulse generator's line gates it.

        Parameters
        ----------
        bench
            The connected instruments.
        """
        if "microwave" in self.roles:
            bench.microwave.output_enabled = True

    def finish(self, bench: Bench) -> None:
        """Stop the pulses and switch the microwave off.

        Parameters
        ----------
        bench
            The connected instruments.
        """
        bench.pulses.stop()
        if "microwave" in self.roles:
            bench.microwave.output_enabled = False


class PulsedProcedure(SequenceProcedure):
    """Base of procedures that count photons in gates of a repeated pulse sequence."""

    roles: ClassVar[Mapping[str, type]] = MappingProxyType(
        {**SequenceProcedure.roles, "counter": PhotonCounter}
    )

    repetitions = CountParameter(
        "Repetitions of each sequence per point", minimum=1, maximum=10**9, default=10_000,
        description="Periods that one count takes; the SR400 presets one significant digit",
    )  # fmt: skip

    def counted(self) -> Iterable[tuple[Sequence[Gate], Sequence[str] | None]]:
        """Return every choice of gates, and of the detectors that they watch, that is counted in."""
        raise NotImplementedError(f"procedure {self.name!r} does not say in which gates it counts")

    def drawn(self) -> dict[str, PulseSequence]:
        """Return `sequences` with a line more for every gate of a counter."""
        found = self.sequences()
        for gates, detectors in self.counted():
            found = {title: with_gates(one, gates, detectors) for title, one in found.items()}
            break  # counts in other gates are of the same kind
        return found

    def check(self, bench: Bench) -> None:
        """Raise an error if the instruments cannot make the sequences or the gates.

        Parameters
        ----------
        bench
            The instruments.

        Raises
        ------
        SequenceError
            A pulse sequence does not fit the pulse generator.
        LabspinError
            The counter has too few gates or detectors, or cannot count so many triggers.
        """
        super().check(bench)
        counter = bench.counter
        for gates, detectors in self.counted():
            if counter.max_gates < len(gates):
                raise PlanError(
                    f"procedure {self.name!r}: wanted a counter with {len(gates)} gates, got one with "
                    f"{counter.max_gates}; use another counter or input"
                )
            counter.check(gates, triggers=self.repetitions, **_named(detectors))

    def count(
        self,
        bench: Bench,
        sequence: PulseSequence,
        gates: Sequence[Gate],
        *,
        detectors: Sequence[str] | None = None,
        settle: float = 0.0,
    ) -> list[int]:
        """Play a sequence and return the counts in each gate, summed over the repetitions.

        The generator runs for ever while the counter takes its number of triggers: the first period after a
        start is not yet in the steady state, and a trigger that is missed does not stall the count.

        Parameters
        ----------
        bench
            The connected instruments.
        sequence
            One period of the pulse sequence.
        gates
            Delay after the trigger and width of each gate, s.
        detectors
            Name of the detector that each gate counts; None: the counter's usual detector.
        settle
            Time from the start of the pulses to the first trigger that is counted, s.

        Raises
        ------
        DeviceError
            The triggers did not come.
        """
        bench.pulses.load(sequence, repetitions=-1)
        bench.pulses.start()
        if settle > 0:
            bench.clock.sleep(settle)
        bench.counter.arm(gates, triggers=self.repetitions, **_named(detectors))
        expected = self.repetitions * sequence.duration
        deadline = bench.clock.now() + 1.1 * expected + _PATIENCE
        bench.clock.sleep(expected)
        while not bench.counter.is_done():
            if bench.clock.now() > deadline:
                raise DeviceError(
                    f"counter: wanted {self.repetitions} triggers within {1.1 * expected + _PATIENCE:.3g} s, "
                    "got fewer; check the trigger cable and level"
                )
            bench.clock.sleep(_POLL)
        # Plain integers from here to the journal: products of counts may exceed 64 bits.
        counts: list[int] = bench.counter.counts().tolist()
        bench.pulses.stop()
        return counts


class AtOneField(PulsedProcedure):
    """Base of those that watch one resonance at one field of the magnet."""

    roles: ClassVar[Mapping[str, type]] = MappingProxyType(
        {**PulsedProcedure.roles, "microwave": MicrowaveSource}
    )
    repetitions = CountParameter(
        "Repetitions of each sequence per average", minimum=1, maximum=10**9, default=10_000
    )
    microwave_frequency = QuantityParameter(
        "Microwave frequency", units="Hz", minimum=0.0, default="2.87 GHz"
    )
    microwave_power = QuantityParameter("Microwave power", units="dBm", default="0 dBm")
    magnet = ListParameter(
        "Magnet set by", choices=["field", "current", "nothing"], default="field",
        description="nothing: left as it is",
    )  # fmt: skip
    magnet_field = QuantityParameter("Magnet field", units="T", default="0 T", group_by="magnet",
                                     group_condition="field")  # fmt: skip
    magnet_current = QuantityParameter("Magnet current", units="A", default="0 A", group_by="magnet",
                                       group_condition="current")  # fmt: skip

    def settings(self) -> Mapping[str, float]:
        """Return microwave frequency and power, and the magnet's field or current."""
        found = {"microwave.frequency": self.microwave_frequency, "microwave.power": self.microwave_power}
        for way, value in (("field", self.magnet_field), ("current", self.magnet_current)):
            if self.magnet == way:
                found[f"magnet.{way}"] = value
            elif value != 0:
                raise PlanError(
                    f"procedure {self.name!r}: magnet_{way} is {value!r} but the magnet is set by "
                    f"{self.magnet!r}; set magnet = {way!r} or leave magnet_{way} out"
                )
        return found


class PulsedReadout(AtOneField):
    """Base of those that read the spins out by the first photons of a laser pulse.

    Gate A counts the signal at the beginning of the pulse, gate B the reference at its end, where the spins
    are polarised again; signal/reference does not see the laser's power drift.
    """

    laser_duration = QuantityParameter("Laser pulse", units="s", minimum=TRIGGER, default="1 ms")
    guard_time = QuantityParameter("Laser off to microwave pulse", units="s", minimum=0.0, default="1 us")
    signal_delay = QuantityParameter("Readout to signal gate", units="s", minimum=0.0, default="0 s")
    signal_width = QuantityParameter("Signal gate", units="s", minimum=5e-9, default="20 us")
    reference_width = QuantityParameter("Reference gate", units="s", minimum=5e-9, default="200 us")
    reference_margin = QuantityParameter(
        "Reference gate to end of readout", units="s", minimum=0.0, default="1 us"
    )
    dead_time = QuantityParameter(
        "Dead time of the detector after a count", units="s", minimum=0.0, maximum=1e-5, default="0 s",
        description="Contrasts are corrected for it",
    )  # fmt: skip

    def gates(self) -> tuple[Gate, Gate]:
        """Return (delay, width) of the signal gate and of the reference gate after the trigger, s.

        Raises
        ------
        PlanError
            They do not fit into the laser pulse.
        """
        reference = self.laser_duration - self.reference_margin - self.reference_width
        signal_end = self.signal_delay + self.signal_width
        if reference < signal_end:
            raise PlanError(
                f"procedure {self.name!r}: the signal gate ends {signal_end:g} s into the readout and the "
                f"reference gate begins at {reference:g} s; make the laser pulse longer or the gates shorter"
            )
        return (self.signal_delay, self.signal_width), (reference, self.reference_width)

    def counted(self) -> Iterable[tuple[Sequence[Gate], None]]:
        """Return the two gates."""
        return [(self.gates(), None)]

    def compared(
        self, bench: Bench, sequences: Mapping[str, PulseSequence], difference: str, *, swapped: bool
    ) -> dict[str, float]:
        """Count after two sequences; return counts, contrasts with their errors, and the difference.

        Parameters
        ----------
        bench
            The connected instruments.
        sequences
            The two, by what their columns end with: ``signal_KIND``, ``reference_KIND``, ``contrast_KIND``.
        difference
            Column of the first contrast minus the second.
        swapped
            Whether the second sequence is played first, which drifts ask for in every other average.

        Returns
        -------
        found
            Name of each column to its value; standard errors are ``contrast_KIND_errors`` and so on.
        """
        order = list(sequences)[::-1] if swapped else list(sequences)
        counts = {kind: self.count(bench, sequences[kind], self.gates()) for kind in order}
        found: dict[str, float] = {}
        for kind in sequences:
            signal, reference = counts[kind]
            contrast, error = self.contrast(signal, reference)
            found |= {f"signal_{kind}": signal, f"reference_{kind}": reference}
            found |= {f"contrast_{kind}": contrast, f"contrast_{kind}_errors": error}
        first, second = (f"contrast_{kind}" for kind in sequences)
        found[difference] = found[first] - found[second]
        found[f"{difference}_errors"] = math.hypot(found[f"{first}_errors"], found[f"{second}_errors"])
        return found

    def contrast(self, signal: int, reference: int) -> tuple[float, float]:
        """Return signal over reference per gate time, and its standard error; see `normalised`.

        The detector was dead for ``dead_time`` after every count: N counts in gates of a total time T stand
        for N/(1 − N dead_time/T), with the same relative error.

        Parameters
        ----------
        signal, reference
            Counts in the signal gate and in the reference gate.

        Raises
        ------
        DeviceError
            So many counts leave no time in which the detector was alive.
        """
        gate_ratio = self.reference_width / self.signal_width
        alive = [
            1 - counts * self.dead_time / (self.repetitions * width)
            for counts, width in ((signal, self.signal_width), (reference, self.reference_width))
        ]
        if min(alive) <= 0:
            raise DeviceError(
                f"procedure {self.name!r}: {max(signal, reference)} counts in {self.repetitions} gates leave "
                f"no time at a dead time of {self.dead_time:g} s; correct 'dead_time'"
            )
        return normalised(signal=signal, reference=reference, gate_ratio=gate_ratio * alive[1] / alive[0])


def _named(detectors: Sequence[str] | None) -> dict[str, object]:
    # A counter of one detector need not know of names.
    return {} if detectors is None else {"detectors": detectors}


def on_time_steps(procedure: str, what: str, times: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    """Return times rounded to multiples of a time step, s.

    Parameters
    ----------
    procedure, what
        Name of the procedure and of the times, for the error message.
    times
        The times in s, ascending.
    step
        The time step in s; 0 for 1 ns, as long as no pulse generator is known.

    Raises
    ------
    PlanError
        Two of them fall on one step; the text names ``procedure`` and ``what``.
    """
    step = step or _TIME_STEP
    steps = np.round(np.asarray(times, dtype=np.float64) / step)
    if np.any(np.diff(steps) < 1):
        raise PlanError(
            f"procedure {procedure!r}: {len(steps)} {what} from {times[0]:g} s to {times[-1]:g} s are closer "
            f"than the time step of {step:g} s; take fewer or over a longer range"
        )
    return np.asarray(steps * step, dtype=np.float64)


def ratio(*, counts: int, reference: int) -> tuple[float, float]:
    """Return the ratio of two Poisson counts and its standard error.

    ``r = N/R`` with ``σ_r = r √(1/N + 1/R)``; no count at all counts as an uncertainty of one count.

    Parameters
    ----------
    counts, reference
        N and R.

    Returns
    -------
        r and σ_r; NaN where the reference is empty.
    """
    if reference <= 0:
        return math.nan, math.nan
    return counts / reference, math.sqrt(max(counts, 1) + counts**2 / reference) / reference


def normalised(*, signal: int, reference: int, gate_ratio: float) -> tuple[float, float]:
    """Return the brightness in the signal gate relative to the reference gate, and its standard error.

    ``c = (S/R) (w_R/w_S)`` with ``σ_c = c √(1/S + 1/R)`` for Poisson counts.

    Parameters
    ----------
    signal, reference
        Counts S and R. No count at all counts as an uncertainty of one count.
    gate_ratio
        Width of the reference gate over that of the signal gate, w_R/w_S.

    Returns
    -------
        c and σ_c, both dimensionless; NaN where the reference is empty.
    """
    found, error = ratio(counts=signal, reference=reference)
    return found * gate_ratio, error * gate_ratio
