"""Who, what, why: recorded with a run, added to afterwards, read by everybody."""

import dataclasses

import h5py
import pytest

import labspin
from labspin.data import RunMetadata, RunWriter, annotate, list_runs, open_run_metadata, read_run
from labspin.data.plain import to_json
from labspin.errors import ArgumentError, RunFileError
from tests.data.samples import list_header

SAID = RunMetadata(operator="M. Curie", sample="D7", project="torque", description="why", tags=("cold",))


@pytest.fixture
def run_file(tmp_path):
    path = tmp_path / "run.h5"
    header = dataclasses.replace(list_header(), metadata=SAID)
    with RunWriter.create(path, header) as writer:
        writer.finish("finished")
    return path


def test_what_was_said_is_recorded_where_nexus_has_a_place_for_it(run_file):
    assert read_run(run_file).metadata == SAID
    with h5py.File(run_file) as file:
        entry = file["entry"]
        assert entry["user/name"][()] == b"M. Curie"
        assert entry["user"].attrs["NX_class"] == "NXuser"
        assert entry["sample/name"][()] == b"D7"
        assert entry["experiment_description"][()] == b"why"
        assert entry["experiment_identifier"][()] == b"torque"
    assert labspin.open(run_file).attrs["operator"] == "M. Curie"


def test_what_is_corrected_is_corrected_where_other_programs_look_for_it(run_file):
    annotate(
        run_file, sample="D8", sample_description="15 µm", operator="", project="spin", description="because"
    )
    with h5py.File(run_file) as file:
        entry = file["entry"]
        words = {name: text[()].decode() for name, text in entry["sample"].items()}
        assert (words, entry["sample"].attrs["NX_class"]) == (
            {"name": "D8", "description": "15 µm"},
            "NXsample",
        )
        assert "user" not in entry
        assert entry["experiment_identifier"][()] == b"spin"
        assert entry["experiment_description"][()] == b"because"
    assert read_run(run_file).header.metadata == SAID  # as it was recorded


def test_a_running_run_says_it_too(tmp_path):
    path = tmp_path / "run.h5"
    with RunWriter.create(path, dataclasses.replace(list_header(), metadata=SAID)):
        (summary,) = list_runs(tmp_path)
        assert (summary.sample, summary.operator, summary.tags) == ("D7", "M. Curie", ("cold",))
        assert read_run(path).metadata == SAID


def test_words_are_added_without_touching_the_rest(run_file):
    before = read_run(run_file)
    found = annotate(run_file, comment="laser drifted", tags=("cold", "doubtful"), rating=2)
    assert found == dataclasses.replace(SAID, comment="laser drifted", tags=("cold", "doubtful"), rating=2)
    after = read_run(run_file)
    assert to_json(after.header.to_dict()) == to_json(before.header.to_dict())
    assert after.metadata == open_run_metadata(run_file) == found
    (summary,) = list_runs(run_file.parent)
    assert (summary.comment, summary.tags, summary.rating) == ("laser drifted", ("cold", "doubtful"), 2)
    assert annotate(run_file, rating=None).comment == "laser drifted"
    assert list_runs(run_file.parent)[0].rating is None


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"rating": 6}, "rating of the run: wanted a whole number from 0 to 5, got 6"),
        ({"tags": ("two words",)}, "wanted words of at most 100 characters, got 'two words'"),
        ({"tags": "cold"}, "wanted a list of at most 100 words"),
        ({"comment": "x" * 10_001}, "wanted text of at most 10000 characters"),
        ({"coment": "x"}, "wanted one of .*, got 'coment'"),
    ],
)
def test_what_cannot_be_said_is_refused_before_the_file_is_touched(run_file, changes, text):
    stood = run_file.read_bytes()
    with pytest.raises(ArgumentError, match=text):
        annotate(run_file, **changes)
    assert run_file.read_bytes() == stood


def test_a_run_that_goes_on_is_not_annotated(tmp_path):
    path = tmp_path / "run.h5"
    with RunWriter.create(path, list_header()), pytest.raises(RunFileError, match="has not ended"):
        annotate(path, comment="x")


def test_a_file_of_before_says_nothing(tmp_path):
    assert RunMetadata.from_dict({}) == RunMetadata()
    assert not RunMetadata()
    content = list_header().to_dict()
    del content["metadata"]
    assert type(list_header()).from_dict(content).metadata == RunMetadata()
