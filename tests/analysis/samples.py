"""Runs to fit, made quickly: decays at a field, with known truth."""

import numpy as np

from labspin.analysis import Recipe, load_model
from labspin.data import Column, Dimension, Layout, RunHeader, RunWriter

DELAYS = np.geomspace(1e-5, 2e-2, 20)
NOISE = 5e-4
SE = load_model("stretched_exponential")
RECIPE = Recipe(
    name="t1", x="dark_time", y="difference", sigma="difference_errors", model="stretched_exponential",
    fixed={"beta": 0.8}, derived={"rate": "1/T1 [1/s]"}, version="1",
)  # fmt: skip


def decay_run(path, T1=1.5e-3, *, field=0.0, seed=1, fields=None, label="decay", points=None):
    """Write a run of one decay, or of one a field of ``fields`` (then T1 is an array)."""
    rng = np.random.default_rng(seed)
    axis = Dimension(name="dark_time", unit="s", values=DELAYS)
    several = () if fields is None else (Dimension(name="magnet_field", unit="T", values=fields),)
    columns = (
        Column(name="difference"),
        Column(name="difference_errors"),
        Column(name="temperature", unit="K", role="coordinate"),
    )
    header = RunHeader(
        procedure="decay",
        label=label,
        layout=Layout(dimensions=(*several, axis), columns=columns),
        parameters={"magnet_field": {"value": field, "unit": "T"}, "mode": {"value": "a", "unit": "1"}},
        extra={"settings": {"microwave.power": 10.0}},
    )
    truth = {"amplitude": 0.05, "beta": 0.8, "baseline": 0.0}
    y = np.concatenate([SE.evaluate(DELAYS, truth | {"T1": value}) for value in np.atleast_1d(T1)])
    y = y + rng.normal(0, NOISE, y.size)
    with RunWriter.create(path, header, sync_interval=1e9) as writer:
        for index, value in enumerate(y[:points]):
            writer.append(index, float(index), [value, NOISE, 4.0 + 0.01 * index])
        return writer.finish("finished")
