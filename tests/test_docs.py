"""What the pages tell a user to type works as they say."""

import importlib
import json
import re
import runpy
import shlex
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest

from labspin.analysis.models import MODELS, load_model
from labspin.cli import command_parser, main
from labspin.data import read_run
from tests.some import some

DOCS = Path(__file__).resolve().parents[1] / "docs"


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


def test_the_procedure_of_the_how_to_runs(tmp_path, monkeypatch, capsys):
    assert main(["init", str(tmp_path / "lab")]) == 0
    monkeypatch.chdir(tmp_path / "lab")
    code, more = blocks("how-to/write-a-procedure.md", "python")
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
    Path("procedures/pulse_light.py").write_text(more, encoding="utf-8")
    second = card.replace("field_noise.py:FieldNoise", "pulse_light.py:PulseLight").partition("[parameters]")[
        0
    ]
    Path("procedures/pulse_light.toml").write_text(second, encoding="utf-8")
    assert main(["run", "procedures/pulse_light.toml", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    run = read_run(row["path"])
    assert list(run.header.layout.dimensions[0].values) == [50e-9, 100e-9, 150e-9]
    assert run.columns["counts"][1] < 0.99 * run.columns["counts"][0]  # nearer to a π pulse


def test_the_fit_model_of_the_how_to_fits(tmp_path, monkeypatch, capsys):
    assert main(["init", str(tmp_path / "lab")]) == 0
    monkeypatch.chdir(tmp_path / "lab")
    (code,) = blocks("how-to/write-a-fit-model.md", "python")
    Path("analysis/pump.py").write_text(code, encoding="utf-8")
    Path("light.csv").write_text(blocks("how-to/write-a-fit-model.md", "text")[0], encoding="utf-8")
    (command,) = blocks("how-to/write-a-fit-model.md", "console")
    capsys.readouterr()
    assert main([*shlex.split(command)[1:], "--json"]) == 0
    found = {row["parameter"]: row["value"] for row in json.loads(capsys.readouterr().out)["fits"]}
    assert found == {
        "rate": pytest.approx(5e4, rel=1e-6, abs=0),
        "saturation_power": pytest.approx(2.0, rel=1e-6, abs=0),
    }


def test_recipes_that_are_named_exist():
    """In commands of all pages and help texts; ``law`` is the one that the page of recipes writes."""
    root = DOCS.parent
    texts = [*DOCS.rglob("*.md"), root / "README.md", *(root / "labspin" / "cli").glob("*.py")]
    texts += [*(root / "procedures").glob("*.toml"), *(root / "labspin" / "session").rglob("*.toml")]
    named = {
        name
        for path in texts
        if "decisions" not in path.parts
        for name in re.findall(r"--with ([a-z]\w*)(?![\w.])", path.read_text(encoding="utf-8"))
    }
    assert named - {path.stem for path in (root / "analysis").glob("*.toml")} <= {"law", "names", "skeleton"}
    assert len(named) > 4


def found_on_pages(pattern):
    """Return (page, what was found) for all that a pattern finds on the pages."""
    pages = [*DOCS.rglob("*.md"), DOCS.parent / "README.md"]
    return [(page, one) for page in pages for one in pattern.findall(page.read_text(encoding="utf-8"))]


def test_links_between_pages_lead_somewhere():
    link = re.compile(r"\]\(([^)#]+?)(?:#[^)]*)?\)")
    for page, target in some(found_on_pages(link)):
        assert "://" in target or (page.parent / target).exists(), f"{page}: {target}"


def test_a_page_says_where_its_commands_are_typed():
    """A reader who types the first command of a page is in a folder in which it works."""
    for page in [*(DOCS / "tutorials").glob("*.md"), *(DOCS / "how-to").glob("*.md")]:
        text = page.read_text(encoding="utf-8")
        command = re.search(r"^(?: {4}|\$ )?labspin ", text, re.MULTILINE)
        before = text[: command.end() + 10] if command else "in a workspace"
        assert re.search(r"labspin init|in a workspace|repository|empty folder|[Aa]ny folder", before), (
            page.name
        )


def test_commands_on_pages_are_commands(capsys):
    """Also those that are not executed: names, options and what must not be missing; in blocks, all of it."""
    parser = command_parser()
    block = re.compile(r"^```console\n([^`]*)^```|((?:^ {4}labspin .*\n)+)", re.MULTILINE)
    inline = re.compile(r"`(labspin [^`\n]+)`")
    typed = [(page, "".join(parts), True) for page, parts in found_on_pages(block)]
    typed += [(page, line, False) for page, line in found_on_pages(inline)]
    refused = []
    for page, lines, whole in some(typed):
        assert not re.fullmatch(r"(\$ .*\n)+", lines), f"{page.name}: $ would be copied: {lines}"
        lines = re.sub(r"^ssh \S+ '(.*)'$", r"\1", lines, flags=re.MULTILINE)  # typed there
        for command in re.findall(r"(?:^ *|^\$ |&& )labspin (.*?)(?= && |$)", lines, re.MULTILINE):
            words = shlex.split(command, comments=True)
            if not whole and any(word.isupper() or "|" in word for word in words):
                continue
            try:
                parser.parse_args(words)
            except SystemExit as end:
                said = capsys.readouterr().err
                if end.code and (whole or not re.search(r"are required|wanted a run file", said)):
                    refused.append(f"{page.name}: {command}: {said}")
    assert refused == []


def test_pictures_are_there_and_say_what_they_show():
    picture = re.compile(r"!\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)]+)\)")
    for page, (words, target) in some(found_on_pages(picture)):
        assert len(words.split()) >= 5, f"{page}: {target}: wanted what it shows, for who cannot see it"
        assert (page.parent / target).is_file(), f"{page}: {target}"


def test_the_readme_names_every_extra():
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = set(project["optional-dependencies"]) - {"dev", "all"}
    (told,) = re.findall(
        r"^Extras: (.+?)\n\n", (DOCS.parent / "README.md").read_text(encoding="utf-8"), re.M | re.S
    )
    assert extras
    assert sorted(extras - set(re.findall(r"`([\w-]+)`", told))) == []


def test_no_star_of_a_symbol_begins_an_emphasis():
    """T2* twice in a paragraph, and what is between is slanted and the stars are gone."""
    for page in [*DOCS.rglob("*.md"), DOCS.parent / "README.md"]:
        text = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        text = re.sub(r"\*\*.+?\*\*", "", text)
        text = re.sub(r"(?<![\w\\*])\*(?=\w)[^*]+?(?<!\s)\*(?!\*)", "", text)
        for block in some(re.split(r"\n\s*\n|\n(?=\|)", text)):  # one star alone stays a star
            assert len(re.findall(r"\w\*", block)) < 2, f"{page.name}: write T2\\*: {block}"


def type_in(page, folder, monkeypatch, capsys):
    """Type the console blocks of a page and run its Python, in their order; return what was printed."""
    monkeypatch.chdir(folder)
    text = (DOCS / page).read_text(encoding="utf-8")
    for language, block in re.findall(r"```(console|python)\n(.*?)```", text, re.DOTALL):
        if language == "python":
            exec(compile(block, page, "exec"), {})
            continue
        for line in block.splitlines():
            command, *arguments = shlex.split(line)
            if command == "cd":
                monkeypatch.chdir(arguments[0])
            else:
                assert main(arguments) == 0, line
    return capsys.readouterr().out


@pytest.mark.slow
def test_the_first_measurement_is_as_told(tmp_path, monkeypatch, capsys):
    told = type_in("tutorials/first-measurement.md", tmp_path, monkeypatch, capsys)
    assert "pi_duration" in told
    runs = {run.header.label: run for run in map(read_run, Path("data").glob("*.h5"))}
    assert sorted(run.header.procedure for run in runs.values()) == ["mdmr", "rabi", "t1", "t1"]
    values = {label: {p.name: float(p.value) for p in run.fits[0].parameters} for label, run in runs.items()}
    assert values["mdmr"]["center_1"] == pytest.approx(2.604e9, abs=2e6)
    assert values["rabi"]["pi_duration"] == pytest.approx(108e-9, abs=4e-9)
    assert values["one class alone"]["T1"] == pytest.approx(1.6e-3, rel=0.2, abs=0)
    assert values["two classes resonant"]["T1"] == pytest.approx(1.6e-3 / 3, rel=0.2, abs=0)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_distance_from_a_film_is_found_as_told(tmp_path, monkeypatch, capsys):
    """By the lines, by the relaxation, and not where nothing is resonant; half a minute."""
    told = type_in("tutorials/distance-from-a-film.md", tmp_path, monkeypatch, capsys)
    assert re.search(r"found (4[0-4]|3[5-9])\d ± \d+ nm, true (39|40)\d nm", told)
    assert "the distance is not determined" in told
    runs = [read_run(path) for path in sorted(Path("data").glob("*.h5"))]
    assert [run.header.procedure for run in runs] == ["odmr", "film_approach", "relaxometry", "relaxometry"]
    lines, approach, rates, _ = runs
    for run, fit in ((lines, lines.fits[0]), (rates, rates.fits[-1])):
        found = {p.name: p for p in fit.parameters}["distance"]
        truth = float(np.mean(run.truth_at_points["distance"]))
        assert abs(float(found.value) - truth) < 4 * float(found.stderr)
    pulls = np.ravel(lines.data["pair_shift"] / lines.data["pair_shift_errors"])
    assert pulls.sum() / np.sqrt(pulls.size) < -3, "the film moves both lines down, together beyond the noise"
    assert np.abs(np.ravel(lines.data["pair_shift"])).max() < 1e6, "by far less than a line is wide"
    assert float(approach.data["light_shift"][-1]) > 5 * float(approach.data["light_shift_errors"][-1])
    lower = [{p.name: p.value for p in fit.parameters}["lower_rate"] for fit in rates.fits[:-1]]
    assert lower


def test_own_data_are_fitted_as_told(tmp_path, monkeypatch, capsys):
    shutil.copytree(DOCS.parent / "tests" / "data", tmp_path / "tests" / "data")
    (tmp_path / "decay.csv").write_text(blocks("tutorials/fit-your-own-data.md", "text")[0], encoding="utf-8")
    told = type_in("tutorials/fit-your-own-data.md", tmp_path, monkeypatch, capsys)
    assert "0.523 ± 0.026 ms" in told
    assert "399 ± 31" in told


def test_a_folder_of_old_files_is_fitted_as_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    page, names = (DOCS / "tutorials/bring-your-old-files.md").read_text(encoding="utf-8"), {}
    for language, block in some(re.findall(r"```(console|python)\n(.*?)```", page, re.DOTALL)):
        if language == "python":
            exec(compile(block, "bring-your-old-files.md", "exec"), names)
            continue
        for line in some(block.splitlines()):
            assert main(shlex.split(line)[1:]) == 0, line
    told = capsys.readouterr().out
    assert "sigma = Fehler: its name says that it holds the errors of Differenz" in told
    assert "21G.txt\n  T1 = " in told, "the file that was cut off warns"
    assert "is not determined by the data" in told
    fields = [gauss for gauss, _, _ in names["found"]]
    assert fields == [11, 13, 15, 17, 19, 23]
    true = 620 + 1450 * np.exp(-(((np.array(fields) - 17) / 1.5) ** 2))
    pulls = [(rate - wanted) / error for (_, rate, error), wanted in zip(names["found"], true, strict=True)]
    assert np.square(pulls).sum() < 20  # of six
    peak = float(re.search(r"center_1 = ([\d.]+) ± [\d.]+ G", told)[1])
    assert peak == pytest.approx(17.0, abs=0.15)


def test_files_of_others_are_fitted_as_told(tmp_path, monkeypatch, capsys):
    from labspin.data import FORMATS

    shutil.copytree(DOCS.parent / "tests" / "data", tmp_path / "tests" / "data")
    told = type_in("how-to/fit-foreign-files.md", tmp_path, monkeypatch, capsys)
    page = (DOCS / "how-to/fit-foreign-files.md").read_text(encoding="utf-8")
    for line in some(blocks("how-to/fit-foreign-files.md", "text")[0].splitlines()):
        assert line.replace("labspin fit qudi", "labspin fit tests/data/foreign/samples/qudi") in told
    for form in FORMATS:
        assert f"| {form.name} |" in page
        assert form.package in page
    assert "2.85497 ± 0.00017 GHz" in told


def test_every_public_name_of_a_lazy_package_stands_on_its_page():
    """Their modules hold no names until asked: a page that does not list them would be empty."""
    namespace = runpy.run_path(str(DOCS / "reference" / "api.py"))
    for package in namespace["LAZY"]:
        text = namespace["place_of"](package).read_text(encoding="utf-8")
        assert text == namespace["page"](package), "run python docs/reference/api.py"
        offered = importlib.import_module(f"labspin.{package}").__all__
        assert set(re.findall(r"- (\w+)", text)) == set(offered)
    root = DOCS.parent / "labspin"
    lazy = {".".join(path.parent.relative_to(root).parts) for path in root.rglob("__init__.pyi")}
    assert lazy - {"", "gui"} == set(namespace["LAZY"])  # of labspin itself, the README tells


def test_every_decision_is_listed():
    namespace = runpy.run_path(str(DOCS / "decisions" / "contents.py"))
    assert (DOCS / "decisions" / "index.md").read_text(encoding="utf-8") == namespace["index"](), (
        "run python docs/decisions/contents.py"
    )


@pytest.mark.parametrize(
    ("page", "module"),
    [
        ("physics-nv", "labspin.physics.nv"),
        ("physics-cantilever", "labspin.physics.mrfm"),
        ("spin-waves", "labspin.physics.spinwaves"),
    ],
)
def test_the_pages_of_the_physics_name_what_there_is(page, module):
    words = re.findall(
        r"`([A-Za-z_]\w+)`", (DOCS / "explanations" / f"{page}.md").read_text(encoding="utf-8")
    )
    assert words
    assert [word for word in words if not hasattr(importlib.import_module(module), word)] == []


def test_every_fit_model_stands_on_its_page_with_equation_symbols_and_source():
    page = runpy.run_path(str(DOCS / "reference" / "models.py"))
    text = (DOCS / "reference" / "models.md").read_text(encoding="utf-8")
    assert text == page["render"](), "run python docs/reference/models.py"
    for name in MODELS:
        model = load_model(name)
        assert f"\n#### {name}\n\n```text\n{model.equation}\n```\n" in text, (
            f"{name}: name its module in SUBJECTS"
        )
        assert model.equation, name
        assert model.source, name
        assert all(one.description for one in some(model.parameters)), name


def test_every_erratum_names_a_test_that_is_there():
    text = (DOCS / "explanations" / "errata.md").read_text(encoding="utf-8")
    named = re.findall(r"`(test_\w+)`", text)
    assert len(named) > 20
    there = "".join(path.read_text(encoding="utf-8") for path in (DOCS.parent / "tests").rglob("test_*.py"))
    assert [name for name in named if f"def {name}(" not in there] == []


def test_a_station_grows_from_an_empty_file_as_told(tmp_path, monkeypatch, capsys):
    page = "how-to/new-bench.md"
    supply, others, order, interlock, card, mixed = blocks(page, "toml")
    assert main(["init", str(tmp_path / "lab")]) == 0
    monkeypatch.chdir(tmp_path / "lab")
    station = Path("instruments/new-bench.toml")
    station.write_text(supply, encoding="utf-8")
    (doctor,), (check, run, listing) = (block.splitlines() for block in blocks(page, "console"))
    assert main(shlex.split(doctor)[1:]) == 0
    whole = supply.replace("\n\n[simulation]", f"\n{order}\n[simulation]", 1) + others + interlock
    station.write_text(whole, encoding="utf-8")
    Path("procedures/first-light.toml").write_text(card, encoding="utf-8")
    for line in (doctor, check, run, listing):
        assert main(shlex.split(line)[1:]) == 0, line
    (path,) = Path("data").glob("*.h5")
    assert read_run(path).data["pl"].size == 6  # three fields, up and down
    simulation, magnet = (part.split("[instruments.magnet]") for part in (supply, mixed))
    rest = simulation[1].split("\n\n", 1)[1]  # the actuators, below the four lines that change
    half = simulation[0].split("[simulation]")[0] + f"{magnet[0]}[instruments.magnet]{magnet[1]}\n{rest}"
    Path("instruments/new-bench-mixed.toml").write_text(half + others + interlock, encoding="utf-8")
    from labspin import load_station

    assert load_station("instruments/new-bench-mixed.toml").kind == "mixed"


def run_python(page):
    """Run the Python blocks of a page one after the other; return their common names."""
    names: dict[str, object] = {}
    for block in blocks(page, "python"):
        exec(compile(block, page, "exec"), names)
    return names


def test_an_array_of_traces_is_fitted_as_told():
    (code,) = blocks("how-to/fit-many-traces.md", "python")
    space: dict[str, object] = {}
    exec(compile(code, "fit-many-traces.md", "exec"), space)
    result = space["result"]
    assert result["T1"].mean() == pytest.approx(1.6e-3, rel=0.03, abs=0)
    assert result.counts() == {"converged": 200}


def test_ten_thousand_traces_are_fitted_as_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = run_python("tutorials/ten-thousand-traces.md")
    assert (tmp_path / "t1-map.png").exists()
    assert len((tmp_path / "t1.csv").read_text(encoding="utf-8").splitlines()) == 10_001
    ends = names["result"].counts()
    assert ends.pop("converged") == 9998
    assert sorted(ends.values()) == [1, 1], "the dead pixel, and the one that was broken off"
    assert not np.isfinite(names["result"].error("T1")[[40, 70], [40, 20]]).any()
    assert abs(names["pull"].mean()) < 0.1
    assert names["pull"].std() == pytest.approx(1.0, abs=0.05)


@pytest.mark.slow
def test_field_and_orientation_are_found_as_told(tmp_path, monkeypatch, capsys):
    from labspin.physics.nv import LABORATORY_BENCH

    page = "tutorials/orientation.md"
    assert main(["init", str(tmp_path / "lab")]) == 0
    monkeypatch.chdir(tmp_path / "lab")
    Path("procedures/lines.toml").write_text(blocks(page, "toml")[0], encoding="utf-8")
    assert main(shlex.split(blocks(page, "console")[1])[1:]) == 0
    names = run_python(page)
    assert "1 orientation(s)" in capsys.readouterr().out
    truth = LABORATORY_BENCH.orientation
    off = min((one * truth.inv()).magnitude() for one in names["best"].equivalents)
    assert off < 0.02  # rad; known to 0.015
    assert abs(names["found"] - 1) < 3 * names["error"] < 0.1


@pytest.mark.slow
def test_a_night_of_temperatures_is_as_told(tmp_path, monkeypatch, capsys):
    told = type_in("tutorials/temperatures.md", tmp_path, monkeypatch, capsys)
    assert "spins per nm²" in told
    (path,) = Path("data").glob("*.h5")
    found = {p.name: p for fit in read_run(path).fits for p in fit.parameters}
    for name, truth in (("density", 0.14e18), ("T1", 50e-6), ("T1_exponent", -1.0)):
        assert abs(float(found[name].value) - truth) < 4 * float(found[name].stderr)
