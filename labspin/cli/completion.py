"""What the shell completes: files of the right kind, and names that labspin knows.

It is switched on in a shell by ``eval "$(register-python-argcomplete labspin)"``. What completes an argument
follows from its name; so a new command is completed as soon as it is declared. Completing connects nothing,
and what cannot be read completes nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

__all__ = ["complete"]

Completer = Callable[..., Iterable[str]]


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer the shell and end the process, if it is the shell that asks.

    Parameters
    ----------
    parser
        Parser of the command ``labspin``, with all its commands.
    """
    import argcomplete

    _attach(parser)
    argcomplete.autocomplete(parser, always_complete_options=False)


def _attach(parser: argparse.ArgumentParser) -> None:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _attach(command)
        elif action.dest in _COMPLETERS:
            action.completer = _COMPLETERS[action.dest]  # type: ignore[attr-defined]


def _files(*suffixes: str) -> Completer:
    """Complete folders, and files that end in one of ``suffixes``."""

    def found(prefix: str, **_: Any) -> list[str]:
        start = Path(prefix).name if prefix and not prefix.endswith("/") else ""
        folder = prefix.removesuffix(start)  # as it was typed
        inside = [one for one in Path(folder).iterdir() if one.name.startswith(start)]
        shown = [one for one in inside if start or not one.name.startswith(".")]
        folders = [f"{folder}{one.name}/" for one in shown if one.is_dir()]
        return folders + [f"{folder}{one.name}" for one in shown if one.name.endswith(suffixes)]

    return _quiet(found)


def _quiet(find: Completer) -> Completer:
    """Complete nothing where something cannot be read: the shell is no place for errors."""

    def found(prefix: str = "", **context: Any) -> list[str]:
        from labspin.errors import LabspinError

        try:
            return list(find(prefix, **context))
        except (LabspinError, OSError):
            return []

    return found


def _recipes(prefix: str, **_: object) -> Iterable[str]:
    from labspin.analysis import list_recipes

    return sorted(list_recipes())


def _models(prefix: str, **_: object) -> Iterable[str]:
    from labspin.analysis import model_names

    return list(model_names())


def _things(prefix: str, **context: object) -> Iterable[str]:
    from labspin.session import known_names

    names = {name for kind in known_names().values() for name in kind}
    return sorted(names) + list(_RUNS(prefix, **context))


def _samples(prefix: str, **_: object) -> Iterable[str]:
    from labspin.workspaces import find_workspace

    return sorted(find_workspace().samples)


def _tags(prefix: str, **_: object) -> Iterable[str]:
    from labspin.data import list_runs
    from labspin.workspaces import find_workspace

    return sorted({tag for run in list_runs(find_workspace().data) for tag in run.tags})


def _tags_and_runs(prefix: str, **context: object) -> Iterable[str]:
    return [*_tags(prefix), *_RUNS(prefix, **context)]


def _parameters(prefix: str, parsed_args: argparse.Namespace, **_: object) -> Iterable[str]:
    """Complete the names of the parameters of the card's procedure."""
    from labspin.session import load_card

    run = load_card(parsed_args.card).runs[0]
    return [f"{name}=" for name in sorted(run.make().parameter_objects())]


def _labels(prefix: str, parsed_args: argparse.Namespace, **_: object) -> Iterable[str]:
    """Complete the labels of the runs of a card."""
    from labspin.session import load_card

    return sorted(spec.label for spec in load_card(parsed_args.card).runs)


def _columns(prefix: str, parsed_args: argparse.Namespace, **_: object) -> Iterable[str]:
    """Complete what the runs of a folder may be sorted by and shown with; after a comma the next of them."""
    from labspin.data import list_runs
    from labspin.session import known_columns
    from labspin.workspaces import find_workspace

    if not hasattr(parsed_args, "folder"):  # of `labspin fit`, whose columns are known after it
        return []
    runs = list_runs(parsed_args.folder or find_workspace().data, numbers=True)
    before = prefix[: prefix.rfind(",") + 1]
    return [before + name for name in sorted(known_columns(runs))]


def _figures(prefix: str, **_: object) -> Iterable[str]:
    from labspin.reproduction import FIGURES

    return sorted(FIGURES)


def _any_files(prefix: str, parsed_args: argparse.Namespace, **context: object) -> Iterable[str]:
    """Complete files; of what is to be brought back, the runs that were put aside."""
    if not getattr(parsed_args, "restore", False):
        kinds = "" if parsed_args.command == "fit" else ".h5"  # which takes files of other programs, too
        return _files(kinds)(prefix, **context)
    from labspin.data import trashed_runs
    from labspin.workspaces import find_workspace

    return [path.name for path in trashed_runs(find_workspace().data)]


_TOML = _files(".toml")
_RUNS = _files(".h5")
_COMPLETERS: dict[str, Completer] = {
    "card": _TOML,
    "on": _TOML,
    "station": _TOML,
    "file": _files(".h5", ".toml"),
    "run": _RUNS,
    "first": _RUNS,
    "second": _RUNS,
    "files": _quiet(_any_files),
    "figures": _quiet(_figures),
    "sort": _quiet(_columns),
    "columns": _quiet(_columns),
    "path": _RUNS,
    "folder": _files(),
    "workspace": _files(),
    "output": _files(""),
    "recipe": _quiet(_recipes),
    "model": _quiet(_models),
    "things": _quiet(_things),
    "sample": _quiet(_samples),
    "overrides": _quiet(_parameters),
    "only": _quiet(_labels),
    "tags": _quiet(_tags),
    "untag": _quiet(_tags),
    "remove": _quiet(_tags),
    "tagged": _quiet(_tags_and_runs),
}
