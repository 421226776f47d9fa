"""Fits: models, guesses, recipes, batches of traces, spectra, uncertainties, pictures.

`fit_curve` fits one trace, `fit_run` a run file by the recipe of its procedure, `fit_spectrum` an averaged
power spectrum by its own statistics. The names below are loaded on first use, so that importing this
package costs nothing.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
