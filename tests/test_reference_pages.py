"""The pages of reference say all that the code takes: keys of files, arguments, the words of tables."""

import ast
import re
import runpy
import typing

import pytest

from labspin.data import RunStatus
from labspin.session.queue_file import State
from tests.places import ROOT

REFERENCE = ROOT / "docs" / "reference"
TAKES = {
    "take", "texts", "choice", "quantity", "positive_time", "quantities", "section", "sections",
    "plain_value",
}  # fmt: skip
FILES = [
    ("labspin/station", "station-file"),
    ("labspin/session/cards.py", "run-card"),
    ("labspin/session/queue_file.py", "workspace"),
    ("labspin/workspaces.py", "workspace"),
    ("labspin/analysis/recipes", "recipe"),
]


def keys_of(place: str, methods: set[str] = TAKES) -> set[str]:
    """Return the keys that the code takes out of a file: the first argument of `Section.take` and its kin."""
    path = ROOT / place
    found = set()
    for file in [path] if path.is_file() else path.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in methods
            ):
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    found.add(first.value)
    return found


@pytest.mark.parametrize(("place", "page"), FILES)
def test_every_key_of_a_file_stands_on_its_page_as_code(place, page):
    text = (REFERENCE / f"{page}.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```toml\n(.*?)```", text, re.DOTALL) + re.findall(r"`([^`\n]+)`", text))
    missing = [key for key in keys_of(place) if not re.search(rf"(?<!\w){re.escape(key)}(?!\w)", code)]
    assert keys_of(place)
    assert sorted(missing) == [], f"{page}.md"


def test_the_page_of_the_commands_is_that_of_the_parser():
    page = runpy.run_path(str(REFERENCE / "command_line.py"))["render"]()
    written = (REFERENCE / "command-line.md").read_text(encoding="utf-8")
    assert written == page, "run python docs/reference/command_line.py"


def test_the_glossary_has_the_words_of_commands_and_of_tables():
    text = (REFERENCE / "glossary.md").read_text(encoding="utf-8")
    words = {
        one
        for entry in re.findall(r"\*\*([^*]+)\*\*", text)
        for one in re.split(r",\s*|\s+", entry.lower().replace("-", "_"))
    }
    tables = {key for place, _ in FILES for key in keys_of(place, {"section", "sections"})}
    assert len(tables) > 10
    singular = {key: {key, key.removesuffix("s"), key.removesuffix("ies") + "y"} for key in tables}
    assert sorted(key for key, forms in singular.items() if not forms & words) == []


def glossary_words():
    text = (REFERENCE / "glossary.md").read_text(encoding="utf-8")
    return {entry.lower().replace("\\", "") for entry in re.findall(r"\*\*(.+?)\*\*", text)}


def test_the_glossary_says_what_can_become_of_a_run():
    states = {*map(str, RunStatus), *typing.get_args(State)}
    assert "interrupted" in states
    assert sorted(states - glossary_words()) == []


OF_COMPUTERS = {
    "CSV", "GPIB", "HDF5", "HTML", "HTTP", "JSON", "MATLAB", "MIT", "NAME", "NFS", "PNG", "SAFE", "SMB",
    "TCP", "TDMS", "TOML", "USB", "USBTMC", "UTC", "UTF", "VISA", "VXI",
}  # fmt: skip
OF_MAKERS = {"AMD", "COMSOL", "EPYC", "IEEE", "PRB", "PRL", "SCPI", "TDS"}
EXPLAINED_THERE = {"CITATION", "CPMG", "MAX", "MIXED", "STATION"}


def test_the_glossary_has_the_short_words_of_the_pages_that_are_read_first():
    root = ROOT / "docs"
    pages = [
        ROOT / "README.md",
        root / "index.md",
        *(root / "tutorials").glob("*.md"),
        *(root / "how-to").glob("*.md"),
    ]
    short = set()
    for page in pages:
        text = re.sub(
            r"```.*?```|^ {4}.*?$|`[^`\n]*`|\]\([^)]*\)",
            "",
            page.read_text(encoding="utf-8"),
            flags=re.S | re.M,
        )
        short |= set(re.findall(r"(?<![\w:])[A-Z]{3,}(?![\w:])", text))
    known = OF_COMPUTERS | OF_MAKERS | EXPLAINED_THERE | {word.upper() for word in glossary_words()}
    assert {"MRFM", "ODMR"} <= short
    assert sorted(short - known) == []
