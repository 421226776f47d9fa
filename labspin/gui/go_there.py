"""Move a set-point to the position of a cursor, such as the frequency of a dip, without typing it."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox, QHBoxLayout, QWidget

from labspin.errors import LimitError
from labspin.gui.axes import shown
from labspin.gui.hands import ChoiceBox
from labspin.gui.link import HostLink
from labspin.gui.parts import TwiceButton, label
from labspin.gui.set_point import check_limits
from labspin.session.host_records import ActuatorRecord

__all__ = ["GoThere"]


class GoThere(QWidget):
    """A choice of the bench's set-points with the unit of an axis, and a button that must be pressed twice.

    Parameters
    ----------
    link
        To the host, which checks the limits again and ramps.
    """

    def __init__(self, link: HostLink) -> None:
        super().__init__()
        self._link = link
        self._place: tuple[str, str, float] | None = None
        self.choice = ChoiceBox()
        self.choice.setAccessibleName("set-point that is moved to cursor A")
        self.choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.choice.activated.connect(lambda _: self._choose())
        self.button = TwiceButton("", "Really move", self._move, hint="through limits and ramp, by the host")
        self.problem = label("", "wrong", wrap=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(label("move", "muted"))
        row.addWidget(self.choice)
        row.addWidget(self.button)
        row.addWidget(self.problem, 1)
        self.hide()
        link.connected.connect(lambda _: self._forget())
        link.gone.connect(lambda _: self._forget())

    def _forget(self) -> None:
        """Let nothing be moved that belongs to another bench."""
        self.button.disarm()
        self.choice.clear()
        self.hide()

    def show_place(self, place: tuple[str, str, float] | None) -> None:
        """Show where a set-point can be moved.

        Parameters
        ----------
        place
            Name, unit and value along the axis; None: there is no cursor.
        """
        before, self._place = self._place, place
        actuators = self._link.description.get("actuators", {}) if self._link.is_connected else {}
        if place is None or before is None or place[:2] != before[:2] or not self.choice.count():
            self._offer(actuators, place)
        self.setVisible(place is not None and self.choice.count() > 0)
        around = self.parentWidget()
        if around is not None and self.isVisibleTo(around):
            self._tell()

    def _offer(self, actuators: dict[str, ActuatorRecord], place: tuple[str, str, float] | None) -> None:
        self.choice.clear()
        if place is None:
            return
        name, unit, _ = place
        names = sorted(full for full, actuator in actuators.items() if actuator["unit"] == unit)
        self.choice.addItems(names)
        meant = [full for full in names if name in (full, full.replace(".", "_"), full.partition(".")[2])]
        if meant:
            self.choice.setCurrentText(meant[0])

    def _choose(self) -> None:
        self.button.disarm()  # what was confirmed was another set-point
        self._tell()

    def _tell(self) -> None:
        full = self.choice.currentText()
        actuator = self._link.description.get("actuators", {}).get(full)
        if self._place is None or actuator is None:
            return
        _, unit, value = self._place
        self.button.rename(f"to {shown(value, unit, 7)}")
        try:
            check_limits(full, actuator, value)
        except LimitError as error:
            self.problem.setText(str(error))
        else:
            self.problem.setText("")
        self.button.setEnabled(not self.problem.text())

    def _move(self) -> None:
        if self._place is not None:
            full, value = self.choice.currentText(), self._place[2]
            self._link.order(lambda host: host.set(full, value))
