"""A small run of ``benchmarks/fuzz_wire.py``: no instrument crashes, hangs or answers out of step."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from labspin.twin.devices import DEVICES
from labspin.twin.message import MessageDevice

_SPEC = importlib.util.spec_from_file_location(
    "fuzz_wire", Path(__file__).parents[2] / "benchmarks" / "fuzz_wire.py"
)
NAMES = [name for name, kind in DEVICES.items() if issubclass(kind, MessageDevice)]


@pytest.fixture(scope="module")
def fuzz_wire():
    import sys

    module = importlib.util.module_from_spec(_SPEC)
    sys.modules[_SPEC.name] = module  # dataclasses look their module up
    _SPEC.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", NAMES)
def test_nothing_goes_wrong(fuzz_wire, name):
    tally = fuzz_wire.fuzz(name, 400, seed=2)
    assert tally.inputs == 400
    assert (tally.crashes, tally.hangs, tally.out_of_step) == (0, 0, 0), dict(tally.examples)


def test_the_fuzzer_sees_a_crash_and_an_answer_out_of_step(fuzz_wire, monkeypatch):
    """A device that fails at every thirtieth line, and one that answers twice, are both found."""
    kind = DEVICES["kepco_bop"]
    execute, calls = kind._execute, []

    def broken(self, message):
        calls.append(message)
        if len(calls) % 30 == 0:
            raise ValueError("broken")
        return execute(self, message)

    monkeypatch.setattr(kind, "_execute", broken)
    assert fuzz_wire.fuzz("kepco_bop", 200, seed=2).crashes > 5

    def twice(self, message):
        answer = execute(self, message)
        return answer + answer if message == "*IDN?" and len(calls) % 7 == 0 else answer

    calls.append("")
    fuzzer = fuzz_wire.Fuzzer("kepco_bop", 1)
    calls[:] = [""] * 7
    monkeypatch.setattr(kind, "_execute", twice)
    assert not fuzzer.in_step()
