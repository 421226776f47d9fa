"""Fits of run files: one, many, on a cluster, stored and tabulated."""
