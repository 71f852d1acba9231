#!/bin/sh
# The tests of the core, once with the newest packages on every Python that is found, once with the oldest that
# pyproject.toml allows on the first of them. Words after it are pytest's.
set -eu
cd "$(dirname "$0")/../.."
uv=.venv/bin/uv
tests=${TESTS:-tests/stac tests/test_settings.py tests/test_layout.py tests/test_plan.py tests/whole/test_main_job.py}
failed=""

try() { # NAME, then pytest's words
    name=$1
    shift
    # shellcheck disable=SC2086 # several words are meant
    if ".venvs/$name/bin/python" -m pytest $tests -q -m "not real and not slow" -p no:cacheprovider "$@"; then
        echo "ok      $name"
    else
        echo "FAILED  $name"
        failed="$failed $name"
    fi
}

find_python() { # VERSION; a name on the path may be a stub that only says what it lacks
    for python in "$(command -v "python$1")" "$HOME/.pyenv/versions/$1".*/bin/python "$HOME/.local/share/uv/python/cpython-$1".*/bin/python; do
        if "$python" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$1')" 2>/dev/null; then
            echo "$python"
            return
        fi
    done
    return 1
}

for version in 3.11 3.12 3.13; do
    python=$(find_python "$version") || { echo "missing python-$version: not tried" && continue; }
    $uv venv --quiet --clear --python "$python" ".venvs/python-$version"
    $uv pip install --quiet --python ".venvs/python-$version/bin/python" --require-hashes -r requirements.lock
    $uv pip install --quiet --python ".venvs/python-$version/bin/python" --no-deps --editable .
    try "python-$version" "$@"
    if [ -z "${lowest:-}" ]; then
        lowest=lowest-$version
        $uv venv --quiet --clear --python "$python" ".venvs/$lowest"
        $uv pip install --quiet --python ".venvs/$lowest/bin/python" --resolution lowest-direct \
            --editable '.[dask,postgresql,raster]' --group dev
        try "$lowest" "$@"
    fi
done
[ -z "$failed" ] || { echo "failed:$failed" && exit 1; }
