"""`labspin fit`: fit runs, few or thousands, or files of other programs: value ± standard error."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from labspin.cli.fit_foreign import (
    add_foreign_options,
    files_for_foreign,
    fit_foreign_file,
    pairs_of_option,
    refuse_flags,
)
from labspin.cli.numbers import whole_from
from labspin.cli.output import add_json

if TYPE_CHECKING:
    from labspin.cli.output import Commands

    pass

__all__ = ["add", "execute"]

_EXAMPLES = """\
A run is fitted by the recipe of its procedure unless --with names another. What is stored already is not
repeated; what another recipe or version made is made again. Of several files, those that have nothing to fit
are skipped and named. A bad file is named at the end and stops no other.

examples:
  labspin fit data/run.h5
  labspin fit 'data/**/*.h5' --with t1 --table t1.csv
  labspin fit data --with t1 --sort T1                        a folder of everything: only its runs of T1
  labspin fit data --with t1_cross_relaxation -o data/law.h5  1/T1 against the field (a chain over runs)
  labspin fit data/run.h5 --start beta=1                      fit an exponent that the recipe holds
  labspin fit data --with t1 --dask tcp://scheduler:8786
  labspin fit odmr.dat                                        a file of another program: it is found out
  labspin fit 'old/*.dat' --table old.csv                     several: each by its own, and a table
  labspin fit odmr.dat --y 'Signal' --from 2.84GHz --to 2.9GHz
  labspin fit spectrum.h5 --x f --y psd --model thermal_spectrum --averages 50 --window hann
  labspin fit odmr.csv --x frequency --y counts --model lorentzian_dips --option count=2

exit codes: 0 all fitted, 1 an error, 2 wrong usage, 3 some files could not be fitted, 130 interrupted
"""


def add(commands: Commands) -> None:
    """Declare the command.

    Parameters
    ----------
    commands
        Subparsers of the command ``labspin``, as `argparse` returns them.
    """
    parser = commands.add_parser(
        "fit",
        help="fit runs, or files of other programs",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="files, folders of them, or quoted patterns such as 'data/**/*.h5': runs, or files of other "
        "programs",
    )
    parser.add_argument("--with", dest="recipe", metavar="RECIPE", help="recipe (TOML file, or a name)")
    parser.add_argument("--no-write", action="store_true", help="do not store the fits in the run files")
    parser.add_argument(
        "--plot",
        type=Path,
        metavar="PICTURE",
        help="where to draw (default: beside the data, if files are few)",
    )
    _add_options_of_many(parser)
    add_foreign_options(parser)
    add_json(parser)
    parser.set_defaults(execute=execute)


def _add_options_of_many(parser: argparse.ArgumentParser) -> None:
    many = parser.add_argument_group("many files")
    many.add_argument(
        "--refit", "--force", dest="force", action="store_true", help="fit again what is stored already"
    )
    many.add_argument(
        "--workers", type=whole_from(1), metavar="N", help="processes (default: one a processor)"
    )
    many.add_argument("--dask", metavar="ADDRESS", help="Dask scheduler that does the work; needs --with")
    many.add_argument("--table", type=Path, metavar="FILE", help="all results in one .csv, .parquet or .h5")
    many.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="chain: run file for its points and fit"
    )
    many.add_argument(
        "--sort",
        metavar="NAME",
        help="order of their table: file, label, chi2, p or a parameter",
    )
    many.add_argument("--reverse", action="store_true", help="the largest first")
    many.add_argument(
        "--rows", type=whole_from(0), metavar="N", help="lines of their table (default: 40; 0: all)"
    )
    many.add_argument("--quiet", action="store_true", help="no progress bar")


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
    foreign = files_for_foreign(arguments)
    several = len(foreign) > 1 or (bool(foreign) and arguments.table is not None)
    refuse_flags(arguments, foreign=bool(foreign), several=several)
    if several:
        from labspin.cli.fit_foreign_many import fit_foreign_files

        return fit_foreign_files(arguments, foreign)
    if foreign:
        return fit_foreign_file(arguments, foreign[0])
    from labspin.cli.fit_runs import Changes, fit_and_show, run_files

    changes = Changes(arguments.model, arguments.sigma, **pairs_of_option(arguments))
    return fit_and_show(
        run_files(arguments.files),
        recipe=arguments.recipe,
        changes=changes,
        write=not arguments.no_write,
        plot=arguments.plot,
        as_json=arguments.json,
        force=arguments.force,
        workers=arguments.workers,
        dask=arguments.dask,
        table=arguments.table,
        output=arguments.output,
        quiet=arguments.quiet,
        sort=arguments.sort,
        falling=arguments.reverse,
        rows=arguments.rows,
    )
