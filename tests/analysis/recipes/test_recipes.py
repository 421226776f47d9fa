"""Recipes are checked when they are read."""

from pathlib import Path

import numpy as np
import pytest

from labspin.analysis import default_recipe, fit_curve, list_recipes, load_model, load_recipe
from labspin.analysis.recipes.recipe import Recipe
from labspin.errors import FitError, RecipeError

GOOD = """
description = "d"
procedures = ["mine"]
[data]
x = "dark_time"
y = "a - b"
sigma = "poisson"
select = {dark_time = ["1 us", "1 s"]}
[model]
name = "stretched_exponential"
fixed = {beta = 0.8}
start = {T1 = "1 ms"}
bounds = {T1 = ["1 us", "1 s"]}
[result]
name = "t1"
derived = {rate = "1/T1 [1/s]"}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text)
    return path


def test_good_recipe_is_read(tmp_path):
    recipe = load_recipe(write(tmp_path, GOOD))
    assert recipe.y == "a - b"
    assert recipe.fixed == {"beta": 0.8}
    assert len(recipe.version) == 12
    assert load_recipe(write(tmp_path, GOOD + "# other text\n")).version != recipe.version


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("sigma =", "sgima =", "line 7: data.sgima: is not known here; did you mean 'sigma'"),
        ('x = "dark_time"', "", "data.x: is missing"),
        ('x = "dark_time"', 'X = "dark_time"', "data.x: is missing; .* did you mean it by .X."),
        ('x = "dark_time"', "x = 3", "data.x: wanted text"),
        ('"a - b"', '"a - open(b)"', "mine.toml.*expression"),
        ("[result]", "[results]", "results: is not known here; did you mean 'result'"),
        ('["1 us", "1 s"]}\n[result]', '["1 us"]}\n[result]', "wanted \\[minimum, maximum\\]"),
        ("[data]", "[data", "is not TOML"),
        ('procedures = ["mine"]', 'procedures = "mine"', "wanted a list"),
        ("fixed = {beta = 0.8}", "fixed = {beta = 0.8}\ntied = {beta = '1'}", "both fixed and tied"),
        ("fixed = {beta = 0.8}", "fixed = 1", "wanted a table"),
    ],
)
def test_wrong_recipe_is_refused_with_file_and_key(tmp_path, old, new, match):
    with pytest.raises(RecipeError, match=match):
        load_recipe(write(tmp_path, GOOD.replace(old, new)))


def test_missing_recipe_names_what_may_be_meant(tmp_path):
    with pytest.raises(RecipeError, match=r"one of those that `labspin show` lists$"):
        load_recipe("no-such")
    with pytest.raises(RecipeError, match="lists; did you mean 't1_cross_relaxation'"):
        load_recipe("t1_crss")
    with pytest.raises(RecipeError, match="there is no such file"):
        load_recipe(tmp_path / "none.toml")


def test_workspace_comes_before_what_is_shipped(tmp_path, monkeypatch):
    (tmp_path / "analysis").mkdir()
    write(tmp_path / "analysis", GOOD)
    monkeypatch.chdir(tmp_path)
    assert default_recipe("mine").name == "mine"
    with pytest.raises(RecipeError, match="no recipe says it is for it"):
        default_recipe("unheard")


@pytest.mark.parametrize("path", list_recipes().values(), ids=lambda path: path.stem)
def test_every_shipped_recipe_names_a_model_and_its_parameters(path):
    recipe = load_recipe(path)
    assert recipe.description
    options = {key: value for key, value in recipe.options.items() if key not in ("averages", "temperature")}
    model = load_model(recipe.model, folder=recipe.folder, **options)
    assert set(recipe.fixed) | set(recipe.start) | set(recipe.bounds) | set(recipe.tied) <= set(model.names)


def test_own_model_by_path(tmp_path):
    (tmp_path / "own.py").write_text(
        "def line(x, a, b=2.0):\n    '''a + b*x.'''\n    return a + b*x\n"
        "def line_guess(x, y, weights):\n    return {'a': float(y[0])}\n"
        "broken = 1\n"
    )
    model = load_model("own.py:line", folder=tmp_path)
    assert model.names == ("a", "b")
    assert model.guess([0.0, 1.0], [5.0, 9.0]) == {"a": 5.0, "b": 2.0}
    with pytest.raises(RecipeError, match="has no 'nothing'"):
        load_model("own.py:nothing", folder=tmp_path)
    with pytest.raises(RecipeError, match="wanted a function or a FitModel"):
        load_model("own.py:broken", folder=tmp_path)
    with pytest.raises(RecipeError, match="there is no file"):
        load_model("absent.py:f", folder=tmp_path)
    (tmp_path / "bad.py").write_text("1/0")
    with pytest.raises(RecipeError, match="ZeroDivisionError"):
        load_model("bad.py:f", folder=tmp_path)


def test_recipe_record_checks_itself():
    with pytest.raises(RecipeError):
        Recipe(name="r", x="a b", y="c", model="m")


@pytest.mark.parametrize(
    "text", ["__import__('os').system('id')", "open('/etc/passwd').read()", "a.b", "[0]*9"]
)
def test_a_tied_parameter_is_arithmetic_and_nothing_else(text):
    with pytest.raises(RecipeError, match="expression"):
        Recipe(name="r", x="x", y="y", model="stretched_exponential", tied={"baseline": text})


def test_nothing_but_arithmetic_reaches_the_library_that_evaluates_python():
    with pytest.raises(RecipeError, match="expression"):
        fit_curve(
            load_model("stretched_exponential"),
            [1.0, 2, 3, 4],
            [4.0, 3, 2, 1],
            tied={"baseline": "open('/etc/passwd')"},
        )


@pytest.mark.parametrize("text", ["9**9**9", "amplitude/0", "10**300*10**300"])
def test_a_tied_parameter_that_has_no_value_is_an_error_at_once(text):
    delays = np.linspace(0.1, 5.0, 20)
    with pytest.raises(FitError, match="baseline"):
        fit_curve(load_model("stretched_exponential"), delays, np.exp(-delays), tied={"baseline": text})
