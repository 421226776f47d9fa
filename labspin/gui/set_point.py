"""One manual set-point: typed, changed in steps with the arrow keys, undone."""

from __future__ import annotations

import math
from functools import partial

from PySide6.QtCore import QObject, Signal

from labspin.errors import LimitError, RunAborted
from labspin.gui.axes import shown
from labspin.gui.foreign import tool_tip
from labspin.gui.link import HostLink
from labspin.gui.parts import QuantityField, button, label
from labspin.gui.tasks import sentence
from labspin.session.host_records import ActuatorRecord, HostStatus, value_of

__all__ = ["SetPoint", "check_limits"]

_FOLLOWS = 1e-3  # of the limits' span: a read-back so near to what was sent has arrived
_FINEST = 100  # steps between the limits, at first
_REMEMBERED = 50  # values that can be taken back, one after the other
_KEYS = (
    "↑ and ↓ move it by a step, Page Up and Page Down make the step ten times greater or smaller; Esc stops "
    "a ramp"
)


class SetPoint(QObject):
    """The field of a set-point, its limits, and the button that undoes the last change.

    Parameters
    ----------
    full
        ``instrument.attribute``.
    unit
        Unit of its value.
    actuator
        From the description of the bench; None: it has no limits, and can only be typed.
    link
        To the host.

    Signals
    -------
    refused()
        A value is refused, or valid again: `problem` says why.
    """

    refused = Signal()

    def __init__(
        self, full: str, unit: str, actuator: ActuatorRecord | None, link: HostLink, parent: QObject
    ) -> None:
        super().__init__(parent)
        self.full, self._unit, self._actuator, self._link = full, unit, actuator, link
        self._record = link.record  # no other host is meant, whatever was connected since
        check = partial(check_limits, full, actuator) if actuator else None
        self.field = QuantityField(unit, check, step=_first_step(actuator) if actuator else None)
        self.field.setAccessibleName(f"set {full}")
        if actuator is not None:
            self.field.set_hint(_KEYS)
        self.limits = label("", "muted", wrap=True)
        self.back = button("", self.take_back, "small", hint="take the last change back")
        self.back.hide()
        self.stop = button("■ stop", self.halt, "small", hint="stop the ramp where it is (Esc in its field)")
        self.stop.setAccessibleName(f"stop {full}")
        self.stop.hide()
        self._goal: float | None = None
        self._is_moving = self._is_halted = False
        self._before: list[float] = []
        self._former: list[float] = []
        self._status: HostStatus = {}
        self._refused = ""
        self.field.given.connect(self._given)
        self.field.nudged.connect(self.nudge)
        self.field.stepped.connect(self._tell)
        self.field.focused.connect(self._tell)
        self.field.undone.connect(self.take_back)
        self.field.halted.connect(self.halt)
        self.field.textChanged.connect(lambda _: self._refuse(""))
        self._tell()

    @property
    def problem(self) -> str:
        """Why what was typed, or a step, is refused; or ``""``."""
        return self.field.problem or self._refused

    def _refuse(self, text: str) -> None:
        self._refused = text
        self.refused.emit()

    # -- moving ----------------------------------------------------------------------------------------

    def stands(self) -> float | None:
        """Return where the set-point was last sent, or else what is read back; None: neither is known."""
        actuator = self._actuator
        sent = self._status.get("sent", {}).get(actuator["moves"]) if actuator else None
        if actuator is not None and sent is not None:
            return float(actuator["offset"] + actuator["slope"] * sent)
        value = value_of(self._status.get("readings", {}), self.full)
        return float(value) if isinstance(value, (int, float)) else None

    def _given(self, value: float) -> None:
        self._show_busy(True)
        self._remember()
        self._move(value)

    def nudge(self, change: float) -> None:
        """Move by a step from where it was sent last; steps in quick succession add up.

        Parameters
        ----------
        change
            The step, in the unit of the set-point.
        """
        start = self.stands() if self._goal is None else self._goal
        if start is None or self._actuator is None:
            self._refuse(f"{self.full}: cannot be moved by a step, since its value is not known; type one")
            return
        value = float(f"{start + change:.12g}")
        try:
            check_limits(self.full, self._actuator, value)
        except LimitError as error:
            self._refuse(str(error))
            return
        self._refuse("")
        if self._goal is None:
            self._remember()
        self._move(value)

    def take_back(self) -> None:
        """Move to where it was before the last change."""
        if self._before and self._goal is None:
            *self._before, before = self._former = self._before
            self._move(before)
            self._tell()

    def halt(self) -> None:
        """Stop the ramp where it is, no matter who began it; pending set-points are dropped."""
        if self._is_moving or self._is_ramped:
            self._is_halted, self._goal = self._is_moving, None
            self._link.order(lambda host: host.halt(self.full), of=self._record)

    @property
    def _is_ramped(self) -> bool:
        """Whether a ramp lasts, by this window or another client."""
        hand = self._status.get("hand")
        return hand is not None and hand["name"] == self.full

    def _remember(self) -> None:
        before, self._former = self.stands(), self._before
        if before is not None and self._actuator is not None:
            self._before = [*self._before[1 - _REMEMBERED :], before]

    def _move(self, value: float) -> None:
        """Send a value; of those that are wanted while it moves, only the last is sent next."""
        self._goal = value
        if self._is_moving:
            return
        self._is_moving = True
        self._link.order(
            lambda host: host.set(self.full, value),
            partial(self._moved, value),
            self._failed,
            of=self._record,
        )
        if self._link.record != self._record or not self._link.is_connected:
            self._end()

    def _moved(self, value: float, _: object) -> None:
        self._is_moving = False
        if self._goal is not None and self._goal != value:
            self._move(self._goal)
            return
        self._end()
        self.field.clear()

    def _failed(self, error: Exception) -> None:
        if self._is_halted and isinstance(error, RunAborted):
            self._end()  # the value has changed all the same, and can be taken back
            return
        self._before = self._former
        self._end()
        self._link.trouble.emit(sentence(error))

    def _end(self) -> None:
        self._is_moving = self._is_halted = False
        self._goal = None
        self._show_busy(False)
        self._tell()

    def _show_busy(self, is_busy: bool) -> None:
        """Let the field keep the focus of the keyboard, but nothing be typed, while it moves."""
        self.field.setReadOnly(is_busy)
        self.field.style().unpolish(self.field)
        self.field.style().polish(self.field)

    # -- what is said ----------------------------------------------------------------------------------

    def show_status(self, status: HostStatus) -> None:
        """Show the limits, and a ramp in progress.

        Parameters
        ----------
        status
            A status of the host.
        """
        self._status = status
        self._tell()

    def _tell(self) -> None:
        if self._actuator is None:
            return
        under_way = self._under_way(self._actuator)
        is_held = self.field.step is not None and self.field.hasFocus()
        step = f" · step {shown(self.field.step or 0.0, self._unit)}" if is_held else ""
        self.limits.setText(under_way or _limits(self._actuator) + step)
        self.stop.setVisible(self._is_ramped)
        self.back.setVisible(bool(self._before) and not self._is_ramped)
        if self._before:
            before = shown(self._before[-1], self._unit)
            self.back.setText(f"↶ {before}")
            self.back.setToolTip(tool_tip(f"move {self.full} back to {before} (Ctrl+Z in its empty field)"))

    def _under_way(self, actuator: ActuatorRecord) -> str:
        """Return the text shown during a ramp."""
        status = self._status
        hand = status.get("hand")
        is_moved = status.get("state") == "running" or (
            hand is not None and hand["name"].partition(".")[0] == self.full.partition(".")[0]
        )
        sent = status.get("sent", {}).get(actuator["moves"])
        if sent is None or actuator["ramp_time"] is None or not is_moved:
            return ""
        target = actuator["offset"] + actuator["slope"] * sent
        at = value_of(status["readings"], self.full)
        if isinstance(at, (int, float)) and abs(at - target) <= _FOLLOWS * (
            actuator["maximum"] - actuator["minimum"]
        ):
            return ""
        return f"→  {shown(target, self._unit)}"


def _first_step(actuator: ActuatorRecord) -> float | None:
    """Return a power of ten that divides the limits into a hundred steps at least."""
    span = actuator["maximum"] - actuator["minimum"]
    if not (math.isfinite(span) and span > 0):
        return None
    return float(f"1e{math.floor(math.log10(span / _FINEST))}")


def _limits(actuator: ActuatorRecord) -> str:
    unit = actuator["unit"]
    low, high = (shown(actuator[end], unit) for end in ("minimum", "maximum"))
    time = actuator["ramp_time"]
    ramp = "" if time is None or time <= 0 else f", {shown(1 / time, unit)}/s"
    return f"{low} … {high}{ramp}"


def check_limits(name: str, actuator: ActuatorRecord, value: float) -> None:
    """Raise if a value is beyond the limits of the station; it is not sent.

    Parameters
    ----------
    name
        ``instrument.attribute``.
    actuator
        From the description of the bench.
    value
        In the unit of the actuator.

    Raises
    ------
    LimitError
        It is beyond the limits.
    """
    low, high, unit = actuator["minimum"], actuator["maximum"], actuator["unit"]
    slack = 1e-9 * (high - low)
    if not low - slack <= value <= high + slack:
        raise LimitError(
            f"{name}: wanted {shown(low, unit)} to {shown(high, unit)}, got "
            f"{shown(value, unit)}; the limits stand in the station file"
        )
