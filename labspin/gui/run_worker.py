"""Reads runs for the list of the window in a separate process: a thread would delay the window's thread.

Run as ``python -m labspin.gui.run_worker``. A request is a pickle on the standard input, its answer one on
the standard output; both ends are this program's own. It ends with its input, also when the window is killed.

=========================  ================================================================================
request                    answer
=========================  ================================================================================
``("look", folder, s)``    rows of runs that are new or changed, keys of those that are gone, whether the
                           folder has been looked at wholly; or a sentence that says why it cannot be read
``("sketch", path)``       a `Sketch`
=========================  ================================================================================
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import sys
from pathlib import Path
from typing import BinaryIO

from labspin.data import RunFolder
from labspin.errors import LabspinError
from labspin.gui.run_rows import rows_of, sketch_of_run

__all__ = ["main", "serve"]

_MODEST = 5  # niceness: bench and window have priority


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more.

    Parameters
    ----------
    requests, answers
        Streams of pickles.
    """
    folder: RunFolder | None = None
    while True:
        try:
            request = pickle.load(requests)
        except EOFError:
            return
        answer: object
        if request[0] == "look":
            if folder is None or folder.folder != Path(request[1]):
                folder = RunFolder(request[1])
            try:
                found = folder.changes(request[2])
                answer = (rows_of(found.runs), [str(path) for path in found.gone], found.is_whole)
            except LabspinError as error:
                answer = str(error)
        else:
            answer = sketch_of_run(Path(request[1]))
        pickle.dump(answer, answers, pickle.HIGHEST_PROTOCOL)
        answers.flush()


def main() -> int:
    """Serve the standard streams; nothing else may write to them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the window handles Ctrl-C
    with contextlib.suppress(AttributeError, OSError):
        os.nice(_MODEST)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with contextlib.suppress(BrokenPipeError):
        serve(sys.stdin.buffer, answers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
