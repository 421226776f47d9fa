"""What `labspin fit` does with files of other programs: fits as the options say, and proposes the rest.

Columns and model that are not named are found out, with the reasons: `labspin.analysis.propose`.
"""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labspin.cli.output import console, outcome_row, print_json, print_table
from labspin.errors import FitError
from labspin.units import parse_quantity

if TYPE_CHECKING:
    from labspin.analysis import FitOutcome, Proposal, Section
    from labspin.data import Contents

__all__ = [
    "add_foreign_options",
    "files_for_foreign",
    "fit_as_commanded",
    "fit_foreign_file",
    "pairs_of_option",
    "refuse_flags",
]

_PAIRS = {"options": "option", "fixed": "fix", "start": "start"}
_TABLE = 6
"""Candidates that are printed."""
_TEXTS = frozenset((".asc", ".ascii", ".csv", ".dat", ".lvm", ".prn", ".tab", ".tsv", ".txt", ".xy"))
"""Endings of tables: in a folder, other texts are notes and scripts."""
_HDF5 = (b"\x89HDF\r\n\x1a\n", b"MATLAB 7.3")


def add_foreign_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options for files of other programs.

    Parameters
    ----------
    parser
        Parser of ``labspin fit``.
    """
    fit = parser.add_argument_group("the fit", "instead of what the recipe says, or what is found out")
    fit.add_argument(
        "--model", help="model, for example stretched_exponential; its fit of a run stands beside"
    )
    fit.add_argument(
        "--sigma", help="standard errors of y: a name; for runs also poisson, likelihood, none, or arithmetic"
    )
    fit.add_argument("--option", action="append", metavar="NAME=VALUE", help="of the model: count=3")
    fit.add_argument("--fix", action="append", metavar="NAME=VALUE", help='hold a parameter: "T1=1 ms"')
    fit.add_argument(
        "--start", action="append", metavar="NAME=VALUE", help="fit a parameter, and start it there"
    )
    foreign = parser.add_argument_group("foreign files", "what is not named is found out, and said")
    foreign.add_argument("--x", help="name of the abscissa, as `labspin show FILE` lists it")
    foreign.add_argument("--y", help="name of the ordinate; also 'z[:, 3]', 'X + 1j*Y', 'abs(S21)'")
    foreign.add_argument("--x-unit", default=None, help="unit of x")
    foreign.add_argument("--y-unit", default=None, help="unit of y")
    foreign.add_argument("--from", dest="first", metavar="X", help='smallest x to fit: 2.84e9, "2.84 GHz"')
    foreign.add_argument("--to", dest="last", metavar="X", help="largest x to fit")
    foreign.add_argument("--skip", type=int, default=0, metavar="N", help="leave out the first N points")
    foreign.add_argument("--every", type=int, default=1, metavar="N", help="fit every N-th point")
    foreign.add_argument("--averages", type=float, help="thermal_spectrum: how many spectra were averaged")
    foreign.add_argument("--window", help="thermal_spectrum: window of the segments: none, rectangular, hann")
    foreign.add_argument("--length", help='thermal_spectrum: length of a segment, e.g. "0.1 s"')
    foreign.add_argument("--temperature", help='thermal_spectrum: for the spring constant, e.g. "294.5 K"')


def files_for_foreign(arguments: argparse.Namespace) -> list[Path]:
    """Return the files of other programs that the command is about; none where it is about runs.

    Names of columns say that it is about the former, even of a run; otherwise no file of it is a run.

    Parameters
    ----------
    arguments
        Command line, parsed.
    """
    first = arguments.files[0]
    columns = any(getattr(arguments, name) is not None for name in ("x", "y"))
    cut = any(getattr(arguments, name) is not None for name in ("first", "last"))
    named = columns or (cut and not _is_run(Path(first)))
    if named and len(arguments.files) == 1 and not (Path(first).is_dir() or _is_pattern(first)):
        return [Path(first)]
    if arguments.recipe is not None and not named:
        return []
    paths = _found(arguments.files)
    runs = [path for path in paths if path.suffix in (".jnl", ".toml") or _is_run(path)]
    return [] if runs or not any(path.is_file() for path in paths) else paths


def _found(texts: Sequence[str]) -> list[Path]:
    """Return the files that names, folders and patterns stand for, up to the first run."""
    files: dict[Path, None] = {}
    for text in texts:
        path = Path(text)
        if path.is_dir():
            inside = _data_in(path)
        elif _is_pattern(text):
            root = Path(path.anchor)
            inside = (found for found in sorted(root.glob(str(path.relative_to(root)))) if found.is_file())
        else:
            inside = iter([path])
        for one in inside:
            files[one] = None
            if _is_run(one):
                return list(files)
    return list(files)


def _is_pattern(text: str) -> bool:
    return bool(set(text) & set("*?[")) and not Path(text).exists()


def _data_in(folder: Path) -> Iterator[Path]:
    """Yield the files of data in a folder, runs first: known by how they begin, texts by their endings."""
    from labspin.data import TRASH
    from labspin.data.foreign.read import known_format

    inside = [path for path in sorted(folder.rglob("*")) if TRASH not in path.relative_to(folder).parts]
    yield from (path for path in inside if path.suffix == ".h5")
    for path in inside:
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix == ".h5" or hidden or not path.is_file():
            continue
        if path.suffix.lower() in _TEXTS or known_format(path) != "text":
            yield path


_OF_RUNS = {"recipe": "--with", "force": "--refit", "output": "-o"} | {
    name: f"--{name}" for name in ("workers", "dask", "table", "sort", "reverse", "rows")
}
_OF_TABLES = ("table", "sort", "reverse", "rows")
_OF_FOREIGN = {"first": "--from", "last": "--to", "x_unit": "--x-unit", "y_unit": "--y-unit"} | {
    name: f"--{name}" for name in ("x", "y", "skip", "every", "averages", "window", "length", "temperature")
}


def refuse_flags(arguments: argparse.Namespace, *, foreign: bool, several: bool) -> None:
    """Refuse options that mean nothing for the files of a command.

    Parameters
    ----------
    arguments
        Command line, parsed.
    foreign, several
        Whether it is about files of other programs, or about runs; and whether those are several.

    Raises
    ------
    FitError
        There is one.
    """
    where, reason = (
        (_OF_RUNS, "is for runs, got a file of another program")
        if foreign
        else (_OF_FOREIGN, "is for a file of another program; runs are fitted as their recipe says")
    )
    for name, flag in where.items():
        if several and name in _OF_TABLES:
            continue
        if getattr(arguments, name) not in (None, False, {"skip": 0, "every": 1}.get(name)):
            raise FitError(f"{flag}: {reason}; leave it out")


def _is_run(path: Path) -> bool:
    """Return whether a file is one of labspin's own runs."""
    from labspin.data import is_run_file

    return path.is_file() and is_run_file(path)


def fit_foreign_file(arguments: argparse.Namespace, path: Path) -> int:
    """Fit a file of another program, print, draw.

    Parameters
    ----------
    arguments
        Command line, parsed.
    path
        The file.

    Returns
    -------
        Exit code, always 0; a failure raises.
    """
    outcome, proposal = fit_as_commanded(arguments, path, told=not arguments.json)
    _show(outcome, arguments, path, proposal)
    return 0


def fit_as_commanded(
    arguments: argparse.Namespace, path: Path, *, told: bool
) -> tuple[FitOutcome, Proposal | None]:
    """Fit a file of another program as the command says.

    Parameters
    ----------
    arguments
        Command line, parsed.
    path
        The file.
    told
        Whether what is found out is printed, with the reasons.

    Returns
    -------
    outcome, proposal
        The fit; what was proposed for it, None where the model was named.

    Raises
    ------
    FitError
        The data do not decide for a model, or cannot be fitted.
    RunFileError
        The file cannot be read.
    """
    from labspin.data import open_foreign

    contents, settings = open_foreign(path), _settings(arguments)
    if arguments.model is not None:
        return _named(arguments, contents, settings, told=told), None
    proposal = _proposed(arguments, contents)
    return _chosen(arguments, proposal, settings, told=told), proposal


def _settings(arguments: argparse.Namespace) -> dict[str, object]:
    settings: dict[str, object] = {}
    for name in ("averages", "window"):
        if getattr(arguments, name) is not None:
            settings[name] = getattr(arguments, name)
    for name, unit in (("temperature", "K"), ("length", "s")):
        if getattr(arguments, name) is not None:
            settings[name] = parse_quantity(getattr(arguments, name), unit, name=f"--{name}")
    settings |= pairs_of_option(arguments)
    return {name: value for name, value in settings.items() if value != {}}


def pairs_of_option(arguments: argparse.Namespace) -> dict[str, dict[str, object]]:
    """Return what is held, where parameters start, and the options of the model.

    Parameters
    ----------
    arguments
        Command line, parsed.
    """
    return {name: _pairs(f"--{option}", getattr(arguments, option)) for name, option in _PAIRS.items()}


def _section(arguments: argparse.Namespace) -> Section | None:
    from labspin.analysis import Section

    chosen = (arguments.first, arguments.last, arguments.skip, arguments.every)
    return None if chosen == (None, None, 0, 1) else Section(*chosen)


def _units(arguments: argparse.Namespace) -> tuple[str, str]:
    return arguments.x_unit or "1", arguments.y_unit or "1"


def _named(
    arguments: argparse.Namespace, contents: Contents, settings: dict[str, Any], *, told: bool
) -> FitOutcome:
    """Fit the model that was named; columns that were not are found out."""
    from labspin.analysis import fit_foreign
    from labspin.data import pick_axes

    x, y, sigma = arguments.x, arguments.y, arguments.sigma
    if x is None or y is None:
        pick = pick_axes(contents, x=x, y=y)
        x, y, sigma = pick.x, pick.y, sigma or pick.sigma or None
        if told:
            _say(pick.why)
    return fit_foreign(
        contents,
        x=x,
        y=y,
        sigma=sigma,
        model=arguments.model,
        units=_units(arguments),
        section=_section(arguments),
        **settings,
    )


def _proposed(arguments: argparse.Namespace, contents: Contents) -> Proposal:
    from labspin.analysis import propose

    return propose(
        contents,
        x=arguments.x,
        y=arguments.y,
        sigma=arguments.sigma,
        units=_units(arguments),
        section=_section(arguments),
    )


def _chosen(
    arguments: argparse.Namespace, proposal: Proposal, settings: dict[str, Any], *, told: bool
) -> FitOutcome:
    """Return the fit of the clear candidate; where there is none, show what there is to choose from."""
    if told:
        _say((*proposal.pick.why, f"model: {_model_words(proposal)}"))
    clear = proposal.clear
    if clear is None:
        if told and proposal.candidates:
            _print_candidates(proposal)
        sound = [one.model for one in proposal.candidates if not one.outcome.warnings]
        model = sound[0] if sound else "MODEL"
        command = _command(arguments, proposal, model)
        raise FitError(f"{proposal.trace.path}: {proposal.why}; name the model: {command}")
    if told:
        said = "".join(f" --option {key}={value}" for key, value in clear.options.items())
        _say((f"the same as: {_command(arguments, proposal, clear.model)}{said}",))
    if not settings:
        return clear.outcome
    from labspin.analysis import fit_foreign_trace

    options = {**clear.options, **settings.pop("options", {})}
    return fit_foreign_trace(proposal.trace, clear.model, options=options, **settings)


def _model_words(proposal: Proposal) -> str:
    return (
        f"none is clear: {proposal.why}"
        if proposal.clear is None
        else f"{proposal.clear.name}: {proposal.why}"
    )


def _command(arguments: argparse.Namespace, proposal: Proposal, model: str) -> str:
    """Return the command that names all that was found out."""
    words = ["labspin", "fit", str(proposal.trace.path), "--x", proposal.pick.x, "--y", proposal.pick.y]
    sigma = arguments.sigma or proposal.pick.sigma
    words += ["--sigma", sigma] if sigma else []
    for option, value in (("--x-unit", arguments.x_unit), ("--y-unit", arguments.y_unit),
                          ("--from", arguments.first), ("--to", arguments.last)):  # fmt: skip
        words += [option, value] if value is not None else []
    words += ["--skip", str(arguments.skip)] if arguments.skip else []
    words += ["--every", str(arguments.every)] if arguments.every != 1 else []
    return shlex.join([*words, "--model", model])


def _say(lines: tuple[str, ...]) -> None:
    for line in lines:
        console().print(line, markup=False)


def _print_candidates(proposal: Proposal) -> None:
    best = proposal.candidates[0].bic
    rows = [
        (one.name, str(one.parameters), f"{one.bic - best:.1f}", _short(one.outcome.warnings))
        for one in proposal.candidates[:_TABLE]
    ]
    print_table("", ("model", "parameters", "BIC above the best", "doubt"), rows, whole=("model",))


def _short(warnings: tuple[str, ...]) -> str:
    """Return the first warning without what follows its first colon."""
    return warnings[0].partition(":")[0] if warnings else ""


def _pairs(option: str, texts: list[str] | None) -> dict[str, object]:
    """Return NAME=VALUE texts as a table, numbers as numbers."""
    found: dict[str, object] = {}
    for text in texts or ():
        name, sign, value = text.partition("=")
        if not sign or not name or not value:
            raise FitError(f"{option}: wanted NAME=VALUE, got {text!r}")
        found[name.strip()] = _number(value.strip())
    return found


def _number(text: str) -> bool | int | float | str | list[object]:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if text.startswith("["):
        try:
            return list(json.loads(text))
        except ValueError:
            return text
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:  # no such number: another kind, or a word
            continue
    return text


def _show(outcome: FitOutcome, arguments: argparse.Namespace, path: Path, proposal: Proposal | None) -> None:
    if arguments.json:
        picture = _drawn(outcome, arguments, path)
        shown = None if picture is None else str(picture)
        document = {"fits": outcome.rows(), "failures": [], "picture": shown}
        print_json(document | ({} if proposal is None else _as_json(proposal)))
        return

    print_table("", ("fit", "parameters", "reduced χ²", "p"), [outcome_row(outcome)], whole=("parameters",))
    _say(tuple(f"{outcome.label or outcome.name}: {warning}" for warning in outcome.warnings))
    picture = _drawn(outcome, arguments, path)
    if picture is not None:
        _say((f"plot: {picture}",))


def _as_json(proposal: Proposal) -> dict[str, object]:
    pick = proposal.pick
    return {
        "taken": {"x": pick.x, "y": pick.y, "sigma": pick.sigma or None, "why": [*pick.why, proposal.why]},
        "candidates": [
            {"model": one.model, "options": dict(one.options), "bic": one.bic, "parameters": one.parameters}
            for one in proposal.candidates
        ],
    }


def _drawn(outcome: FitOutcome, arguments: argparse.Namespace, path: Path) -> Path | None:
    """Draw the fit where it was asked for, or beside the data; there, a folder that takes none is said."""
    from labspin.analysis import plot_outcomes

    if arguments.plot is not None:
        return plot_outcomes([outcome], arguments.plot)
    try:
        return plot_outcomes([outcome], path.with_name(f"{path.stem}-fit.png"))
    except FitError as error:  # the data may stand where nothing can be written
        if not arguments.json:
            _say((f"not drawn: {error}",))
        return None
