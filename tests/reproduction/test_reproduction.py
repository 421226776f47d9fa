"""The figures of the papers: what their texts say that they show, and that all of them can be made."""

from __future__ import annotations

import csv
import json
import runpy
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from labspin.cli import main
from labspin.errors import ArgumentError
from labspin.reproduction import FIGURES, Sheet, measurements, quoted_values, reproduce
from labspin.reproduction.published_inputs import diamond_inputs, film_inputs, resonator_inputs
from tests.some import some

DOCS = Path(__file__).resolve().parents[2] / "docs"
QUICK = [name for name, script in FIGURES.items() if script.seconds <= 1.0]


def column(sheet: Sheet, start: str) -> np.ndarray:
    (name,) = [name for name in sheet.columns if name.startswith(start)]
    return np.asarray(sheet.columns[name])


@pytest.mark.parametrize("name", QUICK)
def test_a_figure_is_written_as_picture_and_columns(name, tmp_path, monkeypatch):
    drawn, save = [], Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda figure, *path, **how: drawn.append(figure) or save(figure, *path, **how)
    )
    ((script, picture),) = reproduce(tmp_path / "made", [name])
    assert script.name == name
    assert picture.read_bytes().startswith(b"\x89PNG")
    with picture.with_suffix(".csv").open(encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    assert len(head) == len(set(head)) > 1
    assert all("[" in title or "T1 =" in title for title in head)
    values = np.array(rows, dtype=float)
    assert values.shape[0] > 100
    assert np.isfinite(values).all()
    labels = [label for axes in drawn[0].axes for label in axes.get_legend_handles_labels()[1]]
    assert [label for label in labels if label.endswith("]")] == [], "the unit stands at the axis"
    shown = json.loads((DOCS / "images" / "figures" / "columns.json").read_text(encoding="utf-8"))[name]
    of_file = runpy.run_path(str(DOCS / "reference" / "figures.py"))["columns"](picture.with_suffix(".csv"))
    assert of_file == {key: pytest.approx(pair, rel=1e-3, abs=0) for key, pair in shown.items()}, (
        "the picture of the page is old: see docs/reference/figures.py"
    )


def test_traces_of_a_class_fall_to_one_over_e_at_its_t1():
    sheet = FIGURES["nv-2c"].compute()
    time = column(sheet, "dark time") * 1e-3
    for label, t1 in (("i: ", 1.61e-3), ("ii: ", 490e-6), ("iii: ", 220e-6)):
        curve = column(sheet, label)
        assert np.interp(t1, time, curve) == pytest.approx(np.exp(-1), rel=2e-2, abs=0)
        assert curve[0] == 1.0


def test_torque_is_larger_by_cross_relaxation_where_two_classes_are_alike():
    bare, coupled = (FIGURES[name].compute() for name in ("nv-3a", "nv-3b"))
    assert column(bare, "torque").max() == pytest.approx(3.1e-28, rel=0.05, abs=0)  # supplement: 3e-28
    assert 1e-27 < column(coupled, "torque").max() < 3e-27  # the text: 2e-27
    theta, phi = np.radians(column(coupled, "theta")), np.radians(column(coupled, "phi"))
    ridge = column(coupled, "torque") > 0.7 * column(coupled, "torque").max()
    # Two of the axes make equal angles with B where two of its components are equal or opposite, or one is 0.
    b = np.abs([np.cos(theta), np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi)])[:, ridge]
    nearest = np.min([abs(b[0] - b[1]), abs(b[1] - b[2]), abs(b[0] - b[2]), *b], axis=0)
    assert nearest.max() < 0.03


def test_light_dips_and_torque_peaks_where_two_lines_merge_only_with_cross_relaxation():
    light, torque = FIGURES["nv-4b"].compute(), FIGURES["nv-4c"].compute()
    for levels in ("3 levels", "7 levels"):
        dip, peak = column(light, f"{levels}, with CR"), column(torque, f"{levels}, with CR")
        at = column(light, "B_em")
        assert at[np.argmin(dip)] == pytest.approx(17.2, abs=0.1)
        assert at[np.argmax(peak)] == pytest.approx(17.2, abs=0.1)
        flat = column(light, f"{levels}, without CR")
        assert np.ptp(flat) < 0.1 * np.ptp(dip)


def test_one_spin_has_no_kappa2_below_the_magnet_and_a_sum_of_two_humps():
    sheet = FIGURES["mr-3.2"].compute()
    x = column(sheet, "x")
    middle = int(np.argmin(np.abs(x)))
    assert abs(column(sheet, "kappa2")[middle]) < 1e-6 * column(sheet, "kappa1").max()
    total = column(sheet, "sum")
    rises = np.diff(np.sign(np.diff(total)))
    assert (rises < 0).sum() == 2


def test_dissipation_is_largest_for_t1_of_one_over_omega():
    sheet = FIGURES["mr-3.3"].compute()
    kelvin = column(sheet, "temperature")
    best = column(sheet, "added 1/Q, omega0 T1 = 1 ")
    assert best.max() == pytest.approx(1.581e-3, rel=1e-3, abs=0)
    assert kelvin[np.argmax(best)] == pytest.approx(0.059, rel=0.03, abs=0)
    short, long = (column(sheet, f"added 1/Q, omega0 T1 = {phase} ") for phase in ("0.1", "10"))
    np.testing.assert_allclose(short, long, rtol=1e-9, atol=0)
    assert (best > short).all()


def test_a_layer_shifts_waves_by_at_most_a_quarter_of_what_it_widens_them():
    sheet = FIGURES["sw-2cd"].compute()
    for field in (5, 10, 15, 20):
        for place in ("from the surface", "from the mid-plane"):
            shift, width = (
                column(sheet, f"{kind} at {field} mT, {place}") for kind in ("shift", "linewidth")
            )
            assert np.abs(shift).max() / width.max() == pytest.approx(0.25, rel=0.1, abs=0)  # text: 1/4
            assert shift.min() < 0 < shift.max()


def test_waves_run_backward_and_farther_near_resonance_under_a_layer():
    sheet = FIGURES["sw-3ce"].compute()
    widths = []
    for density in ("1e+03", "1e+04", "1e+05"):
        velocity = column(sheet, f"velocity, {density} per µm³, from the surface")
        widths.append((velocity < 0).sum())
        length = np.abs(column(sheet, f"length, {density} per µm³, from the mid-plane"))
        bare = column(sheet, "length, 0e+00 per µm³, from the mid-plane")
        assert 1.4 < (length / bare).max() < 1.7  # the text: about 50 %
    assert 0 < widths[0] < widths[1] < widths[2]


def test_the_linewidth_map_is_bright_where_waves_are_resonant_and_dark_where_they_cannot_couple():
    sheet = FIGURES["sw-2b"].compute()
    ky, kz = column(sheet, "k_y"), column(sheet, "k_z")
    for place in ("from the surface", "from the mid-plane"):
        width = column(sheet, f"added linewidth, {place}")
        backward = (np.abs(kz) < 1e-9) & (ky < -0.05)
        assert width[backward].max() < 1e-9 * width.max()
        assert ky[np.argmax(width)] > 0


def test_the_field_of_a_wave_is_mirrored_below_and_wholly_of_three_shares():
    sheet = FIGURES["sw-6bc"].compute()
    for kd in ("2", "0.01"):
        above, below = (column(sheet, f"intensity {place}, kd = {kd} ") for place in ("above", "below"))
        np.testing.assert_allclose(above[:181] + 1, below[180:] + 1, rtol=1e-9, atol=0)
        shares = [column(sheet, f"share {name}, kd = {kd} ") for name in ("e+", "e-", "ez")]
        assert shares[1][180] == pytest.approx(1.0, rel=1e-12, abs=0)  # pure e_- at φ = 0
        np.testing.assert_allclose(np.sum(np.square(shares), axis=0), 1.0, rtol=1e-9, atol=0)


def test_bands_that_meet_the_centre_are_two_at_5_millitesla_and_one_at_25():
    sheet = FIGURES["sw-11b"].compute()
    field, band = column(sheet, "field"), column(sheet, "band")
    assert set(band[field == 5]) == {0.0, 1.0}
    assert set(band[field == 25]) == {0.0}


def test_every_figure_stands_on_the_page_with_a_small_picture():
    page = runpy.run_path(str(DOCS / "reference" / "figures.py"))["page"]()
    assert (DOCS / "reference" / "figures.md").read_text(encoding="utf-8") == page
    for name in FIGURES:
        assert f"```console\nlabspin reproduce {name}\n" in page
        picture = DOCS / "images" / "figures" / f"{name}.png"
        assert 1_000 < picture.stat().st_size <= 60_000, name
    for name in some(measurements()):
        assert f"```console\nlabspin reproduce {name} --measured\n" in page
        picture = DOCS / "images" / "figures" / f"{name}-measured.png"
        assert 1_000 < picture.stat().st_size <= 60_000, name


def test_the_table_says_of_every_number_whether_it_agrees():
    found = quoted_values()
    assert len(found) >= 140
    assert {one.source.split("]")[0] for one in found} == {"[NV", "[MR", "[SW"}
    agreed = 0
    for one in found:
        assert one.comment
        assert np.isfinite(one.computed)
        if isinstance(one.quoted, str) or one.quoted == 0:
            assert one.ratio is None
            continue
        assert one.ratio == pytest.approx(one.computed / one.quoted, rel=1e-12, abs=0)
        if one.comment.startswith("agrees") and "shorter" not in one.comment:
            agreed += 1
            assert 0.6 < abs(one.ratio) < 1.5
    assert agreed > 50
    page = runpy.run_path(str(DOCS / "reference" / "figures.py"))["numbers"](found)
    assert (DOCS / "reference" / "numbers.md").read_text(encoding="utf-8") == page


def test_parameters_of_presets_are_those_that_the_papers_print():
    values = (*diamond_inputs(), *resonator_inputs(), *film_inputs())
    held = [one for one in values if one.comment == "agrees: parameter of the preset"]
    assert {one.source for one in held} >= {"[SW] Table 1", "[SW] Table 2", "[MR] Fig. 3.2", "[MR] Fig. 3.3"}
    for one in held:
        assert one.computed == pytest.approx(one.quoted, rel=1e-12, abs=0), one.quantity


def test_the_command_lists_writes_and_refuses(tmp_path, capsys):
    assert main(["reproduce", "--list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in listed] == list(FIGURES)
    assert main(["reproduce", "mr", "-o", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "mr-3.2.png", "mr-3.2.csv", "mr-3.3.png", "mr-3.3.csv", "kept.json",
    }  # fmt: skip
    assert main(["reproduce", "nv-9"]) == 1
    assert "figure 'nv-9' is not known; wanted one of nv-2c" in capsys.readouterr().err
    with pytest.raises(ArgumentError, match="not known"):
        list(reproduce(tmp_path, ["nv-2c", "x"]))


def test_columns_of_one_figure_have_one_length():
    with pytest.raises(ArgumentError, match="all of one length"):
        Sheet({"x [1]": np.zeros(3), "y [1]": np.zeros(4)}, lambda figure: None)
