"""Fits of arrays: one curve, a batch, counts, spectra; what their errors are worth."""
