"""Stanford Research Systems SR400, a gated photon counter with two counters.

Commands and ranges follow the manual, *Model SR400 Gated Photon Counter*, revision 2.7 (11/2018), 'Detailed
Command List', pages 39 to 47.

Quirks:

- It knows no ``*IDN?``. It is recognised by plausible answers to ``CM``, ``NP`` and ``NE``.
- A preset has one significant digit (``CP2,12`` sets 10): it counts over 1 … 9 times a power of ten triggers,
  and nothing else. Other numbers are refused here, for a count over fewer triggers than thought is a wrong
  count.
- Gate times have four digits, coarser above 2048 (`nearest_gate_time`); the counter rounds silently. Settings
  are read back for the snapshot.
- ``SS`` clears the bits that it reads, so that a lost answer would lose the end of a count. Whether a
  count is finished is read from the scan buffer instead: ``QA1`` is -1 until the first period is complete,
  and can be asked again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import ClassVar, Unpack

from pymeasure.adapters import Adapter
from pymeasure.instruments import Instrument

from labspin.errors import IdentityError, LimitError, ReplyError
from labspin.instruments.base import GuardedChannel, LabspinInstrument, Opening
from labspin.instruments.invalid import decimal, whole
from labspin.instruments.limits import check_limits
from labspin.instruments.properties import choice, quantity, whole_number

__all__ = [
    "DELAYS",
    "LARGEST_COUNT",
    "OVERFLOW",
    "RATE_ERROR",
    "SLOPES",
    "SR400",
    "WIDTHS",
    "GatedCounter",
    "check_preset",
    "nearest_gate_time",
]

DELAYS = (0.0, 999.2e-3)
WIDTHS = (5e-9, 999.2e-3)
_PRESETS = (1, 9e11)
LARGEST_COUNT = 999_999_999
OVERFLOW, RATE_ERROR = 8, 16
"""Bits of the status byte that say that a counter ran over, and that a trigger came too early."""
SLOPES = {"rise": 0, "fall": 1}
_GATE_MODES = {"open": 0, "fixed": 1, "scan": 2}
_MODES = {"A,B for T": 0, "A-B for T": 1, "A+B for T": 2, "A for B": 3}
_INPUTS = {"10 MHz": 0, "input 1": 1, "input 2": 2, "trigger": 3}


class GatedCounter(GuardedChannel):
    """Counter A (id 0) or B (id 1) with its gate and discriminator."""

    input: str = choice(
        "CI{ch}",
        "CI{ch},%d",
        """Control what is counted (dimensionless, str: "10 MHz", "input 1", "input 2" or "trigger").""",
        name="SR400 input",
        words=_INPUTS,
        checked=False,
    )
    gate_mode: str = choice(
        "GM{ch}",
        "GM{ch},%d",
        """Control the gate (dimensionless, str: "open", "fixed" or "scan").""",
        name="SR400 gate_mode",
        words=_GATE_MODES,
        checked=False,
    )
    gate_delay: float = quantity(
        "GD{ch}",
        "GD{ch},%.4G",
        """Control the delay of the gate after the trigger (s, float from 0 to 0.9992).""",
        name="SR400 gate_delay",
        unit="s",
        limits=DELAYS,
        checked=False,
    )
    gate_width: float = quantity(
        "GW{ch}",
        "GW{ch},%.4G",
        """Control the width of the gate (s, float from 5 ns to 0.9992 s).""",
        name="SR400 gate_width",
        unit="s",
        limits=WIDTHS,
        checked=False,
    )
    discriminator_level: float = quantity(
        "DL{ch}",
        "DL{ch},%.4f",
        """Control the discriminator's threshold (V, float from -0.3 to 0.3, in steps of 0.2 mV).""",
        name="SR400 discriminator_level",
        unit="V",
        limits=(-0.3, 0.3),
        checked=False,
    )
    discriminator_slope: str = choice(
        "DS{ch}",
        "DS{ch},%d",
        """Control the edge that is counted (dimensionless, str: "rise" or "fall").""",
        name="SR400 discriminator_slope",
        words=SLOPES,
        checked=False,
    )


class SR400(LabspinInstrument):
    """Driver of the SR400; see the module for its quirks."""

    asked_once = frozenset({"SS", "SS3", "SI"})
    takes_several = True
    # Records end with a carriage return on the serial port; on GPIB they end with the bus's own END.
    terminations: ClassVar[Mapping[str, object]] = {
        "asrl": {"read_termination": "\r", "write_termination": "\r"},
        "tcpip": {"read_termination": "\r", "write_termination": "\r"},
        "gpib": {"write_termination": "\n"},
    }

    a = Instrument.ChannelCreator(GatedCounter, 0)
    b = Instrument.ChannelCreator(GatedCounter, 1)

    def __init__(self, adapter: Adapter | str, name: str = "SR400", **kwargs: Unpack[Opening]) -> None:
        super().__init__(adapter, name, **kwargs)
        self._marks = 0

    def _marker(self) -> tuple[str, Callable[[str], bool]]:
        # There is no *IDN?. The scan step of gate B acts on nothing in a fixed gate, and takes a number that
        # no other answer is.
        self._marks = self._marks % 999 + 1
        step = 1e-3 + self._marks * 1e-6

        def is_answer(reply: str) -> bool:
            try:
                return abs(decimal(reply) - step) < 0.5e-6
            except ValueError:
                return False

        return f"GY1,{step:.3E};GY1", is_answer

    mode: str = choice(
        "CM",
        "CM%d",
        """Control the counting mode (dimensionless, str such as "A,B for T" or "A for B").""",
        name="SR400 mode",
        words=_MODES,
        checked=False,
    )
    preset_input: str = choice(
        "CI2",
        "CI2,%d",
        """Control what counter T counts (dimensionless, str: "10 MHz", "input 2" or "trigger").""",
        name="SR400 preset_input",
        words={name: _INPUTS[name] for name in ("10 MHz", "input 2", "trigger")},
        checked=False,
    )
    preset: float = Instrument.control(
        "CP2",
        "CP2,%.0E",
        """Control the count of T at which a period ends (dimensionless, 1 to 9E11, one digit).""",
        validator=lambda value, values: check_preset(value),
        values=_PRESETS,
    )
    periods: int = whole_number(
        "NP",
        "NP%d",
        """Control the number of periods in a scan (dimensionless, int from 1 to 2000).""",
        name="SR400 periods",
        limits=(1, 2000),
        checked=False,
    )
    end_mode: str = choice(
        "NE",
        "NE%d",
        """Control what follows a scan (dimensionless, str: "stop" or "start").""",
        name="SR400 end_mode",
        words={"stop": 0, "start": 1},
        checked=False,
    )
    trigger_level: float = quantity(
        "TL",
        "TL%.3f",
        """Control the threshold of the trigger input (V, float from -2 to 2, in steps of 1 mV).""",
        name="SR400 trigger_level",
        unit="V",
        limits=(-2.0, 2.0),
        checked=False,
    )
    trigger_slope: str = choice(
        "TS",
        "TS%d",
        """Control the edge that triggers (dimensionless, str: "rise" or "fall").""",
        name="SR400 trigger_slope",
        words=SLOPES,
        checked=False,
    )

    def start(self) -> None:
        """Start counting; the scan buffer is emptied."""
        self.write("CS")

    def reset(self) -> None:
        """Stop counting and clear counters and scan buffer."""
        self.write("CR")

    def count(self, counter: str, period: int = 1) -> int:
        """Return what a counter counted in a period, or -1 if the period is not complete.

        Parameters
        ----------
        counter
            ``"A"`` or ``"B"``.
        period
            Number of the period, from 1.
        """
        found: int = self.values(f"Q{counter}{period}", cast=whole)[0]
        return found

    def spoilt(self) -> int:
        """Return what has spoilt counts since the last question, `OVERFLOW` or `RATE_ERROR`; forget it."""
        return int(self.values("SS", cast=whole)[0]) & (OVERFLOW | RATE_ERROR)

    def identify(self) -> str:
        """Return maker and model if the answers are those of an SR400.

        Raises
        ------
        IdentityError
            Another instrument answers.
        """
        retries, self.retries = self.retries, 0  # what another instrument answers is not worth asking again
        try:
            if 1 <= self.periods <= 2000 and self.mode in _MODES and self.end_mode in ("stop", "start"):
                return "Stanford Research Systems,SR400 (knows no *IDN?)"
        except ReplyError as error:
            raise IdentityError(
                f"{self._title}: wanted an SR400, but the replies are not those of one: {error}"
            ) from error
        finally:
            self.retries = retries
        raise IdentityError(f"{self._title}: wanted an SR400, but NP answers a number out of its range")

    def safe(self) -> None:
        """Stop counting."""
        self.reset()


def nearest_gate_time(value: float) -> float:
    """Return the gate time nearest to ``value`` that the SR400 can make, s.

    Four digits down to 1 ns; the fourth goes in steps of 1, 2, 4 or 8 from 1000, 2048, 4096 and 8192 on
    (manual, page 42).

    Parameters
    ----------
    value
        The time that is wanted, s.
    """
    if value <= 0:
        return 0.0
    decade = max(-9, math.floor(math.log10(value) + 1e-12) - 3)
    digits = value / 10.0**decade
    step = 1 if digits < 2048 else 2 if digits < 4096 else 4 if digits < 8192 else 8
    if decade == -9 and digits < 1000:
        step = 1
    return float(f"{round(digits / step) * step}e{decade}")


def check_preset(value: float) -> float:
    """Return ``value`` if it is a whole number with one significant digit, from 1 to 9E11.

    Parameters
    ----------
    value
        A preset.

    Raises
    ------
    LimitError
        It is not; the text names the neighbours.
    """
    number = check_limits("SR400 preset", value, *_PRESETS)
    decade = 10 ** math.floor(math.log10(number) + 1e-12)
    digit = number / decade
    if digit != round(digit):
        below = math.floor(digit) * decade
        raise LimitError(
            f"SR400 preset: wanted a whole number with one significant digit, got {value!r}; "
            f"take {below:.15g} or {below + decade:.15g}"
        )
    return number
