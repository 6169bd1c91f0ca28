"""What the benchmark server and the studio share: refusals and headers."""
