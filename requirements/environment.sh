#!/bin/sh
# environment.sh FOLDER base|dev|litellm|envoy : a virtual environment with the locked requirements; base and dev with this
# package, litellm and envoy with what a journey starts.
# Needs Python 3.11 or later, and one of: venv with ensurepip, pip, uv.
set -eu
folder=$1
kind=$2
python=${PYTHON:-python3}
here=$(dirname "$0")

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Weir needs Python 3.11 or later; $python is $("$python" -V 2>&1). Name another: make PYTHON=/path/to/python3" >&2
    exit 1
}

if [ ! -x "$folder/bin/python" ]; then
    # Debian ships venv without ensurepip: then the machine's own pip, or uv, fills the environment.
    if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        "$python" -m venv "$folder"
    elif "$python" -c 'import venv' 2>/dev/null; then
        "$python" -m venv --without-pip "$folder"
    elif command -v uv >/dev/null; then
        uv venv --quiet --python "$python" "$folder"
    else
        echo "$python cannot make a virtual environment: install its venv module (on Debian: apt install python3-venv)." >&2
        exit 1
    fi
fi

install() {
    if "$folder/bin/python" -c 'import pip' 2>/dev/null; then
        "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
    elif command -v uv >/dev/null; then
        uv pip install --quiet --python "$folder/bin/python" "$@"
    elif "$python" -c 'import pip' 2>/dev/null; then
        "$python" -m pip --python "$folder/bin/python" install --quiet --disable-pip-version-check "$@"
    else
        rm -rf "$folder"
        echo "There is no pip for $python: on Debian, apt install python3-venv; anywhere, install uv." >&2
        exit 1
    fi
}

echo "Installing the locked requirements into $folder (a minute or two the first time)."
install --require-hashes -r "$here/$kind.txt"
[ "$kind" = litellm ] || [ "$kind" = envoy ] || install --no-deps --no-build-isolation --editable "$here/.."
