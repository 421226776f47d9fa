"""Measure: forms of run cards and procedures, a preview of the run, start, and the queue."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QListWidgetItem,
    QSplitter,
    QVBoxLayout,
    QWidget,
)
from superqt import QSearchableListWidget

from labspin.errors import CardError, LabspinError
from labspin.experiment import Procedure
from labspin.gui.ask_path import ask_path
from labspin.gui.foreign import line, tool_tip
from labspin.gui.form import ParameterForm
from labspin.gui.hands import ChoiceBox
from labspin.gui.link import HostLink
from labspin.gui.narrow import TallArea, WrappingPanel, flow
from labspin.gui.parts import Panel, button, label
from labspin.gui.preview import Preview, preview
from labspin.gui.queue_view import QueueView
from labspin.gui.sequence_plot import SequencePlot
from labspin.gui.tasks import in_background, sentence
from labspin.procedures import list_procedures, load_procedure
from labspin.session import (
    HostClient,
    list_cards,
    list_stations,
    load_card,
    new_card_text,
    save_card,
    write_card,
)
from labspin.station import load_station
from labspin.system import read_bounded

if TYPE_CHECKING:
    pass

__all__ = ["MeasureView"]

_START = "put this run into the queue, and make it"
_FILES = 1000  # ms between two looks at the files of card and station
_SETTLE = 250  # ms without typing before a plan is checked
_CARD, _PROCEDURE = "card", "procedure"


class MeasureView(QWidget):
    """Choose a card, set parameters, preview, start.

    Parameters
    ----------
    link
        To the host.

    Signals
    -------
    trouble(text)
        Something was refused.
    started()
        A run was ordered; it should be shown.
    """

    trouble = Signal(str)
    told = Signal(str)
    started = Signal()

    def __init__(self, link: HostLink) -> None:
        super().__init__()
        self._link = link
        self._workspace = Path()
        self.card: Path | None = None
        self._shown_text: bytes | None = None
        self._station: Path | None = None  # of the card
        self._kind: type[Procedure] | None = None
        self._token = self._forms = 0
        self.preview = Preview("")
        self._make_choice()
        self._make_form()
        self._make_ahead()
        self.queue = QueueView(lambda: self._link.order(lambda host: host.start()))
        self.queue.trouble.connect(self.trouble)
        link.connected.connect(lambda bench: self.queue.use_bench(Path(bench["path"])))
        self._lay_out()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SETTLE)
        self._timer.timeout.connect(self._look_ahead)
        self._stamp: tuple[bytes | None, bytes | None] = (None, None)
        self._files = QTimer(self)
        self._files.setInterval(_FILES)
        self._files.timeout.connect(self._look_at_files)
        self._files.start()

    # -- parts -----------------------------------------------------------------------------------------

    def _make_choice(self) -> None:
        self.choice: Any = QSearchableListWidget()  # type: ignore[no-untyped-call]
        self.choice.filter_widget.setPlaceholderText("search")
        self.choice.currentItemChanged.connect(lambda item, _: self._choose(item))
        self.choice.setMinimumWidth(170)
        names = self.choice.list_widget
        names.setAccessibleName("cards and procedures")
        names.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        names.setTextElideMode(Qt.TextElideMode.ElideMiddle)

    def _make_form(self) -> None:
        self.heading = label("Choose a card or a procedure", "heading", wrap=True)
        self.described = label("", "muted", wrap=True)
        self.runs = ChoiceBox()
        self.runs.setToolTip("run of the card")
        self.runs.setAccessibleName("run of the card")
        self.runs.currentTextChanged.connect(lambda _: self._choose_run())
        self.form = ParameterForm()
        self.form.changed.connect(self._edited)

    def _make_ahead(self) -> None:
        self.ahead = label("", wrap=True)
        self.problem = label("", "wrong", wrap=True)
        self.which = ChoiceBox()
        self.which.setAccessibleName("pulse sequence")
        self.which.currentIndexChanged.connect(self._draw_sequence)
        self.sequence = SequencePlot()
        self._filler = label()  # where there is no sequence to draw
        self._filler.hide()
        self.start_button = button("Start", self.start, "primary", hint=_START, key="Ctrl+Return")
        self.all_button = button("Queue all runs", self.add_all, hint="append every run of the card")
        self.queue_button = button("Queue", self.add, hint="append this run")
        self.save_button = button("Save card", self.save, hint="comments and order are kept")
        self.save_as_button = button("Save as…", self.save_as, hint="a new card; comments and order are kept")
        for part in (
            self.start_button,
            self.queue_button,
            self.all_button,
            self.save_button,
            self.save_as_button,
        ):
            part.setEnabled(False)

    def _lay_out(self) -> None:
        form = Panel()
        form.body.addWidget(self.heading)
        form.body.addWidget(self.described)
        form.body.addWidget(self.runs)
        self.form_area = TallArea(self.form)
        form.body.addWidget(self.form_area, 1)
        ahead = WrappingPanel("What it will do")
        said: tuple[QWidget, ...] = (self.ahead, self.problem, self.which)
        for part in said:
            ahead.body.addWidget(part)
        ahead.body.addWidget(self.sequence, 1)
        ahead.body.addWidget(self._filler, 1)
        ahead.body.addLayout(
            flow(self.start_button, self.queue_button, self.all_button, self.save_button, self.save_as_button)
        )
        right = QSplitter(Qt.Orientation.Vertical)
        right.setObjectName("queue")
        right.addWidget(ahead)
        right.addWidget(self.queue)
        right.setSizes([430, 260])
        choice = Panel()
        choice.body.addWidget(label("Cards and procedures", "heading", wrap=True))
        choice.body.addWidget(self.choice, 1)
        splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.setObjectName("measure")
        beside: tuple[tuple[QWidget, int], ...] = ((choice, 210), (form, 430), (TallArea(right), 560))
        for column, width in beside:
            splitter.addWidget(column)
            splitter.setStretchFactor(splitter.count() - 1, width)
        splitter.setSizes([210, 430, 560])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.addWidget(splitter)

    # -- choosing --------------------------------------------------------------------------------------

    def use(self, workspace: Path) -> None:
        """Offer the cards of a workspace, and all procedures.

        Parameters
        ----------
        workspace
            Folder of the workspace.
        """
        self._workspace = workspace
        self.queue.use(workspace)
        self.choice.clear()
        for path in list_cards(workspace):
            self._offer(path.stem, (_CARD, str(path)))
        for name in list_procedures():
            self._offer(f"new: {name}", (_PROCEDURE, name))

    def _offer(self, text: str, data: tuple[str, str]) -> None:
        item = QListWidgetItem(line(text))
        item.setData(Qt.ItemDataRole.UserRole, data)
        item.setToolTip(tool_tip(text))
        self.choice.addItem(item)

    def show_card(self, path: Path, label_of_run: str = "") -> None:
        """Show a card, as if it were chosen in the list.

        Parameters
        ----------
        path
            Path of the card.
        label_of_run
            Label of the run to show out of the card; empty is not one in particular.
        """
        self._load(path, label_of_run)

    def show_parameters(self, kind: type[Procedure], values: Mapping[str, object], name: str) -> None:
        """Show a procedure with values, without a card.

        Parameters
        ----------
        kind
            The procedure.
        values
            Its parameters; missing ones have their defaults.
        name
            What the form is called.
        """
        self.card, self._kind = None, kind
        self._head(name, kind, [], f"{kind.name}, as it was measured; Start makes a new run")
        self._show_form(values)

    def _choose(self, item: QListWidgetItem | None) -> None:
        if item is None:
            return
        what, name = item.data(Qt.ItemDataRole.UserRole)
        if what == _CARD:
            self._load(Path(name), "")
            return
        self.card, self._kind = None, load_procedure(name)
        self._head(name, self._kind, [])
        self._show_form({})

    def _show_form(self, given: Mapping[str, object]) -> None:
        if self._kind is None:
            return
        self._forms += 1
        self._stamp = (_text_of(self.station()), self._shown_text if self.card else None)
        self.form.show_run(self._kind, given)
        self.form_area.verticalScrollBar().setValue(0)
        self.form.offer_setpoints([])
        self._token += 1
        self._show_preview(self._token, Preview("looking ahead …"))
        self._edited()
        station = self.station()
        if station is not None:
            in_background(functools.partial(_setpoints, station), self.form.offer_setpoints)

    def _load(self, path: Path, label_of_run: str) -> None:
        try:
            card = load_card(path)
        except CardError as error:
            self.trouble.emit(str(error))
            return
        self.card, self._kind, self._station = path, card.procedure, card.station
        self._show_choice(path)
        self._head(path.stem, card.procedure, [run.label for run in card.runs], card.metadata.description)
        if label_of_run:
            self.runs.setCurrentText(label_of_run)
        self._choose_run()

    def _show_choice(self, path: Path) -> None:
        """Let the list stand at the card that is shown, however it was chosen."""
        names = self.choice.list_widget
        names.blockSignals(True)
        for row in range(names.count()):
            if names.item(row).data(Qt.ItemDataRole.UserRole) == (_CARD, str(path)):
                names.setCurrentRow(row)
        names.blockSignals(False)

    def _head(self, name: str, kind: type[Procedure], runs: list[str], described: str = "") -> None:
        self.heading.setText(name if name == kind.name else f"{name} — {kind.name}")
        self.described.setText(described or (kind.__doc__ or "").strip().splitlines()[0])
        self.runs.blockSignals(True)
        self.runs.clear()
        self.runs.addItems(runs)
        self.runs.blockSignals(False)
        self.runs.setVisible(len(runs) > 1)
        self.all_button.setVisible(len(runs) > 1)

    def _choose_run(self) -> None:
        if self.card is None or self._kind is None:
            return
        try:
            card = load_card(self.card)
        except CardError as error:
            self.trouble.emit(str(error))
            return
        self._shown_text = _text_of(self.card)
        spec = next((run for run in card.runs if run.label == self.runs.currentText()), card.runs[0])
        self._show_form(spec.parameters)

    def station(self) -> Path | None:
        """Return the station that a run would use: the connected one, else the card's."""
        if self._link.record is not None:
            return Path(self._link.record.station)
        if self.card is not None and self._station is not None:
            return self._station
        stations = list_stations(self._workspace)
        return stations[0] if stations else None

    # -- files that change ------------------------------------------------------------------------------

    def _look_at_files(self) -> None:
        """Check a plan again when the file of its station has changed, and show a card again that has."""
        if self._kind is None or not self.isVisible():
            return
        before, self._stamp = self._stamp, (_text_of(self.station()), _text_of(self.card))
        if before == self._stamp:
            return
        if self.card is not None and self._has_changed and not self.form.changes():
            self._load(self.card, self.runs.currentText())
        else:
            self._edited()

    @property
    def _has_changed(self) -> bool:
        """Whether the file of the card is another than the one that the form was made from."""
        return self.card is not None and _text_of(self.card) != self._shown_text

    def _is_as_shown(self) -> bool:
        """Return whether the card is as it is shown; else say so, and show it as it is now."""
        if self.card is None or not self._has_changed:
            return True
        self.trouble.emit(
            f"{self.card}: was changed after it was shown; it is shown as it is now, without what was typed. "
            "Nothing was queued: look at it, then start"
        )
        self._load(self.card, self.runs.currentText())
        return False

    # -- preview ---------------------------------------------------------------------------------

    def _edited(self) -> None:
        self.start_button.setEnabled(False)
        self._timer.start()

    def _look_ahead(self) -> None:
        if self._kind is None:
            return
        self._token += 1
        problems = self.form.problems()
        if problems:
            self._show_preview(self._token, Preview("", problems[0]))
            return
        do = functools.partial(preview, self._kind, self.form.values(), self.station())
        in_background(do, functools.partial(self._show_preview, self._token))

    def _show_preview(self, token: int, found: Preview) -> None:
        if token != self._token:
            return
        self.preview = found
        self.ahead.setText(found.text)
        self.problem.setText(found.problem)
        self.ahead.setVisible(bool(found.text))
        self.problem.setVisible(bool(found.problem))
        can_start = not found.problem and self._link.is_connected and not self._timer.isActive()
        self.start_button.setEnabled(can_start)
        self.start_button.setToolTip(
            f"{_START} (Ctrl+Return)" if self._link.is_connected else "connect a station first"
        )
        for part in (self.queue_button, self.all_button):
            part.setEnabled(not found.problem)
        is_right = not self.form.problems()
        self.save_as_button.setEnabled(is_right)
        self.save_button.setEnabled(is_right and self.card is not None and bool(self.form.changes()))
        if [self.which.itemText(k) for k in range(self.which.count())] != [
            name for name, _ in found.sequences
        ]:
            self.which.clear()
            self.which.addItems([name for name, _ in found.sequences])
        self.which.setVisible(len(found.sequences) > 1)
        self.sequence.setVisible(bool(found.sequences))
        self._filler.setVisible(not found.sequences)
        self._draw_sequence()

    def _draw_sequence(self) -> None:
        place = self.which.currentIndex()
        if 0 <= place < len(self.preview.sequences):
            self.sequence.show_sequence(self.preview.sequences[place][1])

    # -- starting and saving ---------------------------------------------------------------------------

    def start(self) -> None:
        """Put the run into the queue and start the queue."""
        self.started.emit()
        self._add(start=True)

    def add(self) -> None:
        """Put the run into the queue."""
        self._add(start=False)

    def add_all(self) -> None:
        """Put all runs of the card into the queue, as the card has them."""
        if (card := self.card) is not None and self._is_as_shown():
            self._link.order(lambda host: host.add(card), self._queued, self._refused)

    def _add(self, *, start: bool) -> None:
        if self._kind is None or not self._is_as_shown():
            return
        card, only, overrides = self.card, self.runs.currentText(), self.form.overrides()
        if card is None:
            folder = self._workspace / ".labspin" / "cards"
            text = new_card_text(self._kind.name, self.station(), self.form.settings(), folder=folder)
            try:
                card, overrides = write_card(folder / f"{self._kind.name}.toml", text), []
            except (LabspinError, OSError) as error:
                self._refused(error)
                return
        options: dict[str, object] = {"overrides": overrides, "only": [only] if only else []}
        self._link.order(functools.partial(_queue, card, options, start), self._queued, self._refused)

    def _queued(self, added: Any) -> None:
        self.queue.look()
        self.told.emit(f"queued: {', '.join(run.label for run in added)}")

    def _refused(self, error: Exception) -> None:
        self.trouble.emit(sentence(error))

    def save(self) -> None:
        """Write the changed values into the card."""
        if self.card is not None:
            self._write(self.card)

    def save_as(self, path: str = "") -> None:
        """Write a new card with the values of the form.

        Parameters
        ----------
        path
            Path of the new card; empty asks for it. The ending is made ``.toml``.
        """
        if path:
            self._write(Path(path).with_suffix(".toml"))
        else:
            folder, save = self._workspace / "procedures", functools.partial(self._save_asked, self._forms)
            ask_path(self, "Save card", folder, "Run cards (*.toml)", "toml", save)

    def _save_asked(self, form: int, path: str) -> None:
        """Save what was shown when it was asked for the path."""
        if form == self._forms:
            self.save_as(path)
        else:
            self.trouble.emit(f"{path}: not saved, since the form shows something else by now")

    def _write(self, path: Path) -> None:
        if self._kind is None:
            return
        try:
            if self.card is None:
                settings = self.form.settings()
                text = new_card_text(self._kind.name, self.station(), settings, folder=path.parent)
                write_card(path, text)
            else:
                save_card(self.card, self.form.changes(), label=self.runs.currentText(), to=path)
        except Exception as error:  # noqa: BLE001 - shown to the person
            self.trouble.emit(sentence(error))
            return
        self.told.emit(f"saved: {path}")
        only = self.runs.currentText()
        self.use(self._workspace)
        self._load(path, only)


def _text_of(path: Path | None) -> bytes | None:
    """Return what stands in a file; None: it cannot be read."""
    with contextlib.suppress(OSError):
        return None if path is None else read_bounded(path)
    return None


def _setpoints(station: Path) -> list[str]:
    """Return the actuators of a station, which may be axes of a scan."""
    return sorted(load_station(station).unconnected().actuators)


def _queue(card: Path, options: dict[str, Any], start: bool, host: HostClient) -> Any:
    added = host.add(card, **options)
    if start:
        host.start()
    return added
