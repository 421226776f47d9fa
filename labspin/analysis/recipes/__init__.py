"""Fit recipes: which model on which quantity of a run, and what to choose."""
