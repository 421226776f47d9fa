"""What the shell completes, asked as the shell asks."""

import subprocess
import sys

import pytest

from labspin.cli import main
from tests.places import PATIENCE, environment


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("completion") / "lab"
    assert main(["init", str(folder)]) == 0
    (folder / "workspace.toml").write_text("[samples.D7]\n[samples.D8]\n")
    (folder / "data" / "one.h5").touch()
    (folder / "data" / "one.png").touch()
    (folder / "data" / "examples" / ".trash").mkdir()
    (folder / "data" / "examples" / ".trash" / "two.h5").touch()
    return folder


def complete(lab, line):
    answer = lab / "answer"
    asked = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "COMP_TYPE": "9",
    }
    done = subprocess.run(
        [sys.executable, "-m", "labspin"],
        cwd=lab,
        env={**environment(), **asked},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.stderr == ""
    return answer.read_text().split("\n")


@pytest.mark.parametrize(
    ("line", "wanted", "others"),
    [
        ("labspin re", {"resume", "recover", "report", "reproduce"}, {"run"}),
        (
            "labspin run procedures/t1",
            {"procedures/t1.toml", "procedures/t1_field.toml"},
            {"procedures/rabi.toml"},
        ),
        ("labspin doctor ", {"instruments/", "procedures/", "workspace.toml"}, {"README.md"}),
        ("labspin fit data/o --with mrfm_r", {"mrfm_resonance", "mrfm_ring_down"}, {"t1"}),
        ("labspin run procedures/t1.toml --sample ", {"D7", "D8"}, {"D9"}),
        ("labspin run procedures/t1.toml --set r", {"repetitions="}, {"averages="}),
        ("labspin report data/", {"data/one.h5"}, {"data/one.png"}),
        ("labspin fit data/", {"data/one.h5", "data/one.png"}, set()),
        ("labspin show stretched", {"stretched_exponential"}, {"lorentzian_dips"}),
        ("labspin run nothing.toml --set ", {""}, {"averages="}),
        ("labspin ls data/examples --sort ", {"T1", "started"}, {"workspace.toml"}),
        ("labspin ls data/examples --columns T1,p", {"T1,pi_duration"}, {"T1"}),
        ("labspin trash --restore ", {"two.h5"}, {"README.md", "one.h5"}),
        ("labspin reproduce mr", {"mr-3.2"}, {"nv-2c"}),
    ],
)
def test_the_shell_is_told(lab, line, wanted, others):
    found = {word.strip() for word in complete(lab, line)}
    assert wanted <= found
    assert not others & found
