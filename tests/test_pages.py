"""What stands in a block of a page is executed, or the page says why not."""

import ast
import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

import labspin
from labspin.cli import main
from labspin.experiment import Control
from labspin.procedures import T1
from labspin.session.queue_file import QueuedRun, QueueState, write_queue
from tests.pages import READ_ONLY, Reader, all_pages, blocks_of
from tests.places import ROOT
from tests.some import some

# Pages whose blocks a test of their own executes, and says what must come out.
BY_THEIR_OWN_TEST = {
    "docs/how-to/add-an-instrument.md": "tests/instruments/test_add_an_instrument.py",
    "docs/how-to/extend.md": "tests/test_extend.py",
    "docs/how-to/managed-window.md": "tests/gui/test_managed_window.py",
    "docs/reference/figures.md": "tests/reproduction/test_reproduction.py",
    "docs/reference/run-card.md": "tests/session/test_run_card_page.py",
    "docs/reference/station-file.md": "tests/station/test_reference_page.py",
    **{
        f"docs/{page}.md": "tests/test_docs.py"
        for page in (
            "how-to/fit-foreign-files", "how-to/fit-many-traces", "how-to/new-bench",
            "how-to/write-a-fit-model", "how-to/write-a-procedure", "tutorials/bring-your-old-files",
            "tutorials/distance-from-a-film",
            "tutorials/first-measurement", "tutorials/fit-your-own-data", "tutorials/orientation",
            "tutorials/temperatures", "tutorials/ten-thousand-traces",
        )
    },
}  # fmt: skip
READ = [page for page in all_pages() if page not in BY_THEIR_OWN_TEST and blocks_of(page)]
WITH_BLOCKS = [
    page
    for page in READ
    if any(block.language not in READ_ONLY and block.mark != "not executed" for block in blocks_of(page))
]


def test_blocks_are_executed_or_say_why_not():
    """Also those that are indented, which no language is told of, and which a copy button leaves out."""
    languages = {*READ_ONLY, "console", "python", "toml"}
    for page in some(all_pages()):
        text = (ROOT / page).read_text(encoding="utf-8")
        found = blocks_of(page)
        assert len(found) == len(re.findall(r"^ *```\w", text, re.MULTILINE)), (
            f"{page}: a block out of the rules"
        )
        outside = re.sub(r"```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
        indented = re.search(r"\n\n {4}(labspin|python|import|from|pip|cd|\[) ?.*", outside)
        assert not indented, f"{page}: write a fenced block with its language: {indented}"
    blocks = some([block for page in all_pages() for block in blocks_of(page)])
    assert [f"{one}: nothing executes it" for one in blocks if one.language not in languages] == []
    marked = some([one for one in blocks if one.mark == "not executed"])
    assert [f"{one}: say why not" for one in marked if len(one.word.split()) < 3] == []


def test_a_test_of_its_own_reads_its_page():
    texts = {test: (ROOT / test).read_text(encoding="utf-8") for test in BY_THEIR_OWN_TEST.values()}
    assert [page for page, test in BY_THEIR_OWN_TEST.items() if Path(page).stem not in texts[test]] == []


@pytest.fixture
def reader(tmp_path, monkeypatch):
    one = Reader(tmp_path / "lab", monkeypatch.chdir)
    yield one
    one.end()
    plt.close("all")


def test_files_on_pages_are_read_and_what_python_imports_is_there(reader):
    """The half of the pages that takes no time: nothing is measured and nothing is fitted."""
    done = {"toml": reader.toml, "python": imported, "console": reader.names_files}
    seen = []
    for block in (block for page in some(WITH_BLOCKS) for block in blocks_of(page)):
        if block.mark != "not executed" and block.language in done:
            done[block.language](block)
            seen.append(block.language)
    assert min(seen.count(language) for language in done) > 5


def imported(block):
    """Import what a block imports."""
    tree = ast.parse(block.text, str(block))
    tree.body = [one for one in tree.body if isinstance(one, ast.Import | ast.ImportFrom)]
    exec(compile(tree, str(block), "exec"), {})


class AbortsAfter(Control):
    """A control and an observer in one that ends a run after some points."""

    points = 3

    def on_start(self, header, total): ...

    def on_point(self, index, values, done, total):
        if done == self.points:
            self.abort("for the page")

    def on_event(self, kind, message): ...

    def on_finish(self, outcome): ...


def broken_off():
    """Break a run off at its third point, and say of one in the queue that it was interrupted."""
    with labspin.load_station("instruments/levitated-diamond.toml").connect() as bench:
        control = AbortsAfter()
        outcome = labspin.run(T1(averages=2), bench, observers=[control], control=control)
    Path(outcome.path).rename("data/20260301-231502-t1.h5")
    card = {"card": "procedures/first.toml", "label": "first"}
    write_queue(Path("queue.toml"), QueueState((QueuedRun(id=7, state="interrupted", **card),), next_id=8))


def of_another_program():
    """Leave a spectrum of two columns, with two lines of a nucleus of spin 1/2."""
    frequency = np.linspace(2.86e9, 2.88e9, 81)
    lines = [1 / (1 + ((frequency - 2.87e9 - 2.16e6 * m) / 5e5) ** 2) for m in (-1, 0, 1)]
    noise = 1e-3 * np.random.default_rng(1).standard_normal(81)
    rows = np.column_stack([frequency, 1 - 0.03 * sum(lines) + noise])
    np.savetxt("odmr.dat", rows, header="frequency (Hz) light")


def runs_to_fit():
    """Measure the runs that the page of recipes takes for granted."""
    for card in ("t1", "t1_field"):
        assert main(["run", f"procedures/{card}.toml"]) == 0


PREPARED = {
    "docs/how-to/recover.md": broken_off,
    "docs/how-to/diamond-procedures.md": of_another_program,
    "docs/how-to/fit-many.md": runs_to_fit,
    "docs/reference/recipe.md": runs_to_fit,
}

NEEDED = {
    "README.md": ("rocrate",),
    "docs/how-to/fit-many.md": ("pyarrow", "pandas", "h5netcdf"),
    "docs/explanations/run-file.md": ("h5netcdf",),
}


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("page", WITH_BLOCKS)
def test_a_page_does_what_it_says(page, reader):
    for package in NEEDED.get(page, ()):
        pytest.importorskip(package)
    PREPARED.get(page, lambda: None)()
    assert reader.read(page)
