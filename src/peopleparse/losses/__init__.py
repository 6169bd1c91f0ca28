"""Losses: detection, parsing."""
