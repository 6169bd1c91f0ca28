"""Benchmark server: a secret test set, scored by itself.

The row of a submission is its job. Every change of state is one statement that names the state it
leaves, so that no two processes can both make it.
"""
