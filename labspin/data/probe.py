"""Reads a file that cannot be trusted, so that only this process pays for it.

Run as ``python -m labspin.data.probe TASK FILE SECONDS``: the time is that of the processor.

Exit code 0: it can be read; 1: it is refused in plain words. Anything else, or no end, is a trap.
"""

from __future__ import annotations

import sys
from pathlib import Path

from labspin.errors import LabspinError

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    """Read a file in the way that a task names.

    Parameters
    ----------
    arguments
        The task, the path of the file, and the time that reading may take, s. The task ``run`` reads a run
        file, ``matlab`` a MATLAB file; any other lists the data sets of an HDF5 file.

    Returns
    -------
        Exit code: 0 if the file can be read, 1 if it is refused.
    """
    task, path = arguments[0], Path(arguments[1])
    if sys.platform != "win32":
        import resource

        seconds = int(arguments[2])
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    try:
        if task == "run":
            from labspin.data.nexus.read import read_run_file

            read_run_file(path, trusted=True)
        elif task == "matlab":
            from labspin.data.foreign.matlab import load_matlab

            load_matlab(path)
        else:
            from labspin.data.foreign.hdf5 import walk_foreign

            walk_foreign(path)
    except LabspinError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
