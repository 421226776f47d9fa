"""Attacks on files, texts and the output: is anything destroyed, run, lost, or does a command hang?

    python benchmarks/attack_files.py [WORD]

Each attack happens in a workspace of its own, by the command line in a process of its own, on loopback and
temporary folders only. The table says the exit code, the seconds, and how often it came to what must not be.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import h5py
import numpy as np

from labspin.data import Column, Dimension, Layout, RunHeader, RunWriter, read_run
from labspin.data.journal.writer import journal_path
from tests import places

ROOT = Path(__file__).resolve().parents[1]
STATION = ROOT / "instruments" / "levitated-diamond.toml"
PATIENCE = 60.0  # s after which a command counts as hanging; a start of Python under load takes some
EVIL = 'from pathlib import Path\nPath("executed").touch()\n'
CARD = f"""
procedure = "rabi"
station = "{STATION}"
[parameters]
pulse_durations = 3
repetitions = 100
averages = 1
[[runs]]
label = "one"
[[runs]]
label = "two"
"""


@dataclass
class Result:
    """What came of an attack."""

    code: str = "–"
    seconds: float = 0.0
    destroyed: int = 0
    executed: int = 0
    lost: int = 0
    hangs: int = 0
    tracebacks: int = 0
    said: list[str] = field(default_factory=list)


class Workspace:
    """A folder with some run files, and the commands that are tried in it."""

    def __init__(self, folder):
        self.folder, self.result, self.codes = Path(folder), Result(), []
        for number in range(2):
            self.run_file(f"r{number}.h5")
        (self.folder / "card.toml").write_text(CARD, encoding="utf-8")

    def run_file(self, name, *, finish=True, points=20, **changes):
        axis = Dimension(name="x", unit="s", values=np.arange(20.0))
        columns = (Column(name="y"), Column(name="y_errors"))
        content = {"procedure": "p", "signal": "y", "layout": Layout(dimensions=(axis,), columns=columns)}
        writer = RunWriter.create(self.folder / name, RunHeader(**{**content, **changes}))
        for index in range(points):
            writer.append(index, 0.0, [np.exp(-index / 5), 0.01])
        if finish:
            writer.finish("finished")
        else:
            writer.close()

    def labspin(self, *words, stdout=subprocess.PIPE, **environment):
        """Run a command; files that were there and are others afterwards count as destroyed."""
        before = self.digests()
        begun = time.monotonic()
        command = [sys.executable, "-m", "labspin", *map(str, words)]
        path = places.environment(**environment)
        try:
            done = subprocess.run(
                command, cwd=self.folder, env=path, stdout=stdout, stderr=subprocess.PIPE, timeout=PATIENCE
            )
        except subprocess.TimeoutExpired:
            self.result.hangs += 1
            return b""
        self.result.seconds = max(self.result.seconds, time.monotonic() - begun)
        self.codes.append(str(done.returncode))
        after = self.digests()
        self.result.destroyed += sum(after.get(name) != digest for name, digest in before.items())
        self.result.executed += (self.folder / "executed").exists()
        self.result.tracebacks += done.stderr.count(b"Traceback")
        return done.stdout or b""

    def digests(self):
        kept = (path for path in self.folder.glob("*") if path.suffix in (".h5", ".csv", ".html", ".png"))
        plain = (path for path in kept if path.is_file())
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in plain}


def table_over_a_run(work):
    work.labspin("fit", "--with", "t1", "--no-write", "--table", "r0.h5", "r1.h5")


def table_over_somebody_elses_table(work):
    (work.folder / "mine.csv").write_text("time,counts\n1,2\n", encoding="utf-8")
    work.labspin("fit", "--with", "t1", "--no-write", "--table", "mine.csv", "r1.h5")


def picture_over_a_run(work):
    os.link(work.folder / "r0.h5", work.folder / "r1.png")
    work.labspin("plot", "r1.h5")


def report_over_somebody_elses_page(work):
    (work.folder / "r1.html").write_text("<!DOCTYPE html><p>mine", encoding="utf-8")
    work.labspin("report", "r1.h5")


def procedure_named_in_a_run(work):
    (work.folder / "evil.py").write_text(EVIL, encoding="utf-8")
    work.run_file(
        "e.h5",
        finish=False,
        points=3,
        procedure="evil.py:Evil",
        station={"path": str(STATION), "simulated": True},
    )
    work.labspin("resume", "e.h5")


def driver_named_by_a_station_named_in_a_run(work):
    (work.folder / "evil.py").write_text(EVIL, encoding="utf-8")
    text = '[station]\nname = "e"\n[instruments.m]\nrole = "MicrowaveSource"\ndriver = "evil.py:E"\n'
    (work.folder / "e.toml").write_text(text, encoding="utf-8")
    station = {"path": str(work.folder / "e.toml"), "text": text, "simulated": False}
    work.run_file("e.h5", finish=False, points=3, procedure="rabi", station=station)
    work.labspin("resume", "e.h5")


def reading_a_run_that_names_code(work):
    (work.folder / "evil.py").write_text(EVIL, encoding="utf-8")
    work.run_file("e.h5", procedure="evil.py:Evil")
    for command in ("ls .", "report e.h5", "plot e.h5", "fit e.h5", "recover ."):
        work.labspin(*command.split())


def python_in_a_tied_parameter(work):
    recipe = '[data]\nx = "x"\ny = "y"\n[model]\nname = "stretched_exponential"\ntied = {baseline = '
    for text in ("open('executed', 'w')", "9**9**9"):
        (work.folder / "t.toml").write_text(f'{recipe}"{text}"}}\n', encoding="utf-8")
        work.labspin("fit", "--with", "t.toml", "--no-write", "r0.h5")


def units_that_compute(work):
    for value in ("1 9**9**9 s", "1" + " " * 100_000 + "s"):
        card = CARD.replace("averages = 1", f'averages = 1\npulse_start = "{value}"')
        (work.folder / "card.toml").write_text(card, encoding="utf-8")
        work.labspin("check", "card.toml")


def files_too_deep(work):
    for text in ("x = " + "[" * 50_000 + "]" * 50_000, "a." * 50_000 + "b = 1"):
        (work.folder / "d.toml").write_text(text, encoding="utf-8")
        work.labspin("check", "d.toml")
        work.labspin("doctor", "d.toml")


def pipes_and_gigabytes_for_texts(work):
    os.mkfifo(work.folder / "p.toml")
    (work.folder / "z.toml").symlink_to("/dev/zero")
    with (work.folder / "g.toml").open("wb") as file:
        file.truncate(1 << 35)
    for name in ("p.toml", "z.toml", "g.toml"):
        for command in (f"check {name}", f"doctor {name}", f"fit r0.h5 --no-write --with {name}"):
            work.labspin(*command.split())
    os.mkfifo(work.folder / "workspace.toml")
    work.labspin("check", "card.toml")


def data_that_stand_in_another_file(work):
    secret = work.folder / "secret"
    secret.write_bytes(bytes(range(20)))
    with h5py.File(work.folder / "e.h5", "w") as file:
        file["x"] = np.arange(20.0)
        file.create_dataset("y", shape=(20,), dtype="u1", external=[(str(secret), 0, 20)])
    work.labspin("fit", "e.h5", "--x", "/x", "--y", "/y", "--model", "ring_down", "--plot", "e.png")
    work.result.executed += (work.folder / "e.png").exists()


def a_pipe_among_the_runs(work):
    os.mkfifo(work.folder / "a.h5.jnl")
    work.run_file("dead.h5", finish=False)
    work.labspin("recover", ".")
    work.labspin("run", "card.toml", "--quiet", "--output", ".")
    work.result.lost += not (work.folder / "dead.h5").exists()


def damaged_journals(work):
    work.run_file("dead.h5", finish=False)
    good = journal_path(work.folder / "dead.h5").read_bytes()
    for number, content in enumerate(
        (b"", good[:40], good[:200] + bytes(9) + good[209:], good * 2, os.urandom(999))
    ):
        (work.folder / f"bad{number}.h5.jnl").write_bytes(content)
    work.labspin("recover", ".")
    work.labspin("run", "card.toml", "--quiet", "--output", ".")
    work.result.lost += not (work.folder / "dead.h5").exists()


def an_archive_without_bound(work):
    packed = zipfile.ZipFile(work.folder / "b.npz", "w", zipfile.ZIP_DEFLATED)
    with packed as archive, archive.open("x.npy", "w", force_zip64=True) as member:
        header = {"descr": "<f8", "fortran_order": False, "shape": (1 << 27,)}
        np.lib.format.write_array_header_1_0(member, header)
        for _ in range(1 << 10):
            member.write(bytes(1 << 20))
    work.labspin("fit", "b.npz", "--x", "x", "--y", "x", "--model", "ring_down")


def text_that_a_terminal_obeys(work):
    work.run_file("e.h5", label="\x1b[2J\x1b]0;owned\x07\x9b31m")
    printed = work.labspin("ls", ".") + work.labspin("ls", ".", "--json")
    work.result.executed += printed.count(b"\x1b") + printed.count(b"\x07") + printed.count(b"\xc2\x9b")


def a_full_disk_under_the_output(work):
    with Path("/dev/full").open("w") as full:
        work.labspin("run", "card.toml", "--quiet", "--output", "data", stdout=full)
    work.result.lost += 2 - len(list((work.folder / "data").glob("*.h5")))


def a_pipe_nobody_reads(work):
    reading, writing = os.pipe()
    os.close(reading)
    work.labspin("run", "card.toml", "--quiet", "--output", "data", stdout=writing)
    os.close(writing)
    work.result.lost += 2 - len(list((work.folder / "data").glob("*.h5")))


def old_code_pages(work):
    card = CARD.replace('"one"', '"χ = 1 µs"').replace('"two"', '"[/4K]"')
    (work.folder / "card.toml").write_text(card, encoding="utf-8")
    for encoding in ("cp1252", "ascii"):
        folder = f"[{encoding}]"
        work.labspin("run", "card.toml", "--quiet", "--output", folder, PYTHONIOENCODING=encoding)
        work.result.lost += 2 - len(list((work.folder / folder).glob("*.h5")))


def long_labels_in_a_queue(work):
    card = CARD.replace('"one"', f'"{"x" * 255}"').replace('"two"', f'"{"é" * 255}"')
    (work.folder / "card.toml").write_text(card, encoding="utf-8")
    work.labspin("queue", "add", "card.toml")
    work.labspin("queue", "run", "--quiet")
    work.result.lost += 2 - len(list((work.folder / "data").glob("*.h5")))


def a_journal_deleted_in_mid_run(work):
    path = work.folder / "live.h5"
    axis = Dimension(name="x", unit="s", values=np.arange(100.0))
    layout = Layout(dimensions=(axis,), columns=(Column(name="y"),))
    writer = RunWriter.create(path, RunHeader(procedure="p", layout=layout), sync_interval=0.1)
    for index in range(100):
        writer.append(index, 0.0, [1.0])
        if index % 25 == 10:
            journal_path(path).unlink(missing_ok=True)
    writer.finish("finished")
    work.result.lost += 100 - len(read_run(path).points)


ATTACKS = [
    table_over_a_run, table_over_somebody_elses_table, picture_over_a_run, report_over_somebody_elses_page,
    procedure_named_in_a_run, driver_named_by_a_station_named_in_a_run, reading_a_run_that_names_code,
    python_in_a_tied_parameter, units_that_compute, files_too_deep, pipes_and_gigabytes_for_texts,
    data_that_stand_in_another_file, a_pipe_among_the_runs, damaged_journals,
    an_archive_without_bound, text_that_a_terminal_obeys, a_full_disk_under_the_output, a_pipe_nobody_reads,
    old_code_pages, long_labels_in_a_queue, a_journal_deleted_in_mid_run,
]  # fmt: skip


def attacked(attack):
    """Return what came of one attack."""
    with tempfile.TemporaryDirectory() as folder:
        work = Workspace(folder)
        attack(work)
        work.result.code = ",".join(work.codes) or "–"
        return work.result


def main(wanted):
    heads = ("destroyed", "executed", "lost", "hang", "traceback")
    print(f"{'attack':42} {'exit':14} {'s':>5} " + " ".join(f"{head:>9}" for head in heads))
    bad = 0
    for attack in ATTACKS:
        if wanted not in attack.__name__:
            continue
        found = attacked(attack)
        counts = (found.destroyed, found.executed, found.lost, found.hangs, found.tracebacks)
        bad += sum(counts)
        name = attack.__name__.replace("_", " ")
        print(
            f"{name:42} {found.code:14} {found.seconds:5.1f} " + " ".join(f"{n:9}" for n in counts),
            flush=True,
        )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
