"""What a run file says of its parameters is data: anything may stand there."""

import numpy as np
import pytest

from labspin.data import Column, Dimension, Layout, RunHeader, RunWriter, read_run
from labspin.errors import CardError, LabspinError
from labspin.procedures import T1
from labspin.session.describe import describe
from labspin.session.recorded import recorded_parameters, recorded_procedure, recorded_values

TEXTS = {
    "escape": "a\x1b[2Jb", "nul": "a\0b", "right to left": "a\u202eb", "line": "a\nb", "C1": "a\x9bb",
    "long": "n" * 70_000, "formula": "=1+1", "empty": "", "emoji": "\N{MAGNET}" * 400,
}  # fmt: skip


def written(path, parameters, procedure="t1"):
    layout = Layout(
        dimensions=(Dimension(name="x", unit="s", values=np.array([1.0, 2.0])),),
        columns=(Column(name="y", unit="V"), Column(name="Y", unit="V")),  # that differ by case only
    )
    with RunWriter.create(path, RunHeader(procedure=procedure, layout=layout, parameters=parameters)) as run:
        for index in range(2):
            run.append(index, 0.5 * index, [1.5 + index, 2.5 + index])
        run.finish("finished")
    return path


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_parameters_of_any_name_and_kind_are_shown_and_not_called(tmp_path, text):
    for parameters in ({text: 1.0}, {"a": text}, {"a": {"value": text}}, {"a": [text], "A": None}):
        path = tmp_path / "run.h5"
        run = read_run(written(path, parameters))
        kept = {name.replace("\0", "\ufffd") for name in parameters}  # no text of a file holds a NUL
        assert set(recorded_values(run.header)) == kept
        assert [*run.data] == ["y", "Y"]
        assert run.data["Y"].tolist() == [2.5, 3.5]
        (shown,) = describe(str(path))
        assert shown.title == f"run {path}"
        for take, thing in ((recorded_procedure, run.header), (recorded_parameters, path)):
            with pytest.raises(LabspinError) as caught:
                take(thing)
            assert len(str(caught.value)) < 5000
        path.unlink()


def test_a_run_is_repeated_on_the_station_that_is_there_and_not_on_that_of_the_run(tmp_path):
    parameters = {"averages": 7, "station": "another.toml"}
    kind, values, label = recorded_parameters(written(tmp_path / "run.h5", parameters))
    assert (kind, values, label) == (T1, {"averages": 7}, "t1")


def test_a_parameter_without_a_unit_is_a_number(tmp_path):
    run = read_run(written(tmp_path / "run.h5", {"a": 1.5, "b": {"value": 2.0, "unit": "s"}}))
    assert recorded_values(run.header) == {"a": (1.5, "1"), "b": (2.0, "s")}


def test_an_error_that_quotes_a_long_text_still_says_what_to_do():
    whole = f"card x: wanted a name, got {'n' * 10**6!r}; write a shorter one"
    error = CardError(whole)
    assert len(str(error)) < 4100
    assert str(error).startswith("card x: wanted a name, got 'nnn")
    assert str(error).endswith("nnn'; write a shorter one")
    assert f" [{len(whole) - 3800} characters] " in str(error)
    assert str(CardError("short")) == "short"
