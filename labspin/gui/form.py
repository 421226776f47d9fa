"""A form for the parameters of a procedure, made from their declarations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pymeasure.experiment import FloatParameter, IntegerParameter
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QFormLayout, QLineEdit, QWidget

from labspin.errors import LabspinError
from labspin.experiment import Procedure
from labspin.experiment.parameters import (
    BooleanParameter,
    CountParameter,
    ListParameter,
    QuantityParameter,
    SweepParameter,
)
from labspin.gui.axes import shown
from labspin.gui.foreign import tool_tip
from labspin.gui.hands import ChoiceBox
from labspin.gui.parts import label
from labspin.gui.scan_editor import ScanEditor
from labspin.gui.scan_tree import as_lines
from labspin.procedures.lists import QuantityListParameter

if TYPE_CHECKING:
    from pymeasure.experiment import Parameter

__all__ = ["ParameterForm", "written"]

_HIDDEN = {"station"}
_NAMES = 190  # pixels for the name of a parameter
_FIELD = 110  # least width of its field, pixels


def written(parameter: Parameter, value: object) -> object:
    """Return a parameter's value as a run card has it: text with a unit, number, boolean.

    Parameters
    ----------
    parameter
        Parameter of a procedure, with its unit.
    value
        Its value; numbers of a quantity in its unit.
    """
    if (
        isinstance(parameter, QuantityParameter)
        and isinstance(value, (int, float))
        and parameter.units != "1"
    ):
        return shown(float(value), parameter.units, 12)
    if isinstance(value, (list, tuple)) and getattr(parameter, "units", None):
        return ", ".join(
            item if isinstance(item, str) else shown(float(item), parameter.units, 12) for item in value
        )
    return value


class ParameterForm(QWidget):
    """The parameters of one run.

    Signals
    -------
    changed()
        A value was edited.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("inside")
        self._layout = QFormLayout(self)
        self._layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._layout.setLabelAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._layout.setVerticalSpacing(7)
        self.widgets: dict[str, QWidget] = {}
        self._parameters: dict[str, Parameter] = {}
        self._given: dict[str, object] = {}
        self._start: dict[str, object] = {}
        self._defaults: dict[str, object] = {}

    def show_run(self, kind: type[Procedure], given: Mapping[str, object]) -> None:
        """Show the parameters of a procedure with the values of a card, and defaults for the others.

        Parameters
        ----------
        kind
            Class of the procedure.
        given
            Values of the card by the names of the parameters.
        """
        while self._layout.rowCount():
            self._layout.removeRow(0)
        self.widgets.clear()
        procedure = kind()
        known = procedure.parameter_objects()
        self._parameters = {name: known[name] for name in _declared(kind) if name in known}
        self._given = dict(given)
        self._defaults = {}
        for name, parameter in self._parameters.items():
            default = parameter.value if parameter.is_set() else ""
            self._defaults[name] = written(parameter, default)
            value = given.get(name, default)
            widget = self._widget(name, parameter, written(parameter, value))
            widget.setAccessibleName(name)
            widget.setToolTip(tool_tip(_help(name, parameter)))
            self.widgets[name] = widget
            if isinstance(widget, ScanEditor):
                said = "Further axes: any parameter or set-point, around the whole measurement"
                words = said if name == "scan" else f"{parameter.name}: {parameter.description}"
                self._layout.addRow(label(words, "help", wrap=True))
                self._layout.addRow(widget)
                continue
            name_of = label(parameter.name, wrap=True)
            name_of.setFixedWidth(_NAMES)
            name_of.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            widget.ensurePolished()
            widget.setMinimumWidth(max(_FIELD, widget.minimumSizeHint().width()))
            self._layout.addRow(name_of, widget)
        self._start = {name: self._read(name) for name in self.widgets}
        self._show_groups()

    def _widget(self, name: str, parameter: object, value: object) -> QWidget:
        if isinstance(parameter, BooleanParameter):
            box = QCheckBox()
            box.setChecked(bool(parameter.convert(value)))
            box.toggled.connect(lambda _: self._edited(name))
            return box
        if isinstance(parameter, ListParameter):
            choice = ChoiceBox()
            choice.addItems([str(item) for item in parameter.choices])
            choice.setCurrentText(str(value))
            choice.currentTextChanged.connect(lambda _: self._edited(name))
            return choice
        if isinstance(parameter, SweepParameter):
            editor = ScanEditor()
            editor.show_scan(value)
            editor.changed.connect(lambda: self._edited(name))
            return editor
        field = QLineEdit(str(value))
        if isinstance(value, (dict, list, tuple)):
            field.setReadOnly(True)  # a table of the card: edited there
            field.setProperty("fixed", True)
        field.textChanged.connect(lambda _: self._edited(name))
        return field

    def _read(self, name: str) -> object:
        widget = self.widgets[name]
        if isinstance(widget, QCheckBox):
            return widget.isChecked()
        if isinstance(widget, QComboBox):
            return widget.currentText()
        if isinstance(widget, ScanEditor):
            return widget.written()
        return widget.text().strip().replace("−", "-") if isinstance(widget, QLineEdit) else None

    def set(self, name: str, text: str) -> None:
        """Put a value into the form, as if it were typed.

        Parameters
        ----------
        name
            Name of the parameter.
        text
            Value as it is typed; for a check box, ``"true"``, ``"True"`` or ``"1"`` is on.
        """
        widget = self.widgets[name]
        if isinstance(widget, QCheckBox):
            widget.setChecked(text in ("true", "True", "1"))
        elif isinstance(widget, QComboBox):
            widget.setCurrentText(text)
        elif isinstance(widget, ScanEditor):
            widget.show_scan(self._parameters[name].convert(text))
            self._edited(name)
        elif isinstance(widget, QLineEdit):
            widget.setText(text)

    def offer_setpoints(self, names: Sequence[str]) -> None:
        """Offer set-points of the station as axes of a scan, beside the parameters that are numbers.

        Parameters
        ----------
        names
            Names of actuators, each with a dot.
        """
        numbers = [
            name
            for name, parameter in self._parameters.items()
            if isinstance(parameter, (FloatParameter, IntegerParameter))
        ]
        for widget in self.widgets.values():
            if isinstance(widget, ScanEditor):
                widget.offer([*numbers, *names])

    def _edited(self, name: str) -> None:
        problem = self.problem(name)
        widget = self.widgets[name]
        widget.setProperty("wrong", "true" if problem else "false")
        widget.setProperty("changed", "true" if self._read(name) != self._start.get(name) else "false")
        widget.setToolTip(tool_tip(problem or _help(name, self._parameters[name])))
        widget.style().unpolish(widget)
        widget.style().polish(widget)
        self._show_groups()
        self.changed.emit()

    def problem(self, name: str) -> str:
        """Return the error of a value in the form, or ``""``.

        Parameters
        ----------
        name
            Name of the parameter.
        """
        widget = self.widgets[name]
        if widget.property("fixed"):
            return ""
        if isinstance(widget, ScanEditor) and ((text := widget.problem()) or widget.is_costly):
            return text
        try:
            self._parameters[name].convert(self._read(name))
        except (LabspinError, ValueError) as error:
            return str(error)
        return ""

    def problems(self) -> list[str]:
        """Return the errors of all values."""
        return [text for name in self.widgets if (text := self.problem(name))]

    def _show_groups(self) -> None:
        """Hide parameters that have no effect with the present choice of another."""
        for name, parameter in self._parameters.items():
            by = getattr(parameter, "group_by", None) or {}
            hidden = any(
                other in self.widgets and not condition(self._read(other)) if callable(condition)
                else other in self.widgets and self._read(other) != condition
                for other, condition in by.items()
            )  # fmt: skip
            self._layout.setRowVisible(self.widgets[name], not hidden)

    def changes(self) -> dict[str, object]:
        """Return the values that were changed, as a run card would have them."""
        return {
            name: self._as_written(name)
            for name in self.widgets
            if not self.widgets[name].property("fixed") and self._read(name) != self._start[name]
        }

    def settings(self) -> dict[str, object]:
        """Return the values that are not the procedure's defaults, as a run card would have them."""
        return {
            name: self._as_written(name)
            for name in self.widgets
            if not self.widgets[name].property("fixed")
            and str(self._read(name)) not in (str(self._defaults[name]), "")
        }

    def _as_written(self, name: str) -> object:
        value, parameter, widget = self._read(name), self._parameters[name], self.widgets[name]
        if isinstance(widget, ScanEditor):
            return widget.described()
        if isinstance(parameter, CountParameter):
            return int(parameter.convert(value))
        if isinstance(parameter, QuantityParameter) and parameter.units == "1":
            return float(parameter.convert(value))
        if isinstance(parameter, QuantityListParameter):
            return [part.strip() for part in str(value).split(",") if part.strip()]
        return value

    def values(self) -> dict[str, object]:
        """Return the parameters of the run in the form."""
        kept = {
            n: v for n, v in self._given.items() if n not in self.widgets or self.widgets[n].property("fixed")
        }
        set_here = {n: self._read(n) for n in self.widgets if not self.widgets[n].property("fixed")}
        return {**kept, **set_here}

    def overrides(self) -> list[str]:
        """Return the changes as ``name=value``."""
        texts = {True: "true", False: "false"}
        scans = {name for name, widget in self.widgets.items() if isinstance(widget, ScanEditor)}
        read = {name: self._read(name) for name in self.changes()}
        said = {n: as_lines(value) if n in scans else value for n, value in read.items()}
        return [f"{n}={texts[v] if isinstance(v, bool) else v}" for n, v in said.items()]


def _declared(kind: type[Procedure]) -> list[str]:
    """Return the names of the parameters in the order of their declaration, the procedure's own first."""
    names = [name for base in kind.__mro__ for name in vars(base) if not name.startswith("_")]
    found = [name for name in dict.fromkeys(names) if name not in (*_HIDDEN, "scan")]
    return [*found, "scan"]


def _help(name: str, parameter: object) -> str:
    parts = [str(getattr(parameter, "description", "") or ""), f"in a card: {name}"]
    low, high = getattr(parameter, "minimum", -math.inf), getattr(parameter, "maximum", math.inf)
    unit = getattr(parameter, "units", None) or "1"
    if isinstance(parameter, QuantityParameter) and (math.isfinite(low) or math.isfinite(high)):
        ends = [shown(end, unit) if math.isfinite(end) else "…" for end in (low, high)]
        parts.append(f"from {ends[0]} to {ends[1]}" if math.isfinite(high) else f"at least {ends[0]}")
    elif isinstance(parameter, CountParameter):
        parts.append(f"a whole number from {low}" + (f" to {high}" if high < 1 << 62 else ""))
    return "\n".join(part for part in parts if part)
