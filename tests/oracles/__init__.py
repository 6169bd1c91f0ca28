"""Slow twins of the fast code, written straight from the definitions."""
