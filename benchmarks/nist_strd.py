"""Digits reached on NIST's Statistical Reference Datasets, from both official starts.

    python benchmarks/nist_strd.py [--folder FOLDER_WITH_OFFICIAL_DAT_FILES]

Without a folder: the sets in tests/data/nist. With one: the official ``.dat`` files found there (all sets of
one predictor). The digits are −log10 of the largest relative error, at most 11 (as many as are certified):
of the parameters, and of their standard errors. `fit_curve` and `fit_batch` get the formula alone: no
derivatives, no bounds.
"""

import argparse
import re
import tomllib
import warnings
from pathlib import Path

import numpy as np

from labspin.analysis import Expression, FitModel, Parameter, fit_batch, fit_curve
from labspin.errors import FitError

SETS = Path(__file__).parents[1] / "tests" / "data" / "nist" / "nist_strd.toml"
_GAUSS = "b1*exp(-b2*x)+b3*exp(-(x-b4)**2/b5**2)+b6*exp(-(x-b7)**2/b8**2)"
_TURN = "6.283185307179586*x"
FORMULAS = {
    "Bennett5": "b1*(b2+x)**(-1/b3)",
    "Chwirut1": "exp(-b1*x)/(b2+b3*x)",
    "ENSO": f"b1+b2*cos({_TURN}/12)+b3*sin({_TURN}/12)+b5*cos({_TURN}/b4)+b6*sin({_TURN}/b4)"
    f"+b8*cos({_TURN}/b7)+b9*sin({_TURN}/b7)",
    "Gauss1": _GAUSS,
    "Gauss2": _GAUSS,
    "Gauss3": _GAUSS,
    "Hahn1": "(b1+b2*x+b3*x**2+b4*x**3)/(1+b5*x+b6*x**2+b7*x**3)",
    "Kirby2": "(b1+b2*x+b3*x**2)/(1+b4*x+b5*x**2)",
    "Lanczos1": "b1*exp(-b2*x)+b3*exp(-b4*x)+b5*exp(-b6*x)",
}


def load_sets():
    with SETS.open("rb") as file:
        return tomllib.load(file)


def load_official(path, formula):
    """Read one official file: the table of starts and certified values, and the data behind its last head."""
    text = path.read_text()
    rows = re.findall(r"^\s*b\d+\s*=\s*(.+)$", text, re.MULTILINE)
    table = np.array([[float(cell) for cell in row.split()[:4]] for row in rows])
    rss = float(re.search(r"Residual Sum of Squares:\s+(\S+)", text)[1])
    level = re.search(r"(Lower|Average|Higher) Level", text)
    data = text[text.rindex("Data:") :].splitlines()[1:]
    values = np.array([[float(cell) for cell in line.split()] for line in data if line.strip()])
    return {
        "level": level[1].lower() if level else "?",
        "formula": formula,
        "starts": [table[:, 0], table[:, 1]],
        "certified": table[:, 2],
        "stderr": table[:, 3],
        "rss": rss,
        "x": values[:, 1],
        "y": values[:, 0],
    }


def model_of(name, formula, count):
    names = tuple(f"b{k}" for k in range(1, count + 1))
    expression = Expression(formula)

    def function(x, *values):
        return expression.value({"x": x, **dict(zip(names, values, strict=True))})

    parameters = tuple(Parameter(item, "1", "") for item in names)
    return FitModel(
        name, formula, "NIST StRD", parameters, function, lambda x, y, w: dict.fromkeys(names, 1.0)
    )


def digits(found, certified):
    error = np.max(np.abs(np.asarray(found) / np.asarray(certified) - 1))
    return (
        float(min(11.0, -np.log10(error)))
        if np.isfinite(error) and error > 0
        else (11.0 if error == 0 else 0.0)
    )


def reached(name, data):
    """Return the digits of parameters and standard errors: {engine: [(parameters, stderr) of each start]}."""
    x, y = np.asarray(data["x"], float), np.asarray(data["y"], float)
    model = model_of(name, data["formula"], len(data["certified"]))
    table = {"fit_curve": [], "fit_batch": []}
    for start in data["starts"]:
        by_name = dict(zip(model.names, map(float, start), strict=True))
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                outcome = fit_curve(model, x, y, start=by_name)
                pair = [(outcome[n].value, outcome[n].stderr) for n in model.names]
            except FitError:
                pair = [(np.nan, np.nan)] * len(model.names)
            batch = fit_batch(model, x, y[None], start={n: [v] for n, v in by_name.items()}, check=0)
        values, errors = zip(*pair, strict=True)
        table["fit_curve"].append((digits(values, data["certified"]), digits(errors, data["stderr"])))
        table["fit_batch"].append(
            (
                digits(batch.values[0], data["certified"]),
                digits(batch.stderr[0], data["stderr"]),
                int(batch.status[0]),
            )
        )
    return table


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    sets = load_sets()
    formulas = {name: data["formula"] for name, data in sets.items()} | FORMULAS
    if arguments.folder is not None:
        found = {path.stem: path for path in sorted(arguments.folder.glob("*.dat"))}
        known = [name for name in found if name in formulas]
        sets = {name: load_official(found[name], formulas[name]) for name in known}
    print(f"{'set':<10} {'level':<8} {'start':>5}   fit_curve: values, errors   fit_batch: … (status)")
    counts = {"fit_curve": [], "fit_batch": []}
    for name, data in sets.items():
        table = reached(name, data)
        for start in range(2):
            curve, batch = table["fit_curve"][start], table["fit_batch"][start]
            counts["fit_curve"].append(curve[0])
            counts["fit_batch"].append(batch[0])
            head = f"{name:<10} {data['level']:<8} {start + 1:>5}"
            print(f"{head}   {curve[0]:17.1f} {curve[1]:8.1f}   "
                  f"{batch[0]:17.1f} {batch[1]:8.1f} ({batch[2]})")  # fmt: skip
    for engine, values in counts.items():
        print(f"{engine}: {np.mean(np.array(values) >= 4):.0%} of {len(values)} starts reach 4 digits, "
              f"{np.mean(np.array(values) >= 6):.0%} reach 6, median {np.median(values):.1f}")  # fmt: skip


if __name__ == "__main__":
    main()
