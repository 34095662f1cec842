#!/usr/bin/env bash
# The release checklist, as far as a machine can work it off: the change log names the version, wheel and source
# distribution are built, hold what they should, and run where nothing else is installed.
#
#   tools/check_release.sh
#   tools/check_release.sh --quick    one installation, of the wheel
#
# --out DIR        where both are built and installed (default: build/release)
# PYTHON           the Python to use, in the environment (default: python3); name each that is to be called tested once

set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
out=$root/build/release python=${PYTHON:-python3} quick=

usage() {
    sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
}

while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage; exit 0 ;;
        --quick) quick=1 ;;
        --out) out=$(realpath -m "$2"); shift ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done

step() {
    printf '== %s\n' "$1"
}

step "the change log names the version"
version=$(sed -n 's/^VERSION = "\(.*\)"$/\1/p' "$root/xdn/version.py")
grep -q "^## $version" "$root/CHANGELOG.md" || { echo "CHANGELOG.md has no heading '## $version'" >&2; exit 1; }

step "nothing is changed and not committed"
[ -n "$quick" ] || [ -z "$(git -C "$root" status --porcelain)" ] || { git -C "$root" status --short >&2; exit 1; }

step "wheel and sdist are built"
rm -rf "$out"
mkdir -p "$out"
"$python" -m venv "$out/build"
"$out/build/bin/pip" install --quiet build
# Of a copy: a build folder of before may hold files that are gone.
git -C "$root" archive --prefix=source/ HEAD | tar -x -C "$out"
"$out/build/bin/python" -m build --outdir "$out/dist" "$out/source" > "$out/build.log"
wheel=$(ls "$out"/dist/*.whl) sdist=$(ls "$out"/dist/*.tar.gz)

step "they hold what they should"
"$python" "$root/tools/release_contents.py" "$wheel" "$sdist"

try() {
    step "$(basename "$1") runs where nothing else is installed"
    "$python" -m venv "$out/$2"
    "$out/$2/bin/pip" install --quiet "$1"
    mkdir -p "$out/empty"
    (
        cd "$out/empty"
        export XDN_CACHE=$out/cache
        "$out/$2/bin/xdn-inspect" --list > /dev/null
        "$out/$2/bin/xdn-run" --images 200 --quiet
        "$out/$2/bin/python" -m xdn --version
    )
}

try "$wheel" wheel
[ -n "$quick" ] || try "$sdist" sdist
step "version $version is ready, as far as $("$python" --version) shows it"
cat << END
By hand: CHANGELOG.md is dated; README's figures were measured with this version; docs are built without warnings
(mkdocs build --strict); .ci/run is green; git tag v$version; python -m twine upload $out/dist/*
END
