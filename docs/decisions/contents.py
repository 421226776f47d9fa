"""Write `index.md`: every decision with its title, from the files themselves.

Run it when a decision has been added; a test compares.
"""

import sys
from pathlib import Path

FOLDER = Path(__file__).parent
HEAD = """# Decisions

Why labspin is as it is: one page a decision, with the figures that decided. A decision is changed by the next one.

"""


def index() -> str:
    """Return the page."""
    lines = []
    for file in sorted(FOLDER.glob("0*.md")):
        title = file.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
        number, _, words = title.partition(". ")
        lines.append(f"- [{words or title}]({file.name}) ({int(number) if words else file.name[:4]})")
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    (FOLDER / "index.md").write_text(index(), encoding="utf-8")
    sys.stdout.write("wrote index.md\n")
