"""A page to look at results and to annotate photos, served on this machine."""
