#!/bin/sh
# Print the first Python 3.11 or newer that can make virtual environments; say what to do if none.
# A name on PATH is not enough: it may be a stub, or lack the venv module as Debian's python3 does.
set -u
for candidate in ${PYTHON:-python3.11 python3.12 python3.13 python3.14 python3 python}; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
        >/dev/null 2>&1; then
        command -v "$candidate"
        exit 0
    fi
done
echo "Python must be 3.11 or newer with its venv module, got none${PYTHON:+ at $PYTHON}." \
    "Install it (Debian: apt-get install python3-venv) or name one: make PYTHON=/path/to/python" >&2
exit 1
