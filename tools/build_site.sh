#!/usr/bin/env bash
# Build the documentation, in English and Chinese, into build/site; a warning is an error. Needs: pip install '.[docs]'
#
#   tools/build_site.sh
#
# PYTHON    the Python to use, in the environment (default: python3)

set -euo pipefail
case ${1:-} in
    "") ;;
    --help | -h) sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/.."
for config in mkdocs.yml mkdocs.zh.yml; do
    NO_MKDOCS_2_WARNING=1 "${PYTHON:-python3}" -m mkdocs build --strict --config-file "$config"
done
echo "written: build/site/index.html"
