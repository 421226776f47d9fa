"""Random combinations of the flags of `labspin fit`: each ends in a fit or a sentence, none in a traceback.

    python -m benchmarks.fuzz_fit [--count 10000] [--seed 1]

The flags are those that the command declares, so that a new one is in it; their values are names, numbers and
units that suit, and others that do not. Files are copies of the samples of the tests and of the examples. In
one process, since it is the command and not its start that is tried. A combination that takes more than
``--longest`` seconds of processor time is listed as well. Prints how the commands ended; exit code 1 if any
ended badly.
"""

import argparse
import contextlib
import io
import random
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from pathlib import Path

from labspin.analysis import model_names
from labspin.cli import fit, main as command
from tests.data.foreign.samples import FOLDER

EXAMPLES = Path(__file__).parent.parent / "labspin" / "session" / "examples"
FILES = ("qudi_old.dat", "origin.txt", "sep.csv", "rigol_scope.csv", "one_port.s1p", "complex_two.csv",
         "masked.npz", "struct.mat", "rigol_analyser.csv", "noise.s2p", "grid.3ds", "two_columns.h5",
         "rabi.h5", "t1.h5", "missing.dat", ".")  # fmt: skip
TEXTS = (
    "", "1", "0", "-1", "3", "1e9", "1e-3", "nan", "inf", "1 ms", "2.85 GHz", "5 T", "beta=1", "T1=1 ms",
    "count=2", "count=banana", "count=99", "mixed=true", "mixed=false", "T1=nan", "center_1=2.85e9",
    "offset=", "=", "a=b=c", "frequency", "counts", "contrast", "time", "delay", "Amplitude", "z[:, 3]",
    "X + 1j*Y", "abs(S21)", "S11", "1/0", "__import__('os')", "Zeit", "ä", "hann", "none", "rectangular",
    "0.1 s", "294.5 K", "-5 K", "poisson", "likelihood", "x", "y", "sigma", "file", "chi2", "t1", "rabi",
    "nothing.toml",
)  # fmt: skip
LEFT_OUT = {"--dask", "--help", "-h", "--workers"}
"""What starts other processes."""


class OverdueError(Exception):
    """A command has taken longer than it may."""


def flags() -> list[argparse.Action]:
    """Return the flags of the command."""
    commands = argparse.ArgumentParser().add_subparsers()
    fit.add(commands)
    (parser,) = commands.choices.values()
    return [one for one in parser._actions if one.option_strings and not LEFT_OUT & {*one.option_strings}]


def words_of(rng: random.Random, known: list[argparse.Action], folder: Path) -> list[str]:
    """Return one command, mostly as JSON: what is read by a script has no picture drawn."""
    words = ["fit", *(str(folder / name) for name in rng.sample(FILES, rng.choice((1, 1, 1, 1, 2))))]
    for action in rng.sample(known, rng.randint(0, 5)):
        flag = rng.choice(action.option_strings)
        if action.nargs == 0:
            words.append(flag)
        elif flag in ("--plot", "--table", "-o", "--output"):
            names = ("a.csv", "a.h5", "a.parquet", "a.png", "a.nothing", ".", "missing/a.csv")
            words += [flag, str(folder / rng.choice(names))]
        elif flag == "--model":
            words += [flag, rng.choice((*model_names(), "nothing", "a.py:f"))]
        else:
            words += [flag, rng.choice(TEXTS)]
    return words if rng.random() < 0.1 else [*words, "--json"]


def ended(words: list[str], longest: int) -> str:
    """Run one command, and return how it ended."""
    said, errors = io.StringIO(), io.StringIO()
    signal.setitimer(signal.ITIMER_PROF, longest)
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(errors), warnings.catch_warnings():
            warnings.simplefilter("error")
            code = command(words)
    except SystemExit as error:
        code = int(error.code or 0)
    except OverdueError:
        return f"more than {longest} s of processor time"
    except BaseException as error:  # noqa: BLE001
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {str(error)[:80]} at {Path(place.filename).name}:{place.lineno}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    if "Traceback" in errors.getvalue():
        return "a traceback is printed"
    if code == 3 and ("not fitted:" in said.getvalue() or "failures" in said.getvalue()):
        return "exit code 3"  # what could not be fitted is told among what could
    if code and not errors.getvalue().strip():
        return f"exit code {code} without a sentence"
    return f"exit code {code}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--longest", type=int, default=30)
    given = parser.parse_args()

    def overdue(number: int, frame: object) -> None:
        raise OverdueError

    signal.signal(signal.SIGPROF, overdue)
    rng, known, endings = random.Random(given.seed), flags(), Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in FILES[:-2]:
            shutil.copy(FOLDER / file if (FOLDER / file).exists() else EXAMPLES / file, folder)
        for number in range(given.count):
            words = words_of(rng, known, folder)
            ending = ended(words, given.longest)
            endings[ending] += 1
            if not ending.startswith("exit code") or "without" in ending:
                print(f"{number}: {ending}: {' '.join(words).replace(name, '')}", flush=True)
    for ending, count in endings.most_common():
        print(f"{count:>7} {ending}")
    sys.exit(any("exit code" not in ending or "without" in ending for ending in endings))


if __name__ == "__main__":
    main()
