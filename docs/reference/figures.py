"""Write the pages `figures.md` and `numbers.md`, and thumbnails from the pictures of `labspin reproduce`.

Beside the thumbnails `columns.json` says from which numbers they were drawn, so that a test notices an old one.

Run ``labspin reproduce -o FOLDER``, ``labspin reproduce --measured --json -o FOLDER > FOLDER/measured.json``, and then
``python docs/reference/figures.py FOLDER`` after a figure has changed; without a folder the pages alone are
written, from what is there.
"""

import csv
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from labspin.reproduction import FIGURES, Quoted, measurements, quoted_values
from labspin.units import prefixed, typeset

PAGE = Path(__file__).with_suffix(".md")
NUMBERS = PAGE.with_name("numbers.md")
MEASURED = PAGE.with_name("measured.json")
THUMBNAILS = PAGE.parents[1] / "images" / "figures"
COLUMNS = THUMBNAILS / "columns.json"
PAPERS = {
    "nv": "[NV] Pellet-Mary et al., PRB 104, L100411 (2021)",
    "mr": "[MR] Wagenaar, thesis (Leiden 2017), chapter 3",
    "sw": "[SW] Gonzalez-Ballestero, van der Sar, Romero-Isart: spin waves and paramagnetic spins",
}
HEAD = """# The figures

Every data figure of the three papers that the models cover, computed from public functions. Each command
writes the picture in full size and a CSV file of its columns; the function that makes it is a short example
in `labspin/reproduction/`. `labspin reproduce --numbers` compares the numbers of the texts.
[Recompute the papers](../how-to/papers.md) says how, and what "agrees" means.

Where a procedure can measure a figure, `--measured` runs its card on the simulated bench; points with errors lie over
the curve, and χ² compares the two. Nothing of a curve is fitted to its points. [The numbers](numbers.md) of the texts
stand on a page of their own.

This page is made by `docs/reference/figures.py`.
"""
HEAD_OF_NUMBERS = """# The numbers of the papers

Every number that the texts, captions and tables of the three papers state: quoted, computed, their ratio, and what to
think of it. Nothing is tuned. `labspin reproduce --numbers` computes the table again. Where two readings of a text are
possible, both stand here; a disagreement is [an erratum](../explanations/errata.md), a parameter that the paper does
not give, or a text that contradicts itself, as the comment says. Where a text compares without a number, its words
stand in the place of one. What is not computed is named below each table, with the reason.

This page is made by `docs/reference/figures.py`.
"""
NOT_COMPUTED = {
    "nv": (
        ("2.1 G and 2.8 G", "widths of measured curves; in the table are their conversions to MHz"),
        ("T1 of milliseconds, and of a few hundred microseconds", "measured by others in other diamonds"),
        ("10 nm between centres", "where dipolar interactions begin to change scaling with number, of others"),
        ("a depolarising rate of about 10 kHz", "what an experiment to come would choose"),
    ),
    "mr": (
        ("2WT1 ≪ 1, (3.6)", "a condition on the motion, whose size the text does not give; `LinearResponseWarning` looks at it"),
        ("Q0 ≫ 1/√2", "a condition; the text gives no Q0"),
    ),
    "sw": (
        ("fields, distances, densities and temperatures of captions", "axes and parameters of [the figures](figures.md)"),
        ("α_d from 0.2 to 0.7 mHz m²/W", "a range of others; Table 2 takes 0.45, and so does the preset"),
        ("κ_φ = 2π·10⁶ MHz", "no occupation depends on it"),
        ("10⁻²¹ to 10⁻¹⁸ N/√Hz, 10⁻⁴ to 10⁻⁶ nT/√Hz, 10 % of a propagation length", "what sensors of others resolve; forces and noise are compared with them in the table"),
        ("a polarisation of 1", "a hope, not a result"),
        ("T2* ≤ 2 T1, and the ratio 4 of footnote 4", "identities; the second is in the table as δ over Γ"),
        ("κ₂′ dominant below 10⁻² d", "without a number; [Fig. 12](figures.md) shows it in both forms"),
        ("free surface spins up to d of about 500 nm", "a condition on the film, of others"),
        ("10³ centres in a nanodiamond", "how many pull hard enough for sensors of others; forces add up"),
        ("nodes, bands, levels, sizes of matrices", "structure"),
    ),
}


def thumbnail(picture: Path) -> None:
    """Write a picture 560 pixels wide in few colours."""
    with Image.open(picture) as whole:
        height = round(whole.height * 560 / whole.width)
        small = whole.convert("RGB").resize((560, height), Image.Resampling.LANCZOS)
        few = small.quantize(colors=32, dither=Image.Dither.NONE)
        few.save(THUMBNAILS / picture.name, optimize=True)


def columns(table: Path) -> dict[str, list[float]]:
    """Return what tells the numbers of a figure from others: of each column the rms, and that of its steps."""
    with table.open(encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    values = np.array(rows, dtype=float)
    rms = [np.sqrt(np.mean(np.square(one), axis=0)).tolist() for one in (values, np.diff(values, axis=0))]
    return {name: list(pair) for name, pair in zip(head, zip(*rms, strict=True), strict=True)}


def page() -> str:
    """Return the text of the page of figures."""
    parts = [HEAD]
    for paper, title in PAPERS.items():
        parts.append(f"\n## {title}\n")
        parts += [figure(name) for name, script in FIGURES.items() if script.paper == paper]
    return "".join(parts).replace("T2*", r"T2\*")


def figure(name: str) -> str:
    """Return the section of one figure."""
    script, card = FIGURES[name], measurements().get(name)
    short = script.title.split("] ", 1)[1]
    text = (
        f"\n### {short}\n\n![{script.title}](../images/figures/{name}.png)\n\n{script.caption}\n\n"
        f"```console\nlabspin reproduce {name}\n```\n"
    )
    if card is None:
        return text
    rows = [one for one in json.loads(MEASURED.read_text(encoding="utf-8")) if one["name"] == name]
    table = "".join(
        f"| {one['panel']} | {one['chi2']:.0f} of {one['degrees_of_freedom']} | {one['p']:.2g} | {one['remark']} |\n"
        for one in rows
    )
    return (
        f"{text}\n![{card.title}](../images/figures/{name}-measured.png)\n\n{card.caption}\n\n"
        f"| measured by `{card.card}` | χ² | probability | |\n| --- | --- | --- | --- |\n{table}\n"
        f"```console\nlabspin reproduce {name} --measured\n```\n"
    )


def numbers(found: tuple[Quoted, ...]) -> str:
    """Return the text of the page of numbers."""
    parts = [HEAD_OF_NUMBERS]
    for paper, title in PAPERS.items():
        parts.append(
            f"\n## {title}\n\n| where | what | quoted | computed | ratio | |\n| --- | --- | --- | --- | --- | --- |\n"
        )
        parts += [
            f"| {one.source.split('] ')[1]} | {one.quantity.replace('|', '&#124;')} | {said(one)} | "
            f"{computed(one)} | {ratio(one)} | {one.comment.replace('|', '&#124;')} |\n"
            for one in found
            if one.source.lower().startswith(f"[{paper}")
        ]
        parts.append("\nNot computed:\n\n")
        parts += [f"- {number}: {why}.\n" for number, why in NOT_COMPUTED[paper]]
    return "".join(parts).replace("T2*", r"T2\*")


def said(one: Quoted) -> str:
    """Return the quoted number with its unit, or the words of the text."""
    if isinstance(one.quoted, str):
        return f"{one.quoted} {unit(one.unit)}" if one.quoted[0].isdigit() else one.quoted
    return shown(one.quoted, one.quoted, one.unit)


def computed(one: Quoted) -> str:
    """Return the computed number in the unit of the quoted one."""
    return shown(one.computed, one.computed if isinstance(one.quoted, str) else one.quoted, one.unit)


def shown(value: float, like: float, name: str) -> str:
    """Return a number with the prefix that ``like`` reads well in, on one line: 1.61 ms; 1.81·10⁻²⁶ N m."""
    power, prefixed_name = prefixed(like, unit(name), digits=3)
    if not 1 <= abs(like) / 10.0**power < 1000:  # 10⁻²¹ N has no prefix
        power, prefixed_name = 0, unit(name)
    return typeset(f"{value / 10.0**power:.3g} {prefixed_name}".rstrip()).replace(" ", "\N{NO-BREAK SPACE}")


def ratio(one: Quoted) -> str:
    """Return computed / quoted, nothing where words are quoted."""
    return "" if one.ratio is None else f"{one.ratio:.2g}"


def unit(name: str) -> str:
    """Return a unit, nothing for pure numbers."""
    return "" if name == "1" else name


def main() -> None:
    """Write the thumbnails, where a folder is given, and the pages."""
    THUMBNAILS.mkdir(parents=True, exist_ok=True)
    if len(sys.argv) > 1:
        folder = Path(sys.argv[1])
        drawn = json.loads(COLUMNS.read_text(encoding="utf-8")) if COLUMNS.exists() else {}
        drawn |= {name: columns(folder / f"{name}.csv") for name in FIGURES if (folder / f"{name}.csv").exists()}
        COLUMNS.write_text(json.dumps(drawn, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        for name in [*FIGURES, *(f"{name}-measured" for name in measurements())]:
            if (folder / f"{name}.png").exists():
                thumbnail(folder / f"{name}.png")
        if (folder / "measured.json").exists():
            rows = json.loads((folder / "measured.json").read_text(encoding="utf-8"))
            for one in rows:
                one.pop("picture", None)
            MEASURED.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
    NUMBERS.write_text(numbers(quoted_values()), encoding="utf-8")


if __name__ == "__main__":
    main()
