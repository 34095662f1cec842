#!/usr/bin/env bash
# Compare XDN with all other engines that are installed, on all nets that ship, in all number formats: a JSON file for each
# net, and one page of all. See bench/README.md.
#
#   tools/compare_engines.sh                       all nets, into build/engines, hours
#   tools/compare_engines.sh resnet50 my.prototxt  these: folders of prototxt/, or files
#   tools/compare_engines.sh --quick               in a minute: LeNet on few images
#
# A net whose result is there is not run again. One that fails is left out of the page, and named at the end.
#
# --engines A,B    these (default: all that are installed)
# --precision A,B  number formats (default: f32,bf16,int8)
# --mode NAME      throughput (default) or latency: of images in each engine's own form; contest: from packed images
# --data NAME      default: the data set that a net names; images are random where it does not fit
# --out DIR        work folder
# --rounds N       of timing, all engines in turn
# --images N       at most so many of a data set (default: 10000)
# --batch N        images at a time (default: each engine's best)
# PYTHON           the Python to use, in the environment (default: python3)

set -euo pipefail
out=build/engines takes_names=yes
# shellcheck source=contest/common.sh
. "$(dirname "$0")/contest/common.sh"

parse_options "$@"
if ((${#named[@]} == 0)); then
    named=(lenet)
    [[ -n $quick ]] || mapfile -t named < <(find "$root/prototxt" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort)
fi

options=(--mode "$mode" --precision "$precision" --rounds "$rounds" --images "$images")
[[ -z $engines ]] || options+=(--engines "$engines")
[[ -z $data ]] || options+=(--data "$data")
[[ -z $batch ]] || options+=(--batch "$batch")
[[ -z $quick ]] || options+=(--random-images 32 --calibration-images 32 --batches 16)

# prototxt_of NAME: the net's file, of a folder in prototxt/ or by its path.
prototxt_of() {
    local path=$1 found
    if [[ ! -f $path ]]; then
        for found in "$root/prototxt/$1"/*.prototxt; do
            [[ ${found##*/} == solver.prototxt ]] || path=$found
        done
    fi
    [[ -f $path ]] || fail "no such net: $1 (a folder of prototxt/, or a file)"
    echo "$path"
}

# All are looked for before the first one runs.
texts=()
for name in "${named[@]}"; do
    text=$(prototxt_of "$name")
    texts+=("$text")
done

results=() failed=()
for at in "${!named[@]}"; do
    text=${texts[at]} name=${named[at]%.prototxt} code=0
    name=${name//[^A-Za-z0-9_-]/_} inputs=("$text") weights=(--random-weights)
    if [[ -f ${text%.prototxt}.caffemodel ]]; then
        inputs+=("${text%.prototxt}.caffemodel") weights=(--weights "${text%.prototxt}.caffemodel")
    fi
    step "$name" --about "time all engines in turn, $rounds rounds" --in "${inputs[@]}" --out "$out/$name.json" -- \
        "$python" "$root/bench/engines.py" --net "$text" "${weights[@]}" "${options[@]}" --json "$out/$name.json" ||
        code=$?
    case $code in
        0) results+=("$out/$name.json") ;;
        130) exit 130 ;;
        *) failed+=("$name") ;;
    esac
done

((${#results[@]} == 0)) || "${xdn[@]}" report "${results[@]}" -o "$out/report.html"
((${#failed[@]} == 0)) || fail "these nets failed, as said above: ${failed[*]}"
