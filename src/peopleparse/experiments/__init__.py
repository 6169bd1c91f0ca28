"""Tables and figures of the papers, run again: many small trainings under one protocol."""
