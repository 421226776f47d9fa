"""`labspin fit`: fit runs, few or thousands, or two columns of a foreign file: value ± standard error."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labspin.cli.output import add_json, console, print_json, print_table
from labspin.errors import FitError, RecipeError
from labspin.units import parse_quantity

if TYPE_CHECKING:
    from labspin.analysis import FitOutcome

__all__ = ["add", "execute"]

_EXAMPLES = """\
A run is fitted by the recipe of its procedure unless --with names another. What is stored already is not
repeated; what another recipe or version made is made anew. A bad file is named at the end and stops no other.

examples:
  labspin fit data/run.h5
  labspin fit 'data/**/*.h5' --with t1 --table t1.csv
  labspin fit data --with relaxation_law -o data/law.h5       T1 of each run against its field (a chain)
  labspin fit data --with t1 --dask tcp://scheduler:8786
  labspin fit spectrum.h5 --x f --y psd --model thermal_spectrum --averages 50 --window hann
  labspin fit odmr.csv --x frequency --y counts --model lorentzian_dips --option count=2

exit codes: 0 all fitted, 1 an error, 2 wrong usage, 3 some files could not be fitted, 130 interrupted
"""


def add(commands: Any) -> None:
    """Declare the command.

    Parameters
    ----------
    commands
        Subparsers of the command ``labspin``, as `argparse` returns them.
    """
    parser = commands.add_parser(
        "fit",
        help="fit runs, or two columns of a foreign file",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="run files, folders of them, or quoted patterns such as 'data/**/*.h5'; "
        "one foreign file with --x and --y",
    )
    parser.add_argument("--with", dest="recipe", metavar="RECIPE", help="recipe (TOML file, or a name)")
    parser.add_argument("--no-write", action="store_true", help="do not store the fits in the run files")
    parser.add_argument(
        "--plot",
        type=Path,
        metavar="PICTURE",
        help="where to draw (default: beside the data, if files are few)",
    )
    many = parser.add_argument_group("many files")
    many.add_argument(
        "--refit", "--force", dest="force", action="store_true", help="fit again what is stored already"
    )
    many.add_argument("--workers", type=int, metavar="N", help="processes (default: one a processor)")
    many.add_argument("--dask", metavar="ADDRESS", help="Dask scheduler that does the work; needs --with")
    many.add_argument("--table", type=Path, metavar="FILE", help="all results in one .csv, .parquet or .h5")
    many.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="chain: run file for its points and fit"
    )
    many.add_argument("--quiet", action="store_true", help="no progress bar")
    foreign = parser.add_argument_group("foreign files")
    foreign.add_argument("--x", help="dataset path or column name of the abscissa")
    foreign.add_argument("--y", help="dataset path or column name of the ordinate")
    foreign.add_argument("--sigma", help="dataset path or column name of the standard errors of y")
    foreign.add_argument("--model", help="model, for example thermal_spectrum")
    foreign.add_argument("--x-unit", default=None, help="unit of x")
    foreign.add_argument("--y-unit", default=None, help="unit of y")
    foreign.add_argument("--option", action="append", metavar="NAME=VALUE", help="of the model: count=3")
    foreign.add_argument("--fix", action="append", metavar="NAME=VALUE", help='hold a parameter: "T1=1 ms"')
    foreign.add_argument("--start", action="append", metavar="NAME=VALUE", help="start a parameter there")
    foreign.add_argument("--averages", type=float, help="thermal_spectrum: how many spectra were averaged")
    foreign.add_argument("--window", help="thermal_spectrum: window of the segments: none, rectangular, hann")
    foreign.add_argument("--length", help='thermal_spectrum: length of a segment, e.g. "0.1 s"')
    foreign.add_argument("--temperature", help='thermal_spectrum: for the spring constant, e.g. "294.5 K"')
    add_json(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Fit, print, draw.

    Parameters
    ----------
    arguments
        Command line, parsed.

    Returns
    -------
        Exit code.
    """
    if arguments.x is not None or arguments.y is not None:
        return _fit_foreign(arguments)
    if arguments.model is not None:
        raise RecipeError(
            "--model: is for foreign files, with --x and --y; name a recipe for runs: --with RECIPE"
        )
    from labspin.cli.fit_runs import fit_and_show, run_files

    return fit_and_show(
        run_files(arguments.files),
        recipe=arguments.recipe,
        write=not arguments.no_write,
        plot=arguments.plot,
        as_json=arguments.json,
        force=arguments.force,
        workers=arguments.workers,
        dask=arguments.dask,
        table=arguments.table,
        output=arguments.output,
        quiet=arguments.quiet,
    )


def _fit_foreign(arguments: argparse.Namespace) -> int:
    from labspin.analysis import fit_foreign, plot_outcomes

    if arguments.x is None or arguments.y is None:
        raise FitError("--x and --y: wanted both, got one; name the columns of abscissa and ordinate")
    if arguments.model is None:
        raise FitError("--model: wanted the model for a foreign file, got none; for example thermal_spectrum")
    if len(arguments.files) != 1:
        raise FitError(f"{len(arguments.files)} files: wanted one foreign file with --x and --y")
    settings: dict[str, Any] = {}
    for name in ("averages", "window"):
        if getattr(arguments, name) is not None:
            settings[name] = getattr(arguments, name)
    for name, unit in (("temperature", "K"), ("length", "s")):
        if getattr(arguments, name) is not None:
            settings[name] = parse_quantity(getattr(arguments, name), unit, name=f"--{name}")
    settings |= {name: _pairs(f"--{option}", getattr(arguments, option)) for name, option in _PAIRS.items()}
    settings = {name: value for name, value in settings.items() if value != {}}
    outcome = fit_foreign(
        arguments.files[0],
        x=arguments.x,
        y=arguments.y,
        sigma=arguments.sigma,
        model=arguments.model,
        units=(arguments.x_unit or "1", arguments.y_unit or "1"),
        **settings,
    )
    picture = arguments.plot
    if picture is not None:
        plot_outcomes([outcome], picture)
    _show(outcome, picture, arguments.json)
    return 0


_PAIRS = {"options": "option", "fixed": "fix", "start": "start"}


def _pairs(option: str, texts: list[str] | None) -> dict[str, Any]:
    """Return NAME=VALUE texts as a table, numbers as numbers."""
    found: dict[str, Any] = {}
    for text in texts or ():
        name, sign, value = text.partition("=")
        if not sign or not name or not value:
            raise FitError(f"{option}: wanted NAME=VALUE, got {text!r}")
        found[name.strip()] = _number(value.strip())
    return found


def _number(text: str) -> bool | int | float | str:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:  # no such number: another kind, or a word
            continue
    return text


def _show(outcome: FitOutcome, picture: Path | None, as_json: bool) -> None:
    if as_json:
        shown = None if picture is None else str(picture)
        print_json({"fits": outcome.rows(), "failures": [], "picture": shown})
        return
    print_table("", ("fit", "parameters", "reduced χ²", "p"), [outcome_row(outcome)], whole=("parameters",))
    for warning in outcome.warnings:
        console().print(f"{outcome.label or outcome.name}: {warning}", markup=False)
    if picture is not None:
        console().print(f"plot: {picture}", markup=False)


def outcome_row(outcome: FitOutcome) -> tuple[str, str, str, str]:
    """Return a fit as a row of the table that is printed."""
    from labspin.analysis.outcome import chosen_text

    statistics = outcome.statistics
    shown = outcome.present
    chosen = [chosen_text(outcome.chosen)] if outcome.chosen else []
    text = "\n".join(chosen + [parameter.line() for parameter in shown])
    reduced = statistics.chi2red
    chi2 = "–" if statistics.errors_from_scatter or math.isnan(reduced) else f"{reduced:.3f}"
    p_value = "–" if statistics.p_value is None else f"{statistics.p_value:.3f}"
    return outcome.label or outcome.name, text, chi2, p_value
