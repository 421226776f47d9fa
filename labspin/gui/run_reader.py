"""The window's end of the process that reads runs for the list: sends requests, and emits the answers."""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from labspin.gui.run_rows import RunRow, Sketch

__all__ = ["Listing", "RunReader"]

_SLICE = 0.2  # s of one slice: its rows are shown before the next
_SKETCHES = 8  # sketches made between two slices of a listing
_WAITING = 80  # waiting sketches: those that have left the screen are dropped
_DEATHS = 3  # deaths of the process without an answer, after which it is not restarted


@dataclass(frozen=True)
class Listing:
    """The result of a listing."""

    rows: list[RunRow]
    gone: list[str]
    is_whole: bool
    is_anew: bool
    """Whether it begins again: what was known before does not count."""


class RunReader(QObject):
    """Lists folders and sketches runs, in a separate process.

    While a thread computes in Python, the window's thread waits for up to a millisecond at each of the
    thousand calls by which Qt paints a list: a noticeable delay in total. A process causes no such wait.

    Signals
    -------
    listed(listing)
        A part of a listing is ready.
    sketched(key, sketch)
        A requested sketch is ready.
    trouble(text)
        The folder cannot be read.
    """

    listed = Signal(object)
    sketched = Signal(object, object)
    trouble = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._changed = threading.Condition()
        self._folder: Path | None = None
        self._last: Path | None = None
        self._wanted: OrderedDict[object, Path] = OrderedDict()
        self._is_closed = False
        self._process: subprocess.Popen[bytes] | None = None
        self._deaths = 0
        self._thread: threading.Thread | None = None

    def look(self, folder: Path) -> None:
        """List a folder once; `listed` is emitted for each part.

        Parameters
        ----------
        folder
            Folder of run files.
        """
        with self._changed:
            self._folder = folder
            self._begin()

    def sketch(self, key: object, path: Path) -> None:
        """Make a sketch; the last request is served first.

        Parameters
        ----------
        key
            Returned with the sketch.
        path
            Path of the run file.
        """
        with self._changed:
            self._wanted[key] = path
            self._wanted.move_to_end(key)
            while len(self._wanted) > _WAITING:
                self._wanted.popitem(last=False)
            self._begin()

    def _begin(self) -> None:
        self._changed.notify()
        if self._thread is None and not self._is_closed:
            self._thread = threading.Thread(target=self._work, name="run reader", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the process and the thread."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
            if self._process is not None:
                self._process.kill()  # it only reads
        if self._thread is not None:
            self._thread.join(5.0)

    # -- the requesting thread --------------------------------------------------------------------------

    def _work(self) -> None:
        with contextlib.suppress(RuntimeError):  # the window may have been closed
            while self._wait():
                self._look()
                for _ in range(_SKETCHES):
                    self._sketch()
        self._end_process()

    def _wait(self) -> bool:
        """Wait for a request; return whether to continue."""
        with self._changed:
            self._changed.wait_for(lambda: self._folder or self._wanted or self._is_closed)
            return not self._is_closed

    def _look(self) -> None:
        with self._changed:
            folder = self._folder
        if folder is None:
            return
        is_anew = self._process is None or folder != self._last
        answer = self._ask(("look", str(folder), _SLICE))
        self._last = folder
        rows, gone, is_whole = ([], [], True) if answer is None or isinstance(answer, str) else answer
        if is_whole:
            with self._changed:
                self._folder = None if self._folder == folder else self._folder
        if isinstance(answer, str):
            self.trouble.emit(answer)
        self.listed.emit(Listing(rows, gone, is_whole, is_anew and answer is not None))

    def _sketch(self) -> None:
        with self._changed:
            if not self._wanted or self._is_closed:
                return
            key, path = self._wanted.popitem(last=True)
        self.sketched.emit(key, self._ask(("sketch", str(path))) or Sketch())

    def _ask(self, request: tuple[Any, ...]) -> Any:
        """Return the answer of the process; None if the request killed it."""
        if self._deaths >= _DEATHS:
            return None
        process = self._living()
        if process is None or process.stdin is None or process.stdout is None:
            return None
        try:
            pickle.dump(request, process.stdin)
            process.stdin.flush()
            answer = pickle.load(process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError):
            self._end_process()
            self._deaths += 1
            if self._deaths == _DEATHS and not self._is_closed:
                self.trouble.emit(
                    "the process that reads the list of runs has ended three times; open the window again, "
                    "and see what it wrote to the terminal"
                )
            return None
        self._deaths = 0
        return answer

    def _living(self) -> subprocess.Popen[bytes] | None:
        with self._changed:
            if self._process is None and not self._is_closed:
                self._process = _started()
            return self._process

    def _end_process(self) -> None:
        with self._changed:
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
            process.wait()


def _started() -> subprocess.Popen[bytes]:
    import labspin

    package = Path(labspin.__file__).resolve().parent.parent
    return subprocess.Popen(
        [sys.executable, "-m", "labspin.gui.run_worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=package,  # not the workspace, whose files may be named as packages are
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
