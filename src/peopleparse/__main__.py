"""`python -m peopleparse`, which torchrun needs."""

from peopleparse.cli import main

main()
