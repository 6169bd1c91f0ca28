"""Score folders of predictions against folders of truth: formats in, runner, reports out."""
