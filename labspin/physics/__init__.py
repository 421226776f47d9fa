"""The three systems labspin measures, as pure functions of arrays.

Everything is SI with angular frequencies (rad/s); nothing here reads a file or an instrument.
"""
