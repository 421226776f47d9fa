"""What procedures share that go from field to field and look at both lines of spin-1 centres near a film.

They move the magnet and the microwave themselves: the lines of centres along the field are D ∓ γB. And they
watch the light: a tip that touches the film, or comes off, shows as a jump of it, and ends the run, so that
the safe state retracts the positioner.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

from labspin.bench import Bench
from labspin.data import Column
from labspin.errors import DeviceError, PlanError
from labspin.experiment import QuantityParameter
from labspin.instruments import MagnetSupply
from labspin.procedures.lists import QuantityListParameter
from labspin.procedures.pulsed import PulsedReadout

__all__ = ["LINES", "FieldByField"]

LINES = ("lower", "upper")


class FieldByField(PulsedReadout):
    """Base of those that measure both lines at one field after the other."""

    roles: ClassVar[Mapping[str, type]] = MappingProxyType({**PulsedReadout.roles, "magnet": MagnetSupply})
    coordinates: Sequence[Column] = (
        Column(name="magnet_field", unit="T", role="coordinate", description="along the axis of the centres"),
    )

    fields = QuantityListParameter(
        "Magnet fields", units="T", default="20 mT", description="One after the other"
    )
    zero_field_splitting = QuantityParameter("Zero-field splitting D", units="Hz", default="2.877 GHz")
    gyromagnetic_ratio = QuantityParameter("Gyromagnetic ratio γ", units="Hz/T", default="28.011 GHz/T")
    laser_power = QuantityParameter(
        "Laser power", units="W", minimum=0.0, default="0 W",
        description="Of a bench that has a laser whose power is set; 0: left as it is",
    )  # fmt: skip
    largest_light_change = QuantityParameter(
        "Largest change of the light", minimum=1e-3, default=0.5,
        description="Relative to the first count; a larger one (a tip that touches) ends the run",
    )  # fmt: skip

    def settings(self) -> Mapping[str, float]:
        """Return the power of the microwave, and of the light where it is given.

        Raises
        ------
        PlanError
            The card sets the magnet or the microwave's frequency, which the procedure moves.
        """
        if self.magnet != "field" or self.magnet_field != 0 or self.magnet_current != 0:
            raise PlanError(
                f"procedure {self.name!r}: it moves the magnet's field itself; give 'fields', and leave "
                "magnet, magnet_field and magnet_current out"
            )
        light = {"laser.power": self.laser_power} if self.laser_power > 0 else {}
        return {"microwave.power": self.microwave_power, **light}

    def lines(self, field: float) -> tuple[float, float]:
        """Return the lower and the upper line at a field, Hz.

        Parameters
        ----------
        field
            Field along the axis of the centres, T, ≥ 0.

        Raises
        ------
        PlanError
            The field is so high that |-> lies below |0>.
        """
        zeeman = self.gyromagnetic_ratio * field
        if not 0 <= zeeman < self.zero_field_splitting:
            raise PlanError(
                f"procedure {self.name!r}: wanted fields from 0 T to less than "
                f"{self.zero_field_splitting / self.gyromagnetic_ratio:.4g} T, where |-> crosses |0>, "
                f"got {field:g} T"
            )
        return self.zero_field_splitting - zeeman, self.zero_field_splitting + zeeman

    def prepare(self, bench: Bench) -> None:
        """Forget how bright it was.

        Parameters
        ----------
        bench
            The connected instruments.
        """
        super().prepare(bench)
        self._brightness: float | None = None
        self._power: float | None = None

    def watch(self, bench: Bench, reference: int) -> None:
        """Raise an error where the light is another than at the first count at this power of the laser.

        Parameters
        ----------
        bench
            The connected instruments.
        reference
            Counts in the reference gate.

        Raises
        ------
        DeviceError
            There is none, the laser is at 0 W, or the light has changed by more than
            ``largest_light_change``.
        """
        if reference <= 0:
            raise DeviceError(
                f"procedure {self.name!r}: wanted light in the reference gate, got no count; switch the "
                "laser on ('laser_power'), and look at shutter and counter"
            )
        laser = bench.actuators.get("laser.power")
        power = None if laser is None else laser.last_sent
        if self._brightness is None and laser is not None and (laser.read() if power is None else power) <= 0:
            raise DeviceError(
                f"procedure {self.name!r}: wanted light in the reference gate, got {reference} dark counts: "
                "the laser is at 0 W; set 'laser_power', or laser.power under [scan]"
            )
        if self._brightness is None or power != self._power:
            self._power = power
            self._brightness = float(reference)
        change = abs(reference - self._brightness) / max(self._brightness, 1.0)
        # Few counts scatter: by six standard deviations they may, before the light is called another.
        scatter = 6 * (1 / max(self._brightness, 1.0)) ** 0.5
        if change > self.largest_light_change + scatter:
            raise DeviceError(
                f"procedure {self.name!r}: wanted light within {100 * self.largest_light_change:.3g} % of "
                f"the first {self._brightness:.0f} counts, got {reference}; the tip may touch the film: "
                "retract it and look, or raise 'largest_light_change'"
            )
