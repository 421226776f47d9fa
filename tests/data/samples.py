"""Runs to write and read: one on a grid with columns of every kind, one as a list."""

import numpy as np

from labspin.data import Column, Dimension, Layout, RunHeader


def grid_layout():
    time = Dimension(name="lag", unit="s", values=np.linspace(0, 3e-3, 4))
    return Layout(
        dimensions=(
            Dimension(name="magnet.field", unit="T", values=np.linspace(0, 0.1, 5)),
            Dimension(name="delay", unit="s", values=[1e-6, 1e-5, 1e-4]),
        ),
        columns=(
            Column(name="contrast", unit="1", description="relative drop of the luminescence"),
            Column(name="contrast_errors", unit="1"),
            Column(name="counts", unit="1", dtype="int64"),
            Column(name="response", unit="V", dtype="complex128"),
            Column(name="trace", unit="V", axes=(time,)),
            Column(name="remark", dtype="str"),
            Column(name="field_read", unit="T", role="coordinate"),
        ),
    )


def grid_values(index):
    """What point ``index`` yields; every column tells the points apart."""
    return [
        0.25 + index,
        0.5 * index,
        1000 + index,
        complex(index, -index),
        index + np.array([0.0, 0.1, 0.2, 0.3]),
        f"punkt {index} µ",
        0.01 * index,
    ]


def grid_header(**changes):
    content = {
        "procedure": "t1",
        "label": "T₁ of a levitated diamond",
        "layout": grid_layout(),
        "parameters": {"power": {"value": -10.0, "unit": "dBm"}, "averages": {"value": 7, "unit": "1"}},
        "plan": {"sweep": "Product", "of": [{"sweep": "Linear", "points": 5}]},
        "station": {"name": "bench", "path": "bench.toml", "text": "[magnet]\nlimit = '2 A'\n"},
        "snapshot": {"microwave": {"identity": "SRS,SG384", "settings": {"frequency": 2.87e9, "on": True}}},
        "environment": {"python": "3.11", "packages": {"numpy": "2"}},
        "seed": 7,
        "truth": {"T1": [1e-3, 2e-3], "beta": 0.5, "name": "diamond"},
        "extra": {"sample": "NV-17"},
    }
    return RunHeader(**content | changes)


def list_header(size=None):
    layout = Layout(
        columns=(
            Column(name="frequency", unit="Hz", role="coordinate"),
            Column(name="amplitude", unit="V"),
        ),
        size=size,
    )
    return RunHeader(procedure="adaptive", layout=layout)


ORDER = (3, 0, 14, 7, 1)
"""The order in which the points of the partial run were measured."""
