"""The progress bar of a run, on standard error so that it never mixes with results."""

from __future__ import annotations

from typing import Any

__all__ = ["ProgressBar"]


class ProgressBar:
    """An observer that shows how far a run is and when it will be done."""

    def __init__(self, label: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
        from rich.progress import TimeRemainingColumn as Remaining

        self._label = label or "run"
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("points"),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            Remaining(),
            console=Console(stderr=True),
            transient=False,
        )
        self._task: Any = None

    def on_start(self, header: Any, total: int | None) -> None:
        """Show an empty bar; ``total`` None is a plan that does not know its size."""
        del header
        self._progress.start()
        self._task = self._progress.add_task(self._label, total=total)

    def on_point(self, index: int, values: Any, done: int, total: int | None) -> None:
        """Move the bar on."""
        del index, values
        self._progress.update(self._task, completed=done, total=total)

    def on_event(self, kind: str, message: str) -> None:
        """Show what a person should know while the run goes on."""
        if kind in ("interlock", "warning"):  # an error is said once, at the end
            self._progress.console.print(f"{kind}: {message}")

    def on_finish(self, outcome: Any) -> None:
        """Leave the bar as it stands."""
        del outcome
        if self._task is not None:
            self._progress.stop()
