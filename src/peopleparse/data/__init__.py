"""Readers and writers of data sets, one file each; scenes, splits and statistics."""
