"""The command line: `labspin COMMAND …`.

Each command is a module of this package with two functions: `add` declares its arguments (cheap, so that
``labspin --help`` is instant) and `execute` does the work and returns the exit code. Errors that labspin
raises on purpose are printed as one sentence.

Exit codes: 0 done, 1 an error (its sentence is on stderr), 2 wrong usage, 3 a run that did not
finish or a fit that failed, 4 a bench that could not be made safe, whatever else happened, 130 interrupted.
"""

from __future__ import annotations

import argparse
import difflib
import logging
import os
import re
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from labspin import __version__
from labspin.characters import visible
from labspin.cli import (
    bench,
    check,
    control,
    diff,
    doctor,
    export,
    fit,
    gui,
    init,
    ls,
    new,
    note,
    plot,
    queue,
    recover,
    report,
    reproduce,
    resume,
    run,
    sequence,
    show,
    tag,
    trash,
    unsafe,
)
from labspin.cli.outlet import tolerant_streams
from labspin.cli.output import NOT_SAFE
from labspin.errors import LabspinError, NotSafeError, RunAborted
from labspin.system import reason_of

__all__ = ["command_parser", "main"]

_COMMANDS = (
    run, resume, queue, check, sequence, doctor, fit, plot, report, ls, show, diff, note, tag, trash, export,
    recover, init, new, bench, control, gui, unsafe, reproduce,
)  # fmt: skip
INTERRUPTED = 130


_MEANT = {"info": "show", "delete": "trash", "rm": "trash", "list": "ls"}
"""Commands that other programs have -> what does it here."""


class _Parser(argparse.ArgumentParser):
    """Names the word that was meant where only some are taken; parsers of commands are of this class."""

    def error(self, message: str) -> NoReturn:
        """End with a sentence about what is wrong with the command line."""
        word, found, choices = message.partition("invalid choice: '")[2].partition("' (choose from ")
        if found:
            known = {*re.findall(r"[\w.-]+", choices), *self._option_string_actions}
            near = [_MEANT[word]] if word in _MEANT else [f"--{word}"] if f"--{word}" in known else []
            near = near or difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.5)
            message += f"; did you mean {near[0]!r}?" if near else ""
        super().error(visible(message))


def command_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands.

    Returns
    -------
        The same that `main` uses; for completion and for the page of commands.
    """
    parser = _Parser(
        prog="labspin",
        description="Run spin-mechanics experiments from the wire to the fit, with or without hardware.",
    )
    parser.add_argument("--version", action="version", version=f"labspin {__version__}")
    parser.add_argument("-v", "--verbose", action="count", default=0, help="log more (-v: info, -vv: debug)")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for module in _COMMANDS:
        module.add(commands)
    return parser


class _OneLine(logging.Formatter):
    """Leaves the traceback out: the run file and ``-vv`` have it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return level and message."""
        return visible(f"labspin: {record.levelname.lower()}: {record.getMessage()}")


class _ToStderr(logging.Handler):
    """Writes to what standard error is at the time."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(self.format(record) + "\n")


def _log_to_stderr(verbose: int) -> None:
    handler = _ToStderr()
    if verbose < 2:
        handler.setFormatter(_OneLine())
    else:
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    level = {0: logging.WARNING, 1: logging.INFO}.get(verbose, logging.DEBUG)
    logging.basicConfig(level=level, handlers=[handler])
    if verbose < 2:
        for chatty in ("pymeasure", "matplotlib"):  # of optional packages, and of each font that is missing
            logging.getLogger(chatty).setLevel(logging.ERROR)
        # matplotlib says so of any legend that took a second, as it does on a busy machine.
        warnings.filterwarnings("ignore", "Creating legend with loc", UserWarning)


def _warn_of_unsafe_benches() -> None:
    from labspin.bench.notices import notices

    for notice in notices():
        _say(f"labspin: {notice.sentence}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Parameters
    ----------
    argv
        Arguments of the command line; None: those of this process.
    """
    parser = command_parser()
    if "_ARGCOMPLETE" in os.environ:
        from labspin.cli.completion import complete

        complete(parser)
    with tolerant_streams():  # help and refusals of arguments are printed while they are read
        arguments, rest = parser.parse_known_args(argv)
        if rest:
            _refuse(parser, arguments.command, rest)
        _log_to_stderr(arguments.verbose)
        if arguments.command != "unsafe":
            _warn_of_unsafe_benches()
        return _executed(arguments)


def _refuse(parser: argparse.ArgumentParser, command: str, rest: Sequence[str]) -> NoReturn:
    """Say what is left of the command line that the command does not know, and what is near it."""
    commands = next(one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    inner: argparse.ArgumentParser = commands.choices[command]
    known = [word for one in _with_inner(inner) for word in one._option_string_actions]
    near = difflib.get_close_matches(rest[0].partition("=")[0], known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    inner.error(f"unrecognized arguments: {' '.join(rest)}{hint}")


def _with_inner(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    inner = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    return [parser, *(found for one in inner for sub in one.choices.values() for found in _with_inner(sub))]


def _say(sentence: str) -> None:
    sys.stderr.write(visible(sentence) + "\n")


_FILES = ("card", "file", "files", "first", "second", "folder", "path", "station", "things")
"""Arguments of commands that name what the command is about."""


def _files_of(arguments: argparse.Namespace) -> list[Path]:
    """Return the files and folders that a command is given."""
    given = [vars(arguments).get(name) or () for name in _FILES]
    several = [one if isinstance(one, (list, tuple)) else [one] for one in given]
    return [Path(one) for some in several for one in some if os.fspath(one)]


def _executed(arguments: argparse.Namespace) -> int:
    from labspin.workspaces import belonging_to

    try:
        with belonging_to(*_files_of(arguments)):
            return int(arguments.execute(arguments))
    except RunAborted as outcome:
        _say(f"labspin: {outcome}")
        return INTERRUPTED
    except NotSafeError as error:
        _say(str(error))
        return NOT_SAFE
    except LabspinError as error:
        if arguments.verbose > 1:
            logging.getLogger(__name__).exception("what led to the error")
        _say(f"labspin: {error}")
        return 1
    except KeyboardInterrupt:
        _say("labspin: interrupted")
        return INTERRUPTED
    except OSError as error:
        if arguments.verbose > 1:
            logging.getLogger(__name__).exception("what led to the error")
        _say(f"labspin: {error.filename or arguments.command}: {reason_of(error)}")
        return 1
