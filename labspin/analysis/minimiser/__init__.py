"""Least squares for one trace or many at once."""
