"""What a program asks of the disk, in order: the real calls are made, and noted."""

import os
from pathlib import Path


def disk_calls(monkeypatch):
    """Return a list that grows by ``(call, name of the file)`` with every write, sync and replacement."""
    calls = []

    def name_of(descriptor):
        return Path(f"/proc/self/fd/{descriptor}").readlink().name

    def noting(call, real):
        def noted(what, *arguments, **options):
            name = name_of(what) if isinstance(what, int) else Path(what).name
            calls.append((call, name))
            return real(what, *arguments, **options)

        return noted

    for call, names in {"sync": ("fsync", "fdatasync"), "write": ("write",), "replace": ("replace",)}.items():
        for name in names:
            monkeypatch.setattr(os, name, noting(call, getattr(os, name)))
    return calls
