"""Pictures of runs, fits and pulse sequences, by matplotlib."""
