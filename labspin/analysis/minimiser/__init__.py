"""Least squares for many traces at once, in NumPy or compiled."""
