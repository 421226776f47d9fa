"""What is added to a run after its process died, before anybody resumes or recovers it.

A watchdog that finds a run dead says in the run's own journal what it did to the bench. It takes no points
and does not revive the run, which stays dead until it is resumed or recovered.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from labspin.data.events import EventKind
from labspin.data.journal.reader import sound_end
from labspin.data.journal.replay import EVENT
from labspin.data.journal.writer import JournalWriter, journal_path
from labspin.data.plain import clean_text, plain
from labspin.errors import ArgumentError, RunFileError

__all__ = ["Postscript", "event_record"]


def event_record(kind: EventKind | str, message: str, data: Mapping[str, object]) -> tuple[object, ...]:
    """Return the journal record of an event that happens now.

    Parameters
    ----------
    kind
        An `EventKind`, or its value.
    message, data
        Message and data of the event.

    Raises
    ------
    ArgumentError
        There is no such kind.
    """
    try:
        known = EventKind(kind)
    except ValueError:
        kinds = ", ".join(EventKind)
        raise ArgumentError(f"kind of an event: wanted one of {kinds}, got {kind!r}") from None
    return (EVENT, time.time(), known.value, clean_text(str(message)), plain(data))


class Postscript:
    """Adds events to the journal of a dead run, which cannot be resumed or recovered meanwhile.

    Parameters
    ----------
    path
        The HDF5 file that the run will become.

    Raises
    ------
    RunFileError
        There is no journal, its writer lives, or it is damaged.
    """

    def __init__(self, path: Path | str) -> None:
        journal = journal_path(Path(path))
        if not journal.exists():
            raise RunFileError(f"{journal}: no such journal; its run never began, or has ended as it should")
        self._journal = JournalWriter.reopen(journal, sound_end, sync_interval=0.5)

    def event(self, kind: EventKind | str, message: str, **data: object) -> None:
        """Record that something happened; when this returns, it outlives the process.

        Parameters
        ----------
        kind
            One of `EventKind`, or its value.
        message
            What happened, for people.
        data
            Details by name; kept as plain values.

        Raises
        ------
        StorageError
            The disk is full or gone.
        """
        self._journal.write(event_record(kind, message, data))

    def close(self) -> None:
        """Let the journal go."""
        self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
