"""The fit models, one subject a file; `load_model` finds one by its name in a recipe.

A lab's own model is named by path: ``"my_models.py:two_bumps"`` is the function ``two_bumps(x, a, b, …)``
of that file, with an optional ``two_bumps_guess(x, y, weights)`` beside it that returns {name: value}, or a
`FitModel` of that name. An installed package offers models as entry points of the group ``labspin.models``.
"""

from labspin.analysis.models.loading import MODELS, load_model, model_from_function, model_names

__all__ = ["MODELS", "load_model", "model_from_function", "model_names"]
