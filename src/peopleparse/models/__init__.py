"""Published models, one file each."""
