"""Write `models.md`, the page of all fit models, out of what the code says about them.

Run ``python docs/reference/models.py`` after a model has changed; a test compares the page with the code.
"""

from __future__ import annotations

import importlib
import inspect
import re
import textwrap
from pathlib import Path

from labspin.analysis.model import FitModel
from labspin.analysis.models import MODELS, load_model

PAGE = Path(__file__).with_suffix(".md")
SUBJECTS = {
    "Decays and relaxation": (
        ("decays", "relaxometry", "cross_relaxation"),
        "[NV centres in a levitated diamond](../explanations/physics-nv.md), [an NV centre near a film](../explanations/nv-near-a-film.md)",
    ),
    "Pulses and coherence": (
        ("rabi", "oscillations", "coherence"),
        "[coherence and trains of pulses](../explanations/coherence.md)",
    ),
    "Lines and spectra": (
        ("dips", "hyperfine", "derivative_lines", "odmr", "saturation"),
        "[NV centres in a levitated diamond](../explanations/physics-nv.md)",
    ),
    "Resonators": (
        ("resonator", "notch", "ring_down", "decibel", "thermal", "friction"),
        "[a cantilever coupled to spins](../explanations/physics-cantilever.md)",
    ),
    "A bath of spins": (("kappa",), "[a cantilever coupled to spins](../explanations/physics-cantilever.md)"),
    "Over a magnetic film": (
        ("film", "film_layer", "film_edge", "film_shift"),
        "[spin waves of a film](../explanations/spin-waves.md), [an NV centre near a film](../explanations/nv-near-a-film.md)",
    ),
}
HEAD = """\
# Fit models

Every model that a [recipe](recipe.md) can name: its equation, what each parameter means, in which unit and between which
bounds, its options, and what it leaves out. "y" and "x" stand for the units of the data. The page is written by
`python docs/reference/models.py` out of the code, where the same words stand; `labspin show NAME` prints one of them.
Where the papers are wrong stands on [a page of its own](../explanations/errata.md); [write a fit
model](../how-to/write-a-fit-model.md) adds one.
"""


def marked(text: str) -> str:
    """Return a docstring as Markdown: names as code, tables and formulas as they stand."""
    found = []
    for block in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        lines = block.splitlines()
        if set(lines[0]) <= set("= "):
            found.append(table(lines))
        elif all(line.startswith("    ") for line in lines):
            found.append("```text\n" + textwrap.dedent(block) + "\n```")
        else:
            found.append(re.sub(r"``(.+?)``", r"`\1`", block, flags=re.DOTALL).replace("T2*", r"T2\*"))
    return "\n\n".join(found)


def table(lines: list[str]) -> str:
    """Return a table of a docstring as one of Markdown; a row without a first cell goes on with the row before."""
    starts = [one.start() for one in re.finditer(r"(?:^| )=+", lines[0])] + [None]
    rows: list[list[str]] = []
    for line in lines[1:-1]:
        if set(line) <= set("= "):
            continue
        cells = [line[a:b].strip() for a, b in zip(starts, starts[1:], strict=False)]
        if cells[0] or not rows:
            rows.append(cells)
        else:
            rows[-1] = [f"{old} {new}".strip() for old, new in zip(rows[-1], cells, strict=True)]
    marked_rows = [
        "| " + " | ".join(re.sub(r"``(.+?)``", r"`\1`", cell).replace("|", "&#124;") for cell in row) + " |" for row in rows
    ]
    return "\n".join([marked_rows[0], "| " + " | ".join("---" for _ in rows[0]) + " |", *marked_rows[1:]])


def module_of(name: str) -> str:
    """Return the last part of the name of the module that a model stands in."""
    return MODELS[name].split(":")[0].rsplit(".", 1)[-1]


def options_of(name: str) -> str:
    """Return the options of a model as a list, from the docstring of what builds it."""
    module, attribute = MODELS[name].split(":")
    built = getattr(importlib.import_module(module), attribute)
    if isinstance(built, FitModel):
        return ""
    parts = re.split(r"\n\n(?=\w+\n-+\n)", inspect.cleandoc(built.__doc__ or ""))
    told = next((part for part in parts if part.startswith("Parameters\n")), "")
    defaults = {
        key: value.default for key, value in inspect.signature(built).parameters.items() if value.default is not value.empty
    }
    items = []
    for names, words in re.findall(r"^(\S.*)\n((?:    .*(?:\n|$))+)", told.split("\n", 2)[-1], flags=re.MULTILINE):
        meaning = re.sub(r"``(.+?)``", r"`\1`", " ".join(words.split()))
        known = [f"{defaults[key]!r}" for key in re.split(r",\s*", names) if key in defaults]
        items.append(f"- `{names}` (default {', '.join(known)}): {meaning}\n" if known else f"- `{names}`: {meaning}\n")
    return "Options:\n\n" + "".join(items) + "\n" if items else ""


def section(name: str) -> str:
    """Return the section of one model, as it is with its defaults."""
    model = load_model(name)
    rows = "".join(
        f"| `{one.name}` | {one.unit or '1'} | {one.minimum:g} … {one.maximum:g} | {one.description.replace('|', '&#124;')} |\n"
        for one in model.parameters
    )
    kinds = {"gamma": "Errors: those of averaged power spectra (a gamma distribution).\n\n"}
    return (
        f"\n#### {name}\n\n```text\n{model.equation}\n```\n\nSource: {model.source}.\n\n"
        f"| parameter | unit | bounds | meaning |\n| --- | --- | --- | --- |\n{rows}\n"
        f"{kinds.get(model.likelihood, '')}{options_of(name)}"
    )


def render() -> str:
    """Return the text of the page."""
    parts = [HEAD]
    for title, (modules, pages) in SUBJECTS.items():
        parts.append(f"\n## {title}\n\nThe physics behind: {pages}.\n")
        for module in modules:
            text = importlib.import_module(f"labspin.analysis.models.{module}").__doc__ or ""
            head, _, rest = inspect.cleandoc(text).partition("\n\n")
            parts.append(f"\n### {' '.join(head.split()).rstrip('.')}\n\n{marked(rest)}\n" if rest else f"\n### {' '.join(head.split()).rstrip('.')}\n")
            parts += [section(name) for name in MODELS if module_of(name) == module]
    return re.sub(r"\n{3,}", "\n\n", "".join(parts)).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
