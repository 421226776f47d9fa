"""What the pages tell a user to type works as they say."""

import json
import re
from pathlib import Path

from labspin.cli import main
from labspin.data import read_run

DOCS = Path(__file__).resolve().parents[1] / "docs"


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


def test_the_procedure_of_the_how_to_runs(tmp_path, monkeypatch, capsys):
    assert main(["init", str(tmp_path / "lab")]) == 0
    monkeypatch.chdir(tmp_path / "lab")
    (code,) = blocks("how-to/write-a-procedure.md", "python")
    (card,) = blocks("how-to/write-a-procedure.md", "toml")
    Path("procedures/field_noise.py").write_text(code, encoding="utf-8")
    Path("procedures/field_noise.toml").write_text(card, encoding="utf-8")
    assert main(["check", "procedures/field_noise.toml"]) == 0
    capsys.readouterr()
    assert main(["run", "procedures/field_noise.toml", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    run = read_run(row["path"])
    assert run.data["counts"].shape == (3,)
    assert (run.data["counts"] > 0).all()


def test_links_between_pages_lead_somewhere():
    for page in [*DOCS.rglob("*.md"), DOCS.parent / "README.md"]:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page}: {target}"
