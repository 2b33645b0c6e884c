"""Real servers that tests start for themselves, on a free port of this machine, and stop again."""
