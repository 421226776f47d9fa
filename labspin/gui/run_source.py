"""Runs that are shown: a thread reads them and computes their pictures."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from labspin.clock import local_time
from labspin.data import Run, RunFollower
from labspin.errors import LabspinError, RunFileError
from labspin.gui.pictures import Choice, Picture, alike, picture_of
from labspin.gui.tasks import HandedOver, sentence

__all__ = ["Frame", "RunSource"]

_LOOK = 0.1  # s between two checks of runs in progress
_PATIENCE = 60.0  # s for which a run may not have begun yet


@dataclass(frozen=True)
class Frame:
    """The drawing data of one run."""

    path: Path
    run: Run
    picture: Picture


class RunSource(QObject):
    """Follows the runs that are shown.

    Signals
    -------
    drawn(frames)
        A run has changed; frames of all runs.
    trouble(text)
        A run cannot be read or shown.
    """

    drawn = Signal(object)
    trouble = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._paths: tuple[Path, ...] = ()
        self._choice = Choice()
        self._span: tuple[float, float] | None = None
        self._is_new, self._is_closed = False, False
        self._followers: dict[Path, RunFollower] = {}
        self._runs: dict[Path, Run] = {}
        self._pictures: dict[Path, Picture] = {}
        self._asked = 0.0
        self._frames = HandedOver(self.drawn.emit, self)
        self._thread = threading.Thread(target=self._work, name="run source", daemon=True)
        self._thread.start()

    def show(self, paths: list[Path]) -> None:
        """Follow these runs.

        Parameters
        ----------
        paths
            Paths of the run files.
        """
        with self._lock:
            self._paths, self._is_new, self._span = tuple(paths), True, None
            self._asked = time.monotonic()
        self._wake.set()

    def choose(self, choice: Choice) -> None:
        """Set which part of the runs is shown.

        Parameters
        ----------
        choice
            Quantity, axes and places to show.
        """
        with self._lock:
            self._choice, self._is_new = choice, True
        self._wake.set()

    def look_at(self, span: tuple[float, float] | None) -> None:
        """Set the part of long lines that is shown in detail.

        Parameters
        ----------
        span
            Least and greatest value of the axis; None is the whole line.
        """
        with self._lock:
            if span == self._span:
                return
            self._span, self._is_new = span, True
        self._wake.set()

    def close(self) -> None:
        """End the thread."""
        self._is_closed = True
        self._wake.set()
        self._thread.join(5)

    def _work(self) -> None:
        with contextlib.suppress(RuntimeError):  # the window may have been closed
            while not self._is_closed:
                self._wake.wait(_LOOK if self._is_growing() else None)
                self._wake.clear()
                if not self._is_closed:
                    self._look_safely()
        for follower in self._followers.values():
            follower.close()

    def _look_safely(self) -> None:
        """Update; an error with one run does not end the thread."""
        try:
            self._look()
        except RuntimeError:  # of Qt: the window was closed
            raise
        except Exception as error:  # noqa: BLE001 - shown to the person
            with self._lock:
                paths, self._paths = self._paths, ()
            self.trouble.emit(f"{', '.join(path.name for path in paths)}: cannot be shown: {sentence(error)}")

    def _is_growing(self) -> bool:
        return any(path not in self._followers or not self._followers[path].has_ended for path in self._paths)

    def _look(self) -> None:
        with self._lock:
            paths, choice, span, is_new = self._paths, self._choice, self._span, self._is_new
            self._is_new = False
        for path in [path for path in self._followers if path not in paths]:
            self._followers.pop(path).close()
            self._runs.pop(path, None)
            self._pictures.pop(path, None)
        changed = is_new
        for path in paths:
            changed |= self._follow(path, choice, span, is_new)
        if changed:
            there = [path for path in paths if path in self._pictures]
            pictures = alike(_told_apart([(self._runs[path], self._pictures[path]) for path in there]))
            frames = [Frame(p, self._runs[p], q) for p, q in zip(there, pictures, strict=True)]
            self._frames.give(frames, lambda: self._is_closed)

    def _follow(self, path: Path, choice: Choice, span: tuple[float, float] | None, is_new: bool) -> bool:
        follower = self._followers.get(path) or RunFollower(path)
        try:
            run = follower.poll()
        except RunFileError as error:
            if time.monotonic() - self._asked > _PATIENCE:
                self._drop(path, sentence(error))
            return False
        self._followers[path] = follower
        if run is not None:
            self._runs[path] = run
        elif not is_new or path not in self._runs:
            return False
        try:
            self._pictures[path] = picture_of(self._runs[path], choice, span=span)
        except LabspinError:
            with contextlib.suppress(LabspinError):  # it has another quantity: its own signal
                self._pictures[path] = picture_of(self._runs[path], Choice(each=choice.each), span=span)
        return path in self._pictures

    def _drop(self, path: Path, text: str) -> None:
        with self._lock:
            self._paths = tuple(other for other in self._paths if other != path)
        self.trouble.emit(text)


def _told_apart(shown: Sequence[tuple[Run, Picture]]) -> list[Picture]:
    """Return the pictures of runs; those of one name are distinguished by their time."""
    number = Counter(picture.label for _, picture in shown)
    return [
        replace(picture, label=f"{picture.label}, {local_time(run.header.started)[:19]}")
        if number[picture.label] > 1
        else picture
        for run, picture in shown
    ]
