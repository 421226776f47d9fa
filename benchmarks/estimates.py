"""How true a dry run is: the time that it tells for every run of every card, and the simulated time taken.

    python benchmarks/estimates.py [CARD.toml …]

The estimate is what ``labspin run CARD --dry-run`` prints, told from card and station file alone. The time
taken is that of the simulated bench's clock, from before the run to when the bench is safe again.
"""

import logging
import sys
import tempfile
from pathlib import Path

from labspin.experiment import estimate, run
from labspin.session import load_card
from labspin.station import load_station

CARDS = Path(__file__).parents[1] / "procedures"


ROW = "{:20} {:28} {:>7} {:>13} {:>13} {:>9}"


def main(cards):
    logging.disable(logging.WARNING)
    print(ROW.format("card", "run", "points", "estimated", "taken", "ratio"), flush=True)
    for path in cards:
        card = load_card(path)
        station = load_station(card.station)
        for spec in card.runs:
            guess = estimate(spec.make(), station)
            told = guess.total
            with station.connect() as bench, tempfile.TemporaryDirectory() as folder:
                begun = bench.clock.now()
                outcome = run(spec.make(), bench, Path(folder) / "run.h5", label=spec.label)
                taken = bench.clock.now() - begun
            about = "≈ " if guess.is_typical else ""
            estimated, ratio = (f"{about}{told:.1f} s", f"{taken / told:.3f}") if told else ("unknown", "")
            row = (path.stem, spec.label, outcome.points, estimated, f"{taken:.1f} s", ratio)
            print(ROW.format(*row), flush=True)


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]] or sorted(CARDS.glob("*.toml")))
