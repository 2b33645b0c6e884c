"""The rules: pure functions of the evidence, one file per family."""
