# Shell functions of .ci/run and .ci/nightly; sourced, in the root of the project.

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

section() {
    printf '\n==== %s (at %s s)\n' "$*" "$SECONDS"
}

# Every CPython >= 3.10 that can be found, oldest first, one for each minor version.
all_pythons() {
    local minor candidate
    for minor in 10 11 12 13 14; do
        for candidate in "python3.$minor" "$(pyenv root 2>/dev/null)"/versions/3."$minor".*/bin/python \
            /usr/bin/python3 python3; do
            if "$candidate" -c "import sys, ensurepip; assert sys.version_info[:2] == (3, $minor)" 2>/dev/null; then
                echo "$candidate"
                break
            fi
        done
    done
}

# The one that people have: python3, if it is new enough, else the oldest that is.
first_python() {
    if python3 -c 'import sys, ensurepip; assert sys.version_info >= (3, 10)' 2>/dev/null; then
        echo python3
    else
        all_pythons | head -1
    fi
}

# Such as 3.10, for an interpreter.
version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'
}

# make_venv NAME INTERPRETER [OPTION…]: a new virtual environment, made the active one.
make_venv() {
    "$2" -m venv "${@:3}" "$scratch/venv-$1"
    # shellcheck disable=SC1091
    source "$scratch/venv-$1/bin/activate"
    python --version
    python -m pip install --quiet --upgrade pip
}

# A virtual environment of the oldest CPython, with the oldest of what the metadata names.
make_oldest() {
    make_venv oldest "$(all_pythons | head -1)"
    python -m pip install --quiet '.[test]'
    # shellcheck disable=SC2046
    python -m pip install --quiet $(oldest_requirements) 'ml_dtypes<0.5'
}

# The name of a clang that has libFuzzer, installed if that can be; nothing if there is none.
fuzzing_clang() {
    local clang round
    for round in found installed; do
        for clang in clang clang-21 clang-20 clang-19 clang-18 clang-17 clang-16; do
            if echo 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return !d && n; }' |
                "$clang" -x c -fsanitize=fuzzer,address - -o "$scratch/fuzzer" 2>/dev/null; then
                echo "$clang"
                return
            fi
        done
        if [ "$round" = found ] && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
            apt-get update -qq >&2
            DEBIAN_FRONTEND=noninteractive apt-get install -qq -y clang-16 libclang-rt-16-dev >&2 || true
        fi
    done
}

check() {
    ruff check .
    ruff format --check .
    git ls-files '*.c' '*.h' | xargs clang-format --dry-run --Werror
    mypy
    (cd "$scratch" && python -m mypy.stubtest framewire --allowlist "$OLDPWD/tests/stubtest.txt")
}

# The lower bounds of the run-time dependencies, as pip wants them.
oldest_requirements() {
    python - <<'PY'
import re

from importlib.metadata import requires

for requirement in requires("framewire"):
    if "extra" not in requirement:
        print(re.sub(r">=", "==", requirement.split(";")[0].strip()))
PY
}
