"""One line of NV centres by pulses: light after a weak π pulse against its frequency.

::

    laser      ██████▁▁▁▁▁▁▁▁▁▁▁▁▁▁██████      reads out the pulse before, polarises for the next
    microwave  ▁▁▁▁▁▁▁▁▁██████▁▁▁▁▁▁▁▁▁▁▁      in the dark, of one length
    trigger    █▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█▁▁▁▁▁      of the counter's gates
                    guard    rest A    B

In the light a line is as wide as the light makes it. Here the spins turn in the dark: a π pulse of length t
sees what is within about 0.8/t of its frequency (full width at half maximum of its own line). So 2 µs show
the hyperfine lines of the nitrogen, 2.16 MHz (¹⁴N) or 3.03 MHz (¹⁵N) apart. It is a π pulse at a power that
is as much weaker: 20 dB for a tenth of the Rabi frequency.

Gate A counts at the beginning of the laser pulse, gate B at its end; A/B does not see the laser's drift.
Frequencies are visited in a random order of its own in every average.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from labspin.bench import Bench
from labspin.data import Column
from labspin.experiment import CountParameter, Linear, Point, QuantityParameter, Repeat, Shuffled, Sweep
from labspin.instruments import PulseSequence
from labspin.procedures.pulsed import TRIGGER, PulsedReadout

__all__ = ["PulsedODMR"]


class PulsedODMR(PulsedReadout):
    """Light after a weak π pulse against its frequency: a line and its hyperfine structure."""

    name = "pulsed_odmr"
    coordinates = (
        Column(name="average", role="coordinate", description="pass through all frequencies"),
        Column(name="microwave_frequency", unit="Hz", role="coordinate", description="of the pulse"),
    )
    quantities = (
        Column(name="signal", dtype="int64", description="counts in gate A, after the pulse"),
        Column(name="reference", dtype="int64", description="counts in gate B, polarised again"),
        Column(name="contrast", description="signal / reference, per gate time"),
        Column(name="contrast_errors", description="its standard error by counting statistics"),
    )
    signal = "contrast"
    lines_apart = 0.6

    span = QuantityParameter("Width of the spectrum", units="Hz", minimum=1.0, default="8 MHz")
    frequencies = CountParameter("Number of frequencies", minimum=3, maximum=100_000, default=65)
    averages = CountParameter("Averages", minimum=1, maximum=100_000, default=4)
    pi_duration = QuantityParameter("Length of the π pulse", units="s", minimum=1e-9, default="2 us")
    laser_duration = QuantityParameter("Laser pulse", units="s", minimum=TRIGGER, default="300 us")
    rest_time = QuantityParameter("Pulse to laser", units="s", minimum=0.0, default="100 ns")
    reference_width = QuantityParameter("Reference gate", units="s", minimum=5e-9, default="100 us")
    seed = CountParameter("Seed of the order", default=0)

    def settings(self) -> Mapping[str, float]:
        """Return microwave power and the magnet's field or current; the frequency is swept."""
        return {name: value for name, value in super().settings().items() if name != "microwave.frequency"}

    def plan(self) -> Sweep:
        """Return the frequencies around ``microwave_frequency``, shuffled again in every average."""
        self.gates()
        low, high = (self.microwave_frequency + side * self.span / 2 for side in (-1, 1))
        across = Linear("microwave.frequency", low, high, self.frequencies, unit="Hz")
        return Shuffled(Repeat(across, self.averages, name="average"), self.seed, within="average")

    def sequence(self) -> PulseSequence:
        """Return one period of the pulse sequence."""
        return (
            PulseSequence()
            .pulse("laser", start=0.0, duration=self.laser_duration)
            .pulse("trigger", start=0.0, duration=TRIGGER)
            .wait(self.guard_time + self.pi_duration + self.rest_time)
            .pulse("microwave", start=self.laser_duration + self.guard_time, duration=self.pi_duration)
        )

    def played(self) -> Iterable[PulseSequence]:
        """Return the sequence."""
        return [self.sequence()]

    def duration(self, point: Point) -> float:
        """Return the time for which the sequence is played, s.

        Parameters
        ----------
        point
            The point; all of them take equally long.
        """
        return float(self.repetitions * self.sequence().duration)

    def measure(self, bench: Bench, point: Point) -> Mapping[str, object]:
        """Count signal and reference after pulses of one frequency.

        Parameters
        ----------
        bench
            The connected instruments.
        point
            The point, at which the source has the frequency.

        Returns
        -------
        Mapping
            The two counts, their ratio per gate time and its standard error.
        """
        signal, reference = self.count(bench, self.sequence(), self.gates())
        contrast, error = self.contrast(signal, reference)
        found = {"signal": signal, "reference": reference}
        return {**found, "contrast": contrast, "contrast_errors": error}
