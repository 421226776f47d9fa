"""Stands here so that the tests of one part find helpers of another: ``from twin.lockin_sample import …``."""
