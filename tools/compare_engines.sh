#!/usr/bin/env bash
# Compare XDN with all other engines that are installed, on all nets that ship, in all number formats: a JSON file for each
# net, and one page of all. See bench/README.md.
#
#   tools/compare_engines.sh                       all nets, into build/engines, hours
#   tools/compare_engines.sh resnet50 my.prototxt  these: folders of prototxt/, or files
#   tools/compare_engines.sh --quick               in a minute: LeNet on few images
#
# A net whose result is there is not run again, so that a run goes on where it was stopped. An engine that cannot take a
# net is a row of the page that says so. A net on which XDN itself fails is left out of it, and named at the end.
#
# --engines A,B    these (default: all that are installed)
# --precision A,B  number formats (default: f32,bf16,int8)
# --mode A,B       throughput (default), latency: of images in each engine's own form; contest: from packed images
# --data NAME      default: the data set that a net names; images are random where it does not fit
# --out DIR        work folder
# --rounds N       of timing, all engines in turn
# --images N       at most so many of a data set (default: 10000)
# --random-images N       images where they are random (default: 128)
# --calibration-images N  by which scales of 8-bit integers are chosen (default: 512)
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

options=(--precision "$precision" --rounds "$rounds" --images "$images")
options+=(--random-images "$random_images" --calibration-images "$calibration_images")
[[ -z $engines ]] || options+=(--engines "$engines")
[[ -z $data ]] || options+=(--data "$data")
[[ -z $batch ]] || options+=(--batch "$batch")
[[ -z $quick ]] || options+=(--batches 16)
IFS=, read -ra modes <<<"$mode"

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
    text=${texts[at]} name=${named[at]%.prototxt}
    name=${name//[^A-Za-z0-9_-]/_} inputs=("$text") weights=(--random-weights)
    if [[ -f ${text%.prototxt}.caffemodel ]]; then
        inputs+=("${text%.prototxt}.caffemodel") weights=(--weights "${text%.prototxt}.caffemodel")
    fi
    for mode in "${modes[@]}"; do
        code=0
        step "$name-$mode" --about "time all engines in turn, $rounds rounds" \
            --in "${inputs[@]}" --out "$out/$name-$mode.json" -- \
            "$python" "$root/bench/engines.py" --net "$text" "${weights[@]}" --mode "$mode" "${options[@]}" \
            --json "$out/$name-$mode.json" || code=$?
        case $code in
            0) results+=("$out/$name-$mode.json") ;;
            130) exit 130 ;;
            *) failed+=("$name-$mode") ;;
        esac
    done
done

((${#results[@]} == 0)) || "${xdn[@]}" report "${results[@]}" -o "$out/report.html"
((${#failed[@]} == 0)) || fail "these nets failed, as said above: ${failed[*]}"
