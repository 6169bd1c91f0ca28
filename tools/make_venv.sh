#!/bin/sh
# Usage: make_venv.sh FOLDER [REQUIREMENT]
# Make the virtual environment FOLDER and install the checkout in it, editable; stamp it when done.
set -eu
folder=$1
here=$(dirname "$0")
if ! "$folder/bin/python" -c 'import pip' >/dev/null 2>&1; then
    python=$(sh "$here/find_python.sh")
    rm -rf "$folder"
    echo "Making $folder with $python"
    "$python" -m venv "$folder"
fi
if [ $# -gt 1 ]; then
    "$folder/bin/python" -m pip install --disable-pip-version-check --editable "$2"
fi
touch "$folder/.ready"
