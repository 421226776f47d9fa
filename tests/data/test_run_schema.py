import numpy as np
import pytest

from labspin.data import Column, Dimension, Layout, RunHeader
from labspin.data.plain import from_json, pack, to_json, unpack
from labspin.errors import ArgumentError
from tests.data.samples import grid_header, list_header

QUANTITY = Column(name="a")


@pytest.mark.parametrize(
    "header", [grid_header(), list_header(), list_header(4)], ids=["grid", "open", "list"]
)
@pytest.mark.parametrize("there_and_back", [lambda x: unpack(pack(x)), lambda x: from_json(to_json(x))])
def test_a_header_comes_back_equal(header, there_and_back):
    back = RunHeader.from_dict(there_and_back(header.to_dict()))
    assert back.layout == header.layout
    assert to_json(back.to_dict()) == to_json(header.to_dict())


def test_the_first_numeric_quantity_is_the_signal():
    assert grid_header().signal == "contrast"
    assert grid_header(signal="trace").signal == "trace"
    text_only = RunHeader(procedure="p", layout=Layout(columns=(Column(name="t", dtype="str"),)))
    assert text_only.signal == ""


def test_what_a_newer_writer_adds_is_passed_over():
    content = grid_header().to_dict() | {"invented_later": 3}
    assert RunHeader.from_dict(content).procedure == "t1"


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Dimension(name="a b", unit="T", values=[1.0]), "'a b'"),
        (lambda: Dimension(name="point", unit="T", values=[1.0]), "kept for"),
        (lambda: Dimension(name="f", unit="T", values=[]), "at least one value"),
        (lambda: Dimension(name="f", unit="T", values=[1.0, np.nan]), "finite"),
        (lambda: Dimension(name="f", unit="T", values="abc"), "wanted numbers"),
        (lambda: Dimension(name="f", unit="seconds", values=[1.0]), "symbol"),
        (lambda: Dimension(name="f", unit=3, values=[1.0]), "wanted a unit"),
        (lambda: Column(name="a", dtype="float32"), "float32"),
        (lambda: Column(name="a", role="other"), "other"),
        (lambda: Column(name="a", shape=(0,)), "positive lengths"),
        (lambda: Column(name="a", shape=(2,), dtype="str"), "one per point"),
        (
            lambda: Column(name="a", shape=(2,), axes=(Dimension(name="x", unit="s", values=[1.0]),)),
            "its axes",
        ),
        (lambda: Layout(columns=()), "at least one quantity"),
        (lambda: Layout(columns=(Column(name="a", role="coordinate"),)), "at least one quantity"),
        (lambda: Layout(columns=(QUANTITY, QUANTITY)), "occurs twice"),
        (lambda: Layout(columns=(QUANTITY,), size=-1), "size"),
        (lambda: Layout(columns=(QUANTITY,), size=1 << 40), "too many"),
        (lambda: RunHeader(procedure="p", layout=None), "wanted a Layout"),
        (lambda: grid_header(signal="nothing"), "no column 'nothing'"),
        (lambda: grid_header(signal="remark"), "not a numeric"),
        (lambda: grid_header(seed=-1), "seed"),
        (lambda: grid_header(parameters=[1]), "parameters"),
        (lambda: RunHeader.from_dict({"procedure": "p", "layout": {"columns": 3}}), "columns"),
        (lambda: RunHeader.from_dict({"layout": {"columns": [QUANTITY.to_dict()]}}), "procedure"),
    ],
)
def test_contradictions_are_refused(make, match):
    with pytest.raises(ArgumentError, match=match):
        make()


def test_one_axis_cannot_mean_two_things():
    first = Dimension(name="lag", unit="s", values=[0.0, 1.0])
    other = Dimension(name="lag", unit="s", values=[0.0, 2.0])
    shared = Layout(columns=(Column(name="a", axes=(first,)), Column(name="b", axes=(first,))))
    assert shared.columns[0].shape == (2,)
    with pytest.raises(ArgumentError, match="two things"):
        Layout(columns=(Column(name="a", axes=(first,)), Column(name="b", axes=(other,))))


@pytest.mark.parametrize("other", [{"name": "g"}, {"unit": "G"}, {"values": [1.0, 2.5]}, {"values": [1.0]}])
def test_an_axis_of_another_name_unit_or_place_is_another(other):
    axis = {"name": "f", "unit": "T", "values": [1.0, 2.0]}
    assert Dimension(**axis) == Dimension(**axis)
    assert Dimension(**axis) != Dimension(**{**axis, **other})
