"""The run in progress in the bar of the window: how far it is, and what can be done to it."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from labspin.gui.link import HostLink
from labspin.gui.parts import TwiceButton, button
from labspin.session.host_records import RunRecord

__all__ = ["RunBar"]

_PAUSE_KEY = "F9"


class RunBar(QWidget):
    """Progress of the run, and its buttons; hidden where no run is being made.

    Parameters
    ----------
    link
        To the host.
    """

    def __init__(self, link: HostLink) -> None:
        super().__init__()
        self._link = link
        self._run: RunRecord | None = None
        self.progress = QProgressBar()
        self.progress.setMinimumWidth(180)
        self.pause_button = button(
            "Pause", self.pause, hint="holds before the next point; the bench may be touched", key=_PAUSE_KEY
        )
        self.skip_button = button("Skip", self._skip, hint="leaves out the point being measured")
        self.abort_button = TwiceButton(
            "Abort", "Really abort", self._abort,
            hint="ends the run: its points are kept, the bench is made safe, the queue pauses",
        )  # fmt: skip
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for part in (self.progress, self.pause_button, self.skip_button, self.abort_button):
            row.addWidget(part)
        self.show_run(None)

    def show_run(self, run: RunRecord | None) -> None:
        """Show a run.

        Parameters
        ----------
        run
            The run in progress; None: there is none.
        """
        if run is None or self._run is None or run["id"] != self._run["id"]:
            self.abort_button.disarm()  # who meant one run must not end the next
        self._run = run
        self.setVisible(run is not None)
        for part in (self.progress, self.pause_button, self.skip_button, self.abort_button):
            part.setVisible(run is not None)
        if run is None:
            return
        self.pause_button.setText("Continue" if run["paused"] else "Pause")
        self.pause_button.setShortcut(_PAUSE_KEY)  # a new text removes the key
        total = run["total"] or 0
        self.progress.setRange(0, total)
        self.progress.setValue(min(run["done"], total) if total else 0)
        left = "" if run["left"] is None else f", {_minutes(run['left'])} left"
        self.progress.setFormat(f"{run['done']} / {total or '?'}{left}")

    def pause(self) -> None:
        """Pause or resume the run, as the button says."""
        if self._run is not None and self._run["paused"]:
            self._link.order(lambda host: host.unpause())
        else:
            self._link.order(lambda host: host.pause())

    def _skip(self) -> None:
        run = self._number()
        self._link.order(lambda host: host.skip(run=run))

    def _abort(self) -> None:
        run = self._number()
        self._link.order(lambda host: host.abort(pause_queue=True, run=run))

    def _number(self) -> int | None:
        """Return the number of the run that is shown: the next one may have begun meanwhile."""
        return None if self._run is None else self._run["id"]


def _minutes(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600}:{whole % 3600 // 60:02}:{whole % 60:02}" if whole >= 60 else f"{whole} s"
