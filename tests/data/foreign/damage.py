"""Damaged copies of every sample: an array, or one sentence; never a traceback, never a warning.

python -m tests.data.foreign.damage TRIALS [FILE…]
"""

import random
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from labspin.data import open_foreign, pick_axes
from labspin.errors import LabspinError
from tests.data.foreign.samples import SAMPLES, Sample


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Return a copy that is cut short, has bytes turned, a piece doubled, or a piece lost."""
    kind = rng.choice(["cut", "turn", "turn", "zero", "double", "lose"])
    place = rng.randrange(len(content))
    length = min(rng.choice([1, 2, 8, 64, 512]), len(content) - place)
    if kind == "cut":
        return content[:place]
    if kind == "turn":
        found = bytearray(content)
        for _ in range(rng.choice([1, 1, 3, 20])):
            found[rng.randrange(len(found))] = rng.randrange(256)
        return bytes(found)
    if kind == "zero":
        return content[:place] + bytes(length) + content[place + length :]
    if kind == "double":
        return content[: place + length] + content[place:]
    return content[:place] + content[place + length :]


def outcomes(sample: Sample, trials: int, folder: Path, seed: int = 0) -> tuple[Counter[str], list[str]]:
    """Return how often which end came, and what ended in anything but numbers or a sentence."""
    rng = random.Random(f"{sample.file} {seed}")
    content = sample.path.read_bytes()
    found: Counter[str] = Counter()
    wrong: list[str] = []
    path = folder / sample.file
    for trial in range(trials):
        path.write_bytes(damaged(content, rng))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                found[_read(path)] += 1
        except LabspinError as error:
            found["refused"] += 1
            if "\n" in str(error) or len(str(error)) > 3000:
                wrong.append(f"{sample.file} {trial}: not a sentence: {error}")
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            found["traceback"] += 1
            wrong.append(f"{sample.file} {trial}: {type(error).__name__}: {error}")
    return found, wrong


def _read(path: Path) -> str:
    contents = open_foreign(path)
    for item in contents.items[:20]:
        try:
            values = contents.read({"y": item.name})["y"].values
        except LabspinError:
            continue  # one column may be damaged, and the others whole
        assert isinstance(values, np.ndarray)
        assert values.shape == item.shape
    pick_axes(contents)
    return "read"


def main() -> None:
    trials, wanted = int(sys.argv[1]), sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        for line in _table(trials, wanted, Path(folder)):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()


def _table(trials: int, wanted: list[str], folder: Path) -> Iterator[str]:
    for sample in SAMPLES:
        if not wanted or sample.file in wanted:
            found, wrong = outcomes(sample, trials, folder)
            yield f"{sample.file:24} {dict(found)}"
            yield from wrong[:5]


if __name__ == "__main__":
    main()
