"""The pages as a reader uses them: commands are typed, files are written and read, in their order."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import labspin
from labspin import load_station
from labspin.analysis.recipes.recipe import load_recipe
from labspin.cli import main
from labspin.errors import StationError
from labspin.session.cards import load_card
from labspin.session.queue import Queue
from labspin.workspaces import find_workspace
from tests.places import PATIENCE, ROOT, environment

DOCS = ROOT / "docs"
FOLDERS = ("tutorials", "how-to", "reference", "explanations")
# A comment above a block says why it is not executed, or which shipped file it is a part of.
BLOCK = re.compile(
    r"(?:<!-- (not executed|part of|file): (.+?) -->\n)?^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
READ_ONLY = {"text", "html"}
# What a page calls the reader's own file, and the file of a new workspace that takes its place.
OWN = {
    "instruments/my-bench.toml": "instruments/levitated-diamond.toml",
    "data/run.h5": "data/examples/t1.h5",
    "data/map.h5": "data/examples/t1.h5",
    "data/20260101-120000-t1.h5": "data/examples/t1.h5",
}


@dataclass(frozen=True)
class Block:
    """One block of a page: ``mark`` and ``word`` are those of the comment above it."""

    page: str
    line: int
    language: str
    text: str
    mark: str
    word: str

    def __str__(self) -> str:
        return f"{self.page}, line {self.line}"


def all_pages() -> list[str]:
    """Return the pages on which a reader finds something to type, as paths below the repository."""
    found = [
        DOCS / "index.md",
        *(path for folder in FOLDERS for path in sorted((DOCS / folder).glob("*.md"))),
    ]
    return ["README.md", *(path.relative_to(ROOT).as_posix() for path in found)]


def blocks_of(page: str) -> list[Block]:
    """Return the blocks of a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        Block(page, text[: one.start(3)].count("\n") + 1, one[3], one[4], one[1] or "", one[2] or "")
        for one in BLOCK.finditer(text)
    ]


class Reader:
    """A reader in a new workspace who does what a page says.

    Parameters
    ----------
    lab
        A folder that does not exist yet; it becomes a workspace.
    chdir
        Changes the working directory, and back when the test ends.
    names
        What the page takes for granted in its Python.
    """

    def __init__(self, lab: Path, chdir: Callable[[Path], None], **names: Any) -> None:
        assert main(["init", str(lab)]) == 0
        self.names: dict[str, Any] = names
        self.hosts: list[subprocess.Popen[bytes]] = []
        chdir(lab)
        for own, shipped in OWN.items():
            shutil.copy(shipped, own)

    def read(self, page: str) -> list[Block]:
        """Do everything on a page; return the blocks that were done."""
        done = [block for block in blocks_of(page) if block.language not in READ_ONLY]
        done = [block for block in done if block.mark != "not executed"]
        for block in done:
            try:
                getattr(self, block.language)(block)
            except BaseException as error:
                error.add_note(f"{block}: {block.text}")
                raise
        return done

    def console(self, block: Block) -> None:
        """Type the lines of a block."""
        for line in block.text.splitlines():
            for command in line.split(" && "):
                if words := shlex.split(as_the_reader(command), comments=True):
                    self.type(words)

    def names_files(self, block: Block) -> None:
        """Look for the files that the commands of a block name and that are there before a run."""
        for word in shlex.split(block.text, comments=True):
            if re.fullmatch(r"(instruments|procedures|analysis)/[\w-]+\.toml", word):
                assert Path(word).is_file(), f"{block}: {word} is neither shipped nor written by the page"

    def type(self, words: list[str]) -> None:
        """Type a command, as a shell would pass it on; the workspace is there, and what CI installs, too."""
        if words[0] == "cd" or words[:2] == ["labspin", "init"] or words[:3] == ["python", "-m", "pip"]:
            return
        if words[:3] == ["labspin", "bench", "host"]:
            self.host(words[1:])
            return
        assert words[0] == "labspin", f"wanted a command of labspin, or a mark why not; got {words}"
        assert main([one for word in words[1:] for one in as_a_shell(word)]) == 0, words

    def host(self, words: list[str]) -> None:
        """Start a host beside this process, which lives until ``end``, and wait until it answers."""
        self.hosts.append(subprocess.Popen([sys.executable, "-m", "labspin", *words], env=environment()))
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                labspin.connect_host().close()
            except StationError:
                assert self.hosts[-1].poll() is None, "the host has ended"
                time.sleep(0.2)
            else:
                return
        raise AssertionError("the host does not answer")

    def end(self) -> None:
        """Close what the page left open, and end the hosts that it started, as its reader would."""
        for one in self.names.values():
            if hasattr(one, "close") and not isinstance(one, type):
                one.close()
        for host in self.hosts:
            try:
                main(["bench", "stop", "--force"])
                host.wait(PATIENCE)
            finally:
                host.kill()
                host.wait(PATIENCE)

    def python(self, block: Block) -> None:
        """Run a block with the names of those before it."""
        exec(compile(as_the_reader(block.text), str(block), "exec"), self.names)

    def toml(self, block: Block) -> None:
        """Read a file, or a part of one put into the file that its comment names."""
        content = tomllib.loads(block.text)
        place = Path(block.word or folder_of(content))
        if block.mark == "part of":
            content = merged(tomllib.loads(place.read_text(encoding="utf-8")), content)
        if "spool" in content:
            content["spool"] = str(Path("spool").absolute())
        if block.mark != "file" and place.parent.name:
            place = place.with_name(f"{Path(block.page).stem}-{block.line}.toml")
        place.write_text(written(content), encoding="utf-8")
        read_file(place)


def as_a_shell(word: str) -> list[str]:
    """Return the files that a pattern finds, or the word."""
    found = sorted(Path().glob(word)) if "*" in word else []
    return [path.as_posix() for path in found] or [word]


def as_the_reader(text: str) -> str:
    """Return a text with the newest run for one that it leaves to the reader, and the reader's own share."""
    text = text.replace("/share/data/", "data/")
    if "data/….h5" in text:
        runs = sorted(Path("data").glob("*.h5"), key=lambda path: path.stat().st_mtime_ns)
        text = text.replace("data/….h5", runs[-1].as_posix())
    return text


def folder_of(content: dict[str, Any]) -> str:
    """Return the place in a workspace of a whole file of this content."""
    if "procedure" in content:
        return "procedures/whole.toml"
    return "analysis/whole.toml" if "model" in content else "instruments/whole.toml"


def read_file(path: Path) -> None:
    """Read a file as labspin does, by its place in the workspace."""
    if path.name == "workspace.toml":
        assert find_workspace().units
    elif path.name == "queue.toml":
        assert Queue(path).read().runs
    else:
        {"analysis": load_recipe, "procedures": load_card, "instruments": load_station}[path.parent.name](
            path
        )


def merged(whole: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """Return a file with the tables of a part put into its own; keys without a table are parameters."""
    if "procedure" in whole and not all(isinstance(value, dict) for value in part.values()):
        part = {"parameters": part}
    found = dict(whole)
    for key, value in part.items():
        mine = found.get(key)
        found[key] = merged(mine, value) if isinstance(mine, dict) and isinstance(value, dict) else value
    return found


def written(value: Any, depth: int = 0) -> str:
    """Return TOML of a value: one line a key at the top, everything inline below."""
    if isinstance(value, dict):
        rows = [f"{json.dumps(key)} = {written(one, depth + 1)}" for key, one in value.items()]
        return "{ " + ", ".join(rows) + " }" if depth else "\n".join(rows)
    if isinstance(value, list):
        return "[" + ", ".join(written(one, depth + 1) for one in value) + "]"
    return str(value).lower() if isinstance(value, bool | float) else json.dumps(value, ensure_ascii=False)
