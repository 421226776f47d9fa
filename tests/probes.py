"""Files that cannot be trusted are tried out in a fork: a new process imports for a third of a second."""

import gc
import os
import subprocess
import warnings
from types import SimpleNamespace

import pytest

from labspin.data import probe
from labspin.data.nexus import seal


def _forked(command, **_):
    """Do in a fork what ``python -m labspin.data.probe TASK FILE SECONDS`` does."""
    with warnings.catch_warnings():  # later Pythons warn of threads, of which the fork has none
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        code = 1  # what Python ends with after a traceback
        try:
            gc.disable()
            code = probe.main(command[-3:])
        finally:
            os._exit(code)
    return subprocess.CompletedProcess(command, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), b"", b"")


@pytest.fixture(scope="session", autouse=True)
def probes_are_forked():
    """Try files out in forks of this process, where there are any."""
    with pytest.MonkeyPatch.context() as patch:
        if hasattr(os, "fork"):
            stand_in = SimpleNamespace(run=_forked, TimeoutExpired=subprocess.TimeoutExpired)
            patch.setattr(seal, "subprocess", stand_in)
        yield


@pytest.fixture
def started_probes(monkeypatch):
    """Try files out as ever, in processes of their own."""
    monkeypatch.setattr(seal, "subprocess", subprocess)
