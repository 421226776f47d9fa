"""Write the page `figures.md` and its thumbnails from the pictures of `labspin reproduce`.

Run ``labspin reproduce -o FOLDER`` and then ``python docs/reference/figures.py FOLDER`` after a figure has
changed; without a folder the page alone is written, from the pictures that are there.
"""

import sys
from pathlib import Path

from PIL import Image

from labspin.reproduction import FIGURES

PAGE = Path(__file__).with_suffix(".md")
THUMBNAILS = PAGE.parents[1] / "images" / "figures"
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

This page is made by `docs/reference/figures.py`.
"""


def thumbnail(picture: Path) -> None:
    """Write a picture 560 pixels wide in few colours."""
    with Image.open(picture) as whole:
        height = round(whole.height * 560 / whole.width)
        small = whole.convert("RGB").resize((560, height), Image.Resampling.LANCZOS)
        few = small.quantize(colors=32, dither=Image.Dither.NONE)
        few.save(THUMBNAILS / picture.name, optimize=True)


def page() -> str:
    """Return the text of the page."""
    parts = [HEAD]
    for paper, title in PAPERS.items():
        parts.append(f"\n## {title}\n")
        parts += [
            f"\n### {script.title.split('] ', 1)[1]}\n\n"
            f"![{script.title}](../images/figures/{script.name}.png)\n\n{script.caption}\n\n"
            f"```console\n$ labspin reproduce {script.name}\n```\n"
            for script in FIGURES.values()
            if script.paper == paper
        ]
    return "".join(parts)


def main() -> None:
    """Write the thumbnails, where a folder is given, and the page."""
    THUMBNAILS.mkdir(parents=True, exist_ok=True)
    if len(sys.argv) > 1:
        for name in FIGURES:
            picture = Path(sys.argv[1]) / f"{name}.png"
            if picture.exists():
                thumbnail(picture)
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
