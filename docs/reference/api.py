"""Write the pages of packages whose names are loaded on first use: what their stub offers, name by name.

Their `__init__.py` holds no name, so a page that only names the package would be empty. Run
``python docs/reference/api.py`` after a public name has come or gone.
"""

import re
from pathlib import Path

PAGES = Path(__file__).with_name("api")
PACKAGE = Path(__file__).resolve().parents[2] / "labspin"
LAZY = ("analysis", "bench", "data", "experiment", "physics.nv", "physics.spinwaves", "session")


def page(package: str) -> str:
    """Return the text of the page of a package."""
    stub = (PACKAGE / package.replace(".", "/") / "__init__.pyi").read_text(encoding="utf-8")
    names = sorted(set(re.findall(r"\bas (\w+)", stub)))
    members = "".join(f"        - {name}\n" for name in names)
    return f"::: labspin.{package}\n    options:\n      members:\n{members}"


def place_of(package: str) -> Path:
    """Return the file of the page of a package."""
    return PAGES / f"{package.replace('.', '-')}.md"


def main() -> None:
    """Write the pages."""
    for package in LAZY:
        place_of(package).write_text(page(package), encoding="utf-8")


if __name__ == "__main__":
    main()
