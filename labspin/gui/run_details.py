"""Details of the chosen runs: notes that can be edited, parameters, differences, errors."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from labspin.data import RunMetadata, RunSummary, annotate, read_run
from labspin.errors import LabspinError
from labspin.gui.axes import shown
from labspin.gui.foreign import MarkedLabel, markup
from labspin.gui.hands import ChoiceBox
from labspin.gui.parts import Panel, button, label
from labspin.gui.tasks import in_background, sentence
from labspin.workspaces import Workspace, find_workspace

__all__ = ["RunDetails"]

_RATINGS = ("not rated", *(f"{'★' * n}{'☆' * (5 - n)}" for n in range(6)))
_LONGEST = 2000  # characters of a value
_COMPARED = 3  # runs that are compared side by side


class RunDetails(Panel):
    """The panel beside the list.

    Signals
    -------
    changed()
        Notes were stored with a run.
    trouble(text)
        They could not be stored.
    """

    changed = Signal()
    trouble = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._runs: list[RunSummary] = []
        self._workspace = Workspace(root=Path())
        self.title = label("Choose a run", "heading", wrap=True)
        self.sample, self.rating = ChoiceBox(), ChoiceBox()
        self.sample.setEditable(True)
        self.rating.addItems(_RATINGS)
        self.tags, self.comment = QLineEdit(), QPlainTextEdit()
        self.tags.setPlaceholderText("words with spaces between")
        self.comment.setPlaceholderText("comment")
        self.comment.setMaximumHeight(62)
        self.comment.setTabChangesFocus(True)
        self.save_button = button(
            "Save words", self.save, hint="what was measured stays as it is", key="Ctrl+S"
        )
        self.text = MarkedLabel()
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._lay_out()
        self._shown: tuple[object, ...] = ()
        for signal in (
            self.sample.currentTextChanged, self.rating.currentIndexChanged, self.tags.textChanged,
            self.comment.textChanged,
        ):  # fmt: skip
            signal.connect(lambda *_: self._edited())
        self._show_words([])

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setVerticalSpacing(6)
        for name, field in (
            ("sample", self.sample), ("rating", self.rating), ("tags", self.tags), ("comment", self.comment),
        ):  # fmt: skip
            field.setAccessibleName(name)
            form.addRow(label(name, "muted"), field)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.save_button)
        inside = QWidget()
        inside.setObjectName("inside")
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.text)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(inside)
        self.body.addWidget(self.title)
        self.body.addLayout(form)
        self.body.addLayout(row)
        self.body.addWidget(scroll, 1)
        self.least_width = 270

    def use(self, folder: Path) -> None:
        """Offer the samples of a workspace.

        Parameters
        ----------
        folder
            Folder of the workspace.
        """
        try:
            self._workspace = find_workspace(folder)
        except LabspinError:
            self._workspace = Workspace(root=folder)
        self.sample.clear()
        self.sample.addItems(["", *self._workspace.samples])

    def show_runs(self, runs: Sequence[RunSummary]) -> None:
        """Show the details of runs.

        Parameters
        ----------
        runs
            The chosen runs; notes of several are changed together.
        """
        self._runs = list(runs)
        names = ", ".join(run.label or run.procedure or run.path.stem for run in runs[:_COMPARED])
        more = f" and {len(runs) - _COMPARED} more" if len(runs) > _COMPARED else ""
        self.title.setText(names + more if runs else "Choose a run")
        self._show_words(self._runs)
        if not runs:
            self.text.setText("")
            return
        paths = [run.path for run in runs[:_COMPARED] if run.status != "damaged"]
        broken = "".join(f"<p>{markup(run.problem, _LONGEST)}</p>" for run in runs[:_COMPARED] if run.problem)
        in_background(functools.partial(_details, paths), self._put(paths, broken), self._failed)

    def _put(self, paths: list[Path], broken: str) -> Callable[[str], None]:
        def put(text: str) -> None:
            if paths == [run.path for run in self._runs[:_COMPARED] if run.status != "damaged"]:
                self.text.setText(broken + text)

        return put

    def _failed(self, error: Exception) -> None:
        self.text.setText(markup(sentence(error), _LONGEST))

    # -- notes -----------------------------------------------------------------------------------------

    def _show_words(self, runs: list[RunSummary]) -> None:
        """Show the notes of runs; where several differ, the field is empty and is not stored."""
        sample, comment, tags, rating = (
            _common(runs, name) for name in ("sample", "comment", "tags", "rating")
        )
        self.sample.setCurrentText(sample or "")
        self.comment.setPlainText(comment or "")
        self.tags.setText(" ".join(tags or ()))
        self.rating.setCurrentIndex(0 if rating is None else rating + 1)
        self._shown = self._words()
        can_be_changed = bool(runs) and all(run.status not in ("running", "damaged") for run in runs)
        for part in (self.sample, self.comment, self.tags, self.rating):
            part.setEnabled(can_be_changed)
        self._edited()

    def _words(self) -> tuple[Any, ...]:
        rating = self.rating.currentIndex() - 1
        return (
            ("sample", self.sample.currentText().strip()), ("comment", self.comment.toPlainText().strip()),
            ("tags", tuple(self.tags.text().split())), ("rating", None if rating < 0 else rating),
        )  # fmt: skip

    def _edited(self) -> None:
        self.save_button.setEnabled(bool(self._runs) and self._words() != self._shown)

    def save(self) -> None:
        """Store the edited notes with all chosen runs."""
        changes = dict(new for new, old in zip(self._words(), self._shown, strict=True) if new != old)
        if not changes or not self._runs:
            return
        try:
            sample = self._workspace.check_sample(changes.get("sample", ""))
            if "sample" in changes:
                changes["sample_description"] = self._workspace.samples.get(sample, "")
            RunMetadata(**changes)
        except LabspinError as error:
            self.trouble.emit(str(error))
            return
        self._shown = self._words()
        self._edited()
        paths = [run.path for run in self._runs]
        in_background(
            functools.partial(_annotate, paths, changes), lambda _: self.changed.emit(),
            lambda error: self.trouble.emit(sentence(error)),
        )  # fmt: skip


def _annotate(paths: list[Path], changes: dict[str, object]) -> None:
    for path in paths:
        annotate(path, **changes)


def _common(runs: list[RunSummary], name: str) -> Any:
    """Return what all runs have in common, or None."""
    values = {getattr(run, name) for run in runs}
    return values.pop() if len(values) == 1 else None


def _details(paths: list[Path]) -> str:
    """Return parameters of one run, or those in which several differ."""
    runs = [read_run(path) for path in paths]
    names = list(dict.fromkeys(name for run in runs for name in run.header.parameters))
    rows = []
    for name in names:
        values = [_value(run.header.parameters.get(name)) for run in runs]
        if any(values) and (len(runs) == 1 or len(set(values)) > 1):
            rows.append(_row(name.replace("_", " "), values))
    heads = "".join(
        f"<td><b>{markup(run.header.label or run.header.procedure)}</b>&nbsp;&nbsp;</td>" for run in runs
    )
    problems = [event.message for run in runs for event in run.events_of("error")][:5]
    said = "".join(f"<p>{markup(message)}</p>" for message in problems)
    if not runs:
        return ""
    if len(runs) == 1:
        return f"<table>{''.join(rows)}</table>{said}"
    return f"<table><tr><td>differences</td>{heads}</tr>{''.join(rows)}</table>{said}"


def _row(name: str, cells: list[str]) -> str:
    shown_cells = "".join(f"<td>{markup(text, _LONGEST)}&nbsp;&nbsp;</td>" for text in cells)
    return f"<tr><td>{markup(name)}&nbsp;&nbsp;</td>{shown_cells}</tr>"


def _value(record: object) -> str:
    if not isinstance(record, dict):
        return "—"
    value, unit = record.get("value"), record.get("unit", "1")
    if isinstance(value, (list, tuple)):
        values = [_value({"value": one, "unit": unit}) for one in value]
        few = values if len(values) <= 4 else [*values[:2], "…", values[-1]]
        return ", ".join(few)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return shown(float(value), unit, 6)
    return "" if value is None else str(value)[:60]
