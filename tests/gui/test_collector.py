"""Garbage is collected by the window's thread alone, and what lives for ever is set aside."""

import gc
import sys
import types
import weakref

import pytest

from tests.qt import WHY_NOT

if WHY_NOT:
    pytest.skip(WHY_NOT, allow_module_level=True)


class Knot:
    """An object that holds itself."""

    def __init__(self):
        self.itself = self


def test_packages_that_were_loaded_are_set_aside_and_garbage_goes(collector, monkeypatch):
    assert not gc.isenabled(), "no other thread may free Qt's objects"
    monkeypatch.setitem(sys.modules, "loaded_just_now", types.ModuleType("loaded_just_now"))
    collector.look()
    assert gc.get_freeze_count() > 10_000
    assert len(gc.get_objects()) < gc.get_freeze_count() / 10, "little is left to be searched"
    knot = Knot()
    seen = weakref.ref(knot)
    del knot
    filler = []
    for _ in range(50):  # until the youngest generation is due
        filler += [[] for _ in range(200)]
        collector.look()
        if seen() is None:
            break
    assert seen() is None
