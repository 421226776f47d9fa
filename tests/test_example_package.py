"""The example package outside the tree, seen as if it were installed: its own tests must pass."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.places import environment

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "labspin-acme"


def installed(folder: Path) -> None:
    """Write what an installer writes beside a package: its name, and its entry points."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    record = folder / f"labspin_acme-{project['version']}.dist-info"
    record.mkdir()
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (record / "METADATA").write_text(head, encoding="utf-8")
    groups = project["entry-points"].items()
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {at}\n" for name, at in points.items())
        for group, points in groups
    ]
    (record / "entry_points.txt").write_text("".join(lines), encoding="utf-8")


def test_the_example_package_plugs_in(tmp_path):
    installed(tmp_path)
    path = os.pathsep.join([str(EXAMPLE / "src"), str(tmp_path), str(ROOT)])
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-c",
            os.devnull,
            str(EXAMPLE / "tests"),
        ],
        env=environment(PYTHONPATH=path, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-2000:]
