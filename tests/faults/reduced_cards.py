"""Every run card of the repository with fewer and quicker points, for tests that go through whole runs.

A card is taken as it is, with the parameters below in place of its own: what a run does stays, how often it
does it does not. A card without an entry here fails `test_every_step.test_every_card_has_a_reduced_version`.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

from labspin.experiment import Procedure
from labspin.session import load_card
from labspin.station import Station, load_station
from labspin.twin.sample import Sample
from tests.some import some

ROOT = Path(__file__).resolve().parents[2]
CARDS = some(sorted(path.stem for path in (ROOT / "procedures").glob("*.toml")))

_PULSED = {"repetitions": 1000, "averages": 1}
_QUICK_RESONANCE = {
    "stability_window": "10 s", "stability_poll": "2 s", "stability_drift": 0.1, "stability_scatter": 0.1,
    "stability_error": 0.2, "soak_time": "4 s", "search_points": 12, "sweep_points": 8, "ring_downs": 1,
}  # fmt: skip
REDUCED = {
    "dynamical_decoupling": {**_PULSED, "evolution_times": 3},
    "film_power": {**_PULSED, "repetitions": 100, "dark_times": 4, "fields": ["24 mT"]},
    "film_approach": {"positions": ["19.6 um", "19.2 um"], "record_time": "1 s"},
    "first": {**_PULSED, "pulse_durations": 6},
    "first_t1": {**_PULSED, "dark_times": 4},
    "hahn_echo": {**_PULSED, "evolution_times": 4, "evolution_stop": "5 us"},
    "mdmr": {**_PULSED, "fields": ["10 G", "14 G"], "frequencies": 3},
    "mdmr_lockin": {
        "fields": ["2 G", "3 G"], "frequencies": 3, "averaging_time": "300 ms",
    },
    "mrfm_temperature": {
        **_QUICK_RESONANCE,
        "temperature_start": "100 mK", "temperature_stop": "130 mK", "temperature_points": 3,
    },
    "odmr": {"fields": ["24 mT", "25 mT", "26 mT"], "points": 6, "repetitions": 100},
    "pl_scan": {"fields": 3, "repetitions": 1000},
    "pulsed_odmr": {**_PULSED, "frequencies": 4},
    "rabi": {**_PULSED, "pulse_durations": 6},
    "ramsey": {**_PULSED, "evolution_times": 4, "evolution_stop": "500 ns"},
    "relaxometry": {**_PULSED, "repetitions": 100, "dark_times": 4, "fields": ["24 mT", "36 mT"]},
    "t1": {**_PULSED, "dark_times": 4},
    "t1_field": {**_PULSED, "dark_times": 3, "fields": ["14 G", "17 G"]},
}  # fmt: skip
"""Card -> parameters in place of its own."""
ELSEWHERE = {"t1": ["levitated-diamond-ens.toml"]}
"""Card -> other benches on which it is run too: those whose devices are called through a vendor's library."""

_known = {}  # station -> steady states of its sample


@dataclass(frozen=True)
class ReducedRun:
    """One run of one card, shortened."""

    name: str
    card: Path
    label: str
    station: Station = field(repr=False)

    def procedure(self) -> Procedure:
        """Return a new procedure."""
        (spec,) = load_card(self.card, only=[self.label]).runs
        return spec.procedure(**{**spec.parameters, **REDUCED[self.card.stem]})

    def connect(self):
        """Return the bench, connected again.

        What the sample has once worked out about its steady state it need not work out again for every run.
        """
        bench = self.station.connect()
        sample = bench.simulation.world.sample
        if type(sample).steady_photons is not Sample.steady_photons:
            vars(sample)["_steady_states"] = _known.setdefault(self.station.path, OrderedDict())
        return bench


def reduced_runs(*, every_run: bool = True):
    """Return the runs of all cards by name; without ``every_run`` the first of each card only."""
    found = {}
    for card in (ROOT / "procedures").glob("*.toml"):
        if card.stem not in REDUCED:
            continue
        loaded = load_card(card)
        stations = [loaded.station, *(ROOT / "instruments" / name for name in ELSEWHERE.get(card.stem, ()))]
        for number, spec in enumerate(loaded.runs if every_run else loaded.runs[:1]):
            for station in stations[: 1 if number else None]:
                name = card.stem if number == 0 else f"{card.stem}: {spec.label}"
                name += "" if station is stations[0] else f" on {station.stem}"
                found[name] = ReducedRun(name, card, spec.label, load_station(station))
    return dict(sorted(found.items()))
