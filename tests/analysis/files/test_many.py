"""Many files: all of them, once, side by side, whatever becomes of a file, a process or a machine."""

import concurrent.futures
import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from labspin.analysis import TableWriter, fit_many, fit_run
from labspin.analysis.files import jobs
from labspin.analysis.files.jobs import fit_file
from labspin.analysis.files.many import run_jobs
from labspin.analysis.files.results import FileResult, FitJob, fingerprint
from labspin.cli import main
from labspin.cli.fit_runs import run_files
from labspin.data import RunWriter, list_foreign, open_parts, read_run
from labspin.data.nexus.publish import publish
from labspin.errors import FitError, RecipeError
from tests.analysis.samples import DELAYS, RECIPE, decay_run
from tests.places import PATIENCE, environment
from tests.some import some


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return [decay_run(folder / f"run{k}.h5", 1e-3 * (1 + k), seed=k, label=f"number {k}") for k in range(6)]


@pytest.fixture
def files(originals, tmp_path):
    return [type(path)(shutil.copy(path, tmp_path)) for path in originals]


def by_path(results):
    return {result.path: result for result in results}


def T1_of(result):
    return float(result.record.parameter("T1").value)


def test_every_file_is_fitted_as_alone(files):
    results = by_path(fit_many(files, RECIPE, workers=2))
    assert set(results) == set(files)
    for path in files:
        (alone,) = fit_run(path, RECIPE)
        assert T1_of(results[path]) == pytest.approx(alone["T1"].value, rel=1e-9, abs=0)
        assert results[path].record.curve is None
        (stored,) = read_run(path).fits
        assert float(stored.parameter("T1").value) == pytest.approx(alone["T1"].value, rel=1e-9, abs=0)
        rows = {row["parameter"]: row for row in results[path].rows()}
        assert rows["T1"]["stderr"] == pytest.approx(alone["T1"].stderr, rel=1e-6, abs=0)
        kinds = {name: row["kind"] for name, row in rows.items()}
        assert kinds == {
            "amplitude": "fitted", "T1": "fitted", "baseline": "fitted", "beta": "fixed", "rate": "derived"
        }  # fmt: skip


def test_a_trace_that_could_not_be_fitted_has_rows_without_values(tmp_path):
    path = tmp_path / "half.h5"
    decay_run(path, np.array([1e-3, 2e-3]), fields=np.array([0.0, 1e-3]), points=DELAYS.size + 1)
    (result,) = fit_many([path], RECIPE, workers=1)
    whole, broken_off = (
        {row["parameter"]: row for row in result.rows() if row["trace"] == n} for n in (0, 1)
    )
    assert set(broken_off) == set(whole) == {"amplitude", "T1", "baseline", "beta", "rate"}
    assert not any(row["converged"] for row in broken_off.values())
    values = {name: row["value"] for name, row in broken_off.items() if row["kind"] != "fixed"}
    assert np.isnan(list(values.values())).all(), values


@pytest.mark.parametrize("workers", [1, 2])
def test_a_bad_file_stops_no_other(files, tmp_path, workers):
    damaged = tmp_path / "damaged.h5"
    damaged.write_bytes(files[0].read_bytes()[:9000])
    short = decay_run(tmp_path / "short.h5", points=1)
    bad = [tmp_path / "missing.h5", damaged, short]
    results = by_path(fit_many([*bad, *files], RECIPE, workers=workers))
    assert {path for path, result in results.items() if result.status == "failed"} == set(bad)
    assert all(path.name in results[path].error for path in some(bad[:2]))
    assert all(results[path].status == "fitted" for path in some(files))


def test_an_error_that_nobody_foresaw_is_the_files_own(files, monkeypatch):
    def broken(*arguments, **options):
        raise ValueError("ha")

    monkeypatch.setattr(jobs, "fit_in_parts", broken)
    error = fit_file(FitJob(path=files[0], recipe=RECIPE)).error
    assert "ValueError: ha" in error
    assert "corrupted" not in error


def test_what_is_unchanged_is_not_repeated(files):
    def statuses(recipe=RECIPE, **options):
        return [result.status for result in fit_many(files[:2], recipe, workers=1, **options)]

    assert statuses() == ["fitted"] * 2
    written = [path.stat().st_mtime_ns for path in files[:2]]
    again = list(fit_many(files[:2], RECIPE, workers=1))
    assert [result.status for result in again] == ["unchanged"] * 2
    assert [path.stat().st_mtime_ns for path in files[:2]] == written
    assert again[0].labels == ("number 0",)
    fresh = list(fit_many(files[:2], RECIPE, workers=1, force=True, write=False))
    assert [result.status for result in fresh] == ["fitted"] * 2
    assert fresh[0].rows() == again[0].rows()
    assert statuses(replace(RECIPE, version="2")) == ["refitted"] * 2
    assert statuses(replace(RECIPE, version="2", result_name="other")) == ["fitted"] * 2
    # A fit beside it and another name of the file change nothing.
    moved = files[0].rename(files[0].with_name("moved.h5"))
    assert [r.status for r in fit_many([moved], replace(RECIPE, version="2"))] == ["unchanged"]


def digest(path):
    with open_parts(path) as file:
        return file.digest


def test_the_fingerprint_sees_all_that_counts(tmp_path):
    path = decay_run(tmp_path / "run.h5")
    run = read_run(path)
    before = digest(path)
    assert digest(shutil.copy(path, tmp_path / "copy.h5")) == before
    fit_run(path, RECIPE, write=True)
    assert digest(path) == before
    changed = run.columns["difference"].copy()
    changed[3] += 1e-12
    columns = {**run.columns, "difference": changed}
    assert digest(publish(replace(run, path=tmp_path / "changed.h5", columns=columns))) != before
    header = replace(run.header, label="another")
    assert digest(publish(replace(run, path=tmp_path / "label.h5", header=header))) != before
    own = replace(RECIPE, model="own.py:f", folder=tmp_path)
    marks = {fingerprint(before, RECIPE), fingerprint(before, replace(RECIPE, start={"T1": 1e-3}))}
    for text in ("def f(x, a): return a * x", "def f(x, a): return a + x"):
        (tmp_path / "own.py").write_text(text)
        marks.add(fingerprint(before, own))
    assert len(marks) == 4


def test_files_are_asked_for_as_workers_become_free(files):
    asked = []

    def lazily():
        for k in range(200):
            asked.append(k)
            yield files[k % len(files)].with_name(f"missing{k}.h5")

    results = fit_many(lazily(), RECIPE, workers=2)
    next(results)
    assert len(asked) < 30
    assert len(list(results)) == 199


def deadly(job):
    """Stands in for a fit that brings its process down."""
    if job.path.name.startswith("deadly"):
        os.kill(os.getpid(), signal.SIGKILL)
    return FileResult(path=job.path, status="fitted")


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_process_that_dies_takes_only_its_own_job_along(tmp_path):
    work = [FitJob(path=tmp_path / f"{'deadly' if k in (3, 11) else 'tame'}{k}.h5") for k in range(30)]
    results = by_path(run_jobs(work, 2, deadly))
    assert set(results) == {job.path for job in work}
    failed = [result for result in results.values() if result.status == "failed"]
    assert {result.path.name for result in failed} == {"deadly3.h5", "deadly11.h5"}
    assert all("was killed" in result.error for result in failed)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"workers": 0}, FitError, "wanted at least 1, got 0"),
        ({"recipe": "no such recipe"}, RecipeError, "no such recipe"),
        ({"dask": "tcp://127.0.0.1:1", "recipe": None}, FitError, "name one"),
    ],
)
def test_what_makes_no_sense_is_said_before_the_first_fit(files, options, error, match):
    with pytest.raises(error, match=match):
        fit_many(files, **({"recipe": RECIPE} | options))


SCRIPT = """
from labspin.analysis import fit_many
from tests.analysis.samples import RECIPE
print(sorted(result.status for result in fit_many({files!r}, RECIPE, workers=2)))
"""


def test_a_script_needs_no_guard(files, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(files=list(map(str, files))))
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False, env=environment()
    )
    assert done.stdout.strip() == str(["fitted"] * len(files)), done.stderr
    assert not done.stderr


# ------------------------------------------------------------------------------------------------ tables


def result_of(path, traces=1):
    (result,) = fit_many([path], RECIPE, workers=1, write=False)
    return result


@pytest.mark.parametrize("suffix", [".csv", ".h5", ".parquet"])
def test_the_table_has_every_result_in_the_order_of_the_files(files, tmp_path, suffix):
    path = tmp_path / f"table{suffix}"
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    results = [result_of(file) for file in files[:3]]
    with TableWriter(path) as table:
        for place in (2, 0, 1):
            table.add(place, results[place].rows())
    expected = [row for result in results for row in result.rows()]
    if suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            found = [{**row, "value": float(row["value"])} for row in csv.DictReader(file)]
    elif suffix == ".h5":
        with h5py.File(path) as file:
            columns = {name: file[name][()] for name in file}
        assert columns["points"].dtype == np.int64
        found = [
            {name: v.decode() if isinstance(v, bytes) else v for name, v in zip(columns, row, strict=True)}
            for row in zip(*columns.values(), strict=True)
        ]
        assert "/value" in {entry.name for entry in list_foreign(path)}
    else:
        import pyarrow.parquet

        found = pyarrow.parquet.read_table(path).to_pylist()
    for name in ("source", "label", "parameter", "value", "unit", "kind"):
        assert [row[name] for row in found] == [row[name] for row in expected]


def test_a_table_that_broke_off_is_not_there(tmp_path):
    with pytest.raises(RuntimeError, match="broken off"), TableWriter(tmp_path / "table.csv"):
        raise RuntimeError("broken off")
    assert not list(tmp_path.iterdir())


def test_a_table_that_cannot_be_written_is_refused_at_once(tmp_path, monkeypatch):
    with pytest.raises(FitError, match=r"\.csv, \.parquet, \.h5"):
        TableWriter(tmp_path / "table.xls")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(FitError, match="Parquet needs pyarrow"):
        TableWriter(tmp_path / "table.parquet")


# ------------------------------------------------------------------------------------------ command line


def test_the_command_fits_many_and_names_the_bad(files, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "decay.toml").write_text(
        '[data]\nx = "dark_time"\ny = "difference"\nsigma = "difference_errors"\n'
        '[model]\nname = "stretched_exponential"\n'
    )
    bad = tmp_path / "bad.h5"
    bad.write_text("no run")
    arguments = ["fit", *map(str, files), str(bad), "--with", "decay.toml", "--workers", "2"]
    assert main([*arguments, "--table", "all.csv"]) == 3
    out = capsys.readouterr().out
    assert f"not fitted: {bad}" in out
    assert "1 failed, 6 fitted" in out
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 1 + 6 * 4
    assert main(arguments) == 3
    assert "1 failed, 6 unchanged" in capsys.readouterr().out
    assert main([*arguments, "--force"]) == 3
    assert "6 fitted" in capsys.readouterr().out


DECAY = (
    '[data]\nx = "dark_time"\ny = "difference"\nsigma = "difference_errors"\n'
    '[model]\nname = "stretched_exponential"\n'
)


def test_a_mixture_of_good_and_bad_files_gives_one_summary(files, tmp_path, capsys, monkeypatch):
    """Good, aborted, running, empty, foreign, damaged, missing: each bad one is named, the others fitted."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "decay.toml").write_text(DECAY)
    (tmp_path / "empty.h5").touch()
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["x"] = np.arange(3.0)
    (tmp_path / "damaged.h5").write_bytes(files[0].read_bytes()[:9000])
    flipped = bytearray(files[1].read_bytes())
    flipped[len(flipped) // 2] ^= 0xFF
    (tmp_path / "flipped.h5").write_bytes(flipped)
    aborted = decay_run(tmp_path / "aborted.h5", points=14)
    with RunWriter.create(tmp_path / "running.h5", read_run(aborted).header, sync_interval=1e9):
        words = [
            "fit",
            "*.h5",
            "missing.h5",
            "running.h5",
            "--with",
            "decay.toml",
            "--quiet",
            "--workers",
            "1",
        ]
        assert main(words) == 3
    out = capsys.readouterr().out.replace("\n", " ")
    assert "4 failed, 7 fitted" in out
    for name, reason in {
        "damaged.h5": "corrupted", "empty.h5": "empty", "flipped.h5": "do not match the checksum",
        "missing.h5": "no such file",
    }.items():  # fmt: skip
        assert out.count(f"not fitted: {name}: ") == 1
        assert reason in out[out.index(f"not fitted: {name}") :]
    assert "skipped (no run of labspin): foreign.h5" in out
    assert out.count("running.h5") == 1
    assert "skipped (its run has not ended" in out[: out.index("running.h5")]
    assert read_run(aborted).fits


def test_names_folders_and_patterns_mean_files(files, tmp_path):
    assert run_files([str(tmp_path)]) == sorted(files)
    assert run_files([str(tmp_path / "*[12].h5"), str(files[1]), "missing.h5"]) == [
        files[1], files[2], Path("missing.h5"),
    ]  # fmt: skip
    (tmp_path / "deep" / "er").mkdir(parents=True)
    deep = files[3].rename(tmp_path / "deep" / "er" / "x.h5")
    assert run_files([str(tmp_path / "**" / "x.h5")]) == [deep]
    assert run_files([str(tmp_path / "deep")]) == [deep]
    odd = tmp_path / "a[1].h5"
    shutil.copy(files[0], odd)
    assert run_files([str(odd)]) == [odd]
    with pytest.raises(FitError, match="found none"):
        run_files([str(tmp_path / "*.hdf")])


def test_a_changed_recipe_is_said_once(files, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = tmp_path / "decay.toml"
    recipe.write_text(DECAY)
    words = ["fit", str(tmp_path), "--with", "decay.toml", "--workers", "1"]
    assert main(words) == 0
    assert "6 fitted" in capsys.readouterr().out
    recipe.write_text(DECAY + "fixed = { beta = 0.8 }\n")
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "6 refitted" in out
    assert out.count("had a fit of another recipe") == 1
    assert len(read_run(files[0]).fits) == 1
    assert main(words) == 0
    assert "6 unchanged" in capsys.readouterr().out
    assert main([*words, "--refit"]) == 0
    assert "6 fitted" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
@pytest.mark.parametrize("workers", [pytest.param("1", marks=pytest.mark.slow), "2"])
def test_after_ctrl_c_every_file_is_whole_and_the_next_call_goes_on(
    originals, tmp_path, workers, monkeypatch, capsys
):
    (tmp_path / "decay.toml").write_text(DECAY)
    files = [Path(shutil.copy(originals[k % 6], tmp_path / f"{k:03}.h5")) for k in range(50)]
    words = [
        sys.executable,
        "-m",
        "labspin.cli",
        "fit",
        str(tmp_path),
        "--with",
        "decay.toml",
        "--workers",
        workers,
    ]
    process = subprocess.Popen(
        [*words, "--quiet", "--table", "all.csv"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=tmp_path, env=environment(), start_new_session=True,
    )  # fmt: skip
    sealed = [file.stat().st_size for file in files]
    deadline = time.monotonic() + PATIENCE
    while sum(a.stat().st_size != b for a, b in zip(files, sealed, strict=True)) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert re.search(r"interrupted: \d+ of 50 files are done", error), error
    assert error.count("\n") == 1, error
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [f.name for f in files] + ["decay.toml"]
    )
    done = [path for path in files if read_run(path).fits]
    assert 3 <= len(done) < len(files)
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    assert main(["fit", str(tmp_path), "--with", "decay.toml", "--workers", "1", "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)["counts"]
    assert counts == {"unchanged": len(done), "fitted": len(files) - len(done)}


# -------------------------------------------------------------------------------------------------- Dask


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=50
    ) as made:
        yield made


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_cluster_gives_what_one_machine_gives(cluster, files, tmp_path):
    missing = tmp_path / "missing.h5"
    results = by_path(fit_many([*files, missing], RECIPE, dask=cluster.scheduler_address))
    assert results.pop(missing).status == "failed"
    here = by_path(fit_many(files, RECIPE, workers=1, force=True, write=False))
    assert {path: T1_of(result) for path, result in results.items()} == pytest.approx(
        {path: T1_of(result) for path, result in here.items()}, rel=1e-9, abs=0
    )


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_worker_killed_midway_costs_no_result(cluster, originals, tmp_path):
    files = [
        type(path)(shutil.copy(path, tmp_path / f"{k}{path.name}")) for k in range(8) for path in originals
    ]
    results = fit_many(files, RECIPE, dask=cluster.scheduler_address, write=False)
    found = [next(results)]
    victim = next(iter(cluster.workers.values()))
    os.kill(victim.pid, signal.SIGKILL)
    found += list(results)
    assert sorted(result.path for result in found) == sorted(files)
    assert {result.status for result in found} == {"fitted"}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_cluster_without_workers_is_waited_for_in_words(files, caplog):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=0, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=50
    ) as empty:
        results = fit_many(files[:2], RECIPE, dask=empty.scheduler_address, write=False)
        with concurrent.futures.ThreadPoolExecutor(1) as other:
            found = other.submit(list, results)
            end = time.monotonic() + PATIENCE
            while "no worker is there, waiting" not in caplog.text and time.monotonic() < end:
                time.sleep(0.05)
            assert f"start it with: dask worker {empty.scheduler_address}" in caplog.text
            assert not found.done()
            empty.scale(1)
            assert {one.status for one in found.result(PATIENCE)} == {"fitted"}


def test_a_scheduler_that_does_not_answer_is_named(files):
    pytest.importorskip("distributed")
    from labspin.analysis.files.cluster import fit_on_cluster

    start = time.monotonic()
    with pytest.raises(FitError, match=r"tcp://127\.0\.0\.1:9.*no scheduler"):
        fit_on_cluster([FitJob(path=files[0])], "tcp://127.0.0.1:9", timeout=1.0)
    assert time.monotonic() - start < PATIENCE


def test_without_dask_it_is_said_what_to_install(files, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(FitError, match=r"labspin\[distributed\]"):
        fit_many(files, RECIPE, dask="tcp://127.0.0.1:8786")
