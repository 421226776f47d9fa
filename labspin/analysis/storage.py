"""Fits as the run file keeps them: a `FitOutcome` written down as a `labspin.data.FitRecord`."""
