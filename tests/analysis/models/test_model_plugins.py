"""Models of other packages."""

import importlib.metadata
import sys

import numpy as np
import pytest

from labspin import plugins
from labspin.analysis import fit_curve, load_model
from labspin.analysis.pictures.plots import headline, legend_text
from labspin.errors import RecipeError


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package that offers a model, on the path with its metadata as pip would leave them."""
    (tmp_path / "bumps.py").write_text(
        "import numpy as np\n\n"
        "def bump(x, height=1.0, centre=0.0, width=1.0):\n"
        '    """y = height·exp(−(x − centre)²/width²)"""\n'
        "    return height * np.exp(-(((x - centre) / width) ** 2))\n\n"
        "def bump_guess(x, y, weights):\n"
        "    return {'height': y.max(), 'centre': x[y.argmax()]}\n\n"
        "from labspin.analysis import model_from_function\n"
        "from dataclasses import replace\n"
        "BUMPY = replace(model_from_function(bump, bump_guess), name='bumpy', headline=('width',))\n"
    )
    information = tmp_path / "bumps-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: bumps\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(
        "[labspin.models]\nbump = bumps:bump\nbumpy = bumps:BUMPY\n"
        "lost = nowhere_to_be_found:bump\ngone = bumps:gone\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    plugins.installed.cache_clear()
    yield
    sys.modules.pop("bumps", None)


@pytest.mark.usefixtures("installed")
def test_a_model_of_an_installed_package_is_found_by_name():
    x = np.linspace(-3, 5, 81)
    outcome = fit_curve(load_model("bump"), x, 2.5 * np.exp(-(((x - 1.2) / 0.7) ** 2)))
    assert outcome["height"].value == pytest.approx(2.5, rel=1e-6, abs=0)
    assert outcome["centre"].value == pytest.approx(1.2, rel=1e-6, abs=0)


@pytest.mark.usefixtures("installed")
def test_fits_of_an_installed_model_are_shown_as_it_says():
    """Legend and distance of lines were taken from labspin's own models only."""
    x = np.linspace(-3, 5, 81)
    fits = [fit_curve(load_model("bumpy"), x, np.exp(-((x - centre) ** 2))) for centre in (0.0, 1.2)]
    assert headline("bumpy", ["height", "centre", "width"]) == ("width",)
    assert ["width" in legend_text(fit) and "height" not in legend_text(fit) for fit in fits] == [True, True]
    assert headline("lost", ["height", "centre", "width"]) == ("height", "centre"), "a package that is gone"


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "message"),
    [("lost", "nowhere_to_be_found"), ("gone", "has no 'gone'"), ("bmup", "wanted one of")],
)
def test_a_model_that_cannot_be_loaded_is_one_sentence(name, message):
    with pytest.raises(RecipeError, match=message):
        load_model(name)


@pytest.mark.parametrize(
    "option", [{"near": "60 nm"}, {"thickness": "200 nm"}, {"field": "20 mT"}, {"near": True}]
)
def test_an_option_that_is_a_number_takes_no_text(option):
    """It was told as "'<' not supported between instances of 'int' and 'str'"."""
    with pytest.raises(RecipeError, match="wanted a number in SI units, got"):
        load_model("spin_wave_force", **option)
