"""What measures speed and memory: run by hand and by name, each a ratio against a limit of the same run."""
