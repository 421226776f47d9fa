"""Writes ``samples/``: python -m tests.data.foreign.make_samples [FILE…]

Where a program's own library writes the format (QCoDeS, npTDMS, pandas, xarray, SciPy, openpyxl), it does so
here; the others are written as the program does, header and all. What needs a package that is not there is
left as it stands.
"""

import sys

from tests.data.foreign import make_binary, make_text
from tests.data.foreign.samples import FOLDER, SAMPLES


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    wanted = sys.argv[1:] or [sample.file for sample in SAMPLES]
    writers = {**make_text.WRITERS, **make_binary.WRITERS}
    for name in wanted:
        try:
            writers[name](FOLDER / name)
        except ImportError as error:
            sys.stdout.write(f"{name}: left as it is: {error}\n")


if __name__ == "__main__":
    main()
