"""The file of a queue: TOML that a person can read, and correct with an editor.

It is always replaced whole, so that a reader sees all of a change or nothing.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from labspin.data.storage import replace_file
from labspin.documents import Section, parse_document
from labspin.errors import ConfigurationError
from labspin.system import read_bounded, reason_of

__all__ = ["QueueState", "QueuedRun", "State", "read_queue", "write_queue"]

State = Literal["waiting", "running", "finished", "aborted", "failed", "interrupted"]
_STATES: tuple[State, ...] = get_args(State)
_HEAD = "# Runs of labspin, made from top to bottom; 'labspin queue --help' says how to change this list.\n\n"


@dataclass(frozen=True, kw_only=True)
class QueuedRun:
    """One run of a queue."""

    card: str
    """Run card; relative paths start from the folder of the queue."""
    label: str
    """Which run of the card."""
    id: int = 0
    state: State = "waiting"
    station: str = ""
    """Station file, instead of the card's."""
    overrides: tuple[str, ...] = ()
    """Parameters that replace the card's, each ``name=value``."""
    seed: int | None = None
    output: str = "data"
    """Folder of the run file."""
    file: str = ""
    """Run file, once the run has begun; a waiting run that has one is resumed."""
    run_id: str = ""
    """Identity of the run in that file; a run of another identity is not this one. Empty: any is."""
    added: str = ""
    started: str = ""
    ended: str = ""
    message: str = ""
    """Why it ended as it did."""


@dataclass(frozen=True)
class QueueState:
    """All of a queue at one moment."""

    runs: tuple[QueuedRun, ...] = ()
    paused: bool = False
    next_id: int = 1
    paused_at: tuple[str, ...] = ()
    """Station files of the benches at which no further run begins; ``paused`` means all of them."""

    def of(self, *states: State) -> tuple[QueuedRun, ...]:
        """Return the runs in one of ``states``, in their order."""
        return tuple(run for run in self.runs if run.state in states)


def read_queue(path: Path) -> QueueState:
    """Return the queue in ``path``; an empty one if there is no such file.

    Parameters
    ----------
    path
        File of the queue.

    Raises
    ------
    ConfigurationError
        The file is not a queue.
    """
    try:
        stamp = _stamp(path.stat())
        known = _known.get(path)
        if known is None or known[0] != stamp:
            root = parse_document(read_bounded(path), path, error=ConfigurationError)
            known = _known[path] = (stamp, _parsed(root))
    except FileNotFoundError:
        return QueueState()
    except OSError as error:
        raise ConfigurationError(f"{path}: wanted a queue: {reason_of(error)}") from error
    return known[1]


_known: dict[Path, tuple[tuple[int, ...], QueueState]] = {}
"""What stood in a file when it was last read or written here: parsing 500 runs takes a while."""


def _stamp(found: os.stat_result) -> tuple[int, ...]:
    """Return a stamp that changes whenever the file is replaced or edited."""
    return found.st_ino, found.st_size, found.st_mtime_ns


def write_queue(path: Path, state: QueueState) -> None:
    """Replace the file at ``path`` by ``state``, whole or not at all.

    Parameters
    ----------
    path
        File of the queue.
    state
        The whole queue.

    Raises
    ------
    StorageError
        It cannot be written; the old file is unchanged.
    """
    written = replace_file(path, _text(state).encode(), "the queue stays as it was")
    _known[path] = (_stamp(written), state)


def _text(state: QueueState) -> str:
    head = f"{_HEAD}paused = {_word(state.paused)}\nnext_id = {state.next_id}\n"
    if state.paused_at:  # else a release that knows one pause for all can read it
        head += f"paused_at = {_word(state.paused_at)}\n"
    return head + "".join(map(_table, state.runs))


@functools.lru_cache(maxsize=4096)  # of a long queue one run changes at a time
def _table(run: QueuedRun) -> str:
    lines = [
        f"{field.name} = {_word(value)}\n"
        for field in _FIELDS
        if (value := getattr(run, field.name)) not in (None, "", ()) or field.name in ("card", "label")
    ]
    return "\n[[runs]]\n" + "".join(lines)


def _word(value: object) -> str:
    """Return a value as TOML, whose texts are those of JSON but for one control character."""
    text = json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
    return text.replace("\x7f", "\\u007f")


def _order(field: dataclasses.Field[object]) -> int:
    return {"id": 0, "state": 1}.get(field.name, 2)


_FIELDS = sorted(dataclasses.fields(QueuedRun), key=_order)


def _parsed(root: Section) -> QueueState:
    paused = root.take("paused", bool, False)
    paused_at = root.texts("paused_at", example='["instruments/my-bench.toml"]')
    runs = tuple(map(_parsed_run, root.sections("runs"))) if root.plain_value("runs") else ()
    ids = [run.id for run in runs]
    if len(set(ids)) != len(ids) or min(ids, default=1) < 1:
        root.fail("runs", f"wanted every run to have a number of its own, got {ids}; correct the ids")
    told = root.plain_value("next_id")
    least = told if type(told) is int else 1
    root.finish()
    return QueueState(runs, paused, max([least, *(taken + 1 for taken in ids)]), paused_at)


def _parsed_run(run: Section) -> QueuedRun:
    others = {
        field.name: run.take(field.name, str, field.default) for field in _FIELDS if field.default == ""
    }
    parsed = QueuedRun(
        **others,
        card=run.take("card", str),
        label=run.take("label", str),
        id=run.take("id", int),
        state=cast("State", run.choice("state", _STATES, "waiting")),
        overrides=run.texts("overrides", example='["averages=4"]'),
        seed=run.take("seed", int, None),
        output=run.take("output", str, QueuedRun.output),
    )
    run.finish()
    return parsed
