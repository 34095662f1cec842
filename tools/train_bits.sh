#!/usr/bin/env bash
# Train ResNet-20 with weights and blobs of few bits: accuracy, bytes on disk and time of each scheme, beside the net in f32
# and a control in f32 that is trained in the same way. See docs/quantization.md.
#
#   tools/train_bits.sh                            8/8 4/4 3/3 2/2 2/6 1/8 1/32, into build/bits
#   tools/train_bits.sh 4/4 1/32                   these schemes: bits of weights / of what they are multiplied with
#   tools/train_bits.sh --net P --weights W        another network
#   tools/train_bits.sh --quick                    in a few minutes: 4/4 and 1/32, one epoch on a part
#
# BatchNorm stays while nets are trained: with it few bits learn in a fraction of the time. The first and the last layer
# with weights keep 8 bits. Training is watched on images of the training set that it does not see (--holdout); the test
# images are used once, at the end. A step whose result is there is not run again, and a training that was stopped goes
# on.
#
# --int8-epochs N of training (default: 30), beginning with the rate --int8-lr F
# --data, --out, --holdout, --rounds, --images, --batch: as tools/reproduce_contest.sh has them

set -euo pipefail
out=build/bits int8_epochs=30 takes_names=yes
# shellcheck source=contest/common.sh
. "$(dirname "$0")/contest/common.sh"

# in_few_bits W/A: the original with weights and blobs of these bits, into $out/W-A-begin; trained, into $out/W-A.
in_few_bits() {
    local scheme=$1 name=${1/\//-} images_for=(--calibrate "$data")
    local target=$out/$name-begin/$stem.prototxt
    [[ $scheme != */32 ]] || images_for=()
    step "$name-begin" --about "weights of ${scheme%/*} bits, blobs of ${scheme#*/}" \
        --in "$original" "${original%.prototxt}.caffemodel" --out "$target" "${target%.prototxt}.caffemodel" -- \
        "${xdn[@]}" optimize "$original" --bits "$scheme" --stages '' "${images_for[@]}" -o "$out/$name-begin"
    train_narrow "$name-begin" "$name" original
}

parse_options "$@"
schemes=("${named[@]}")
for scheme in "${schemes[@]}"; do
    [[ $scheme =~ ^[1-8]/([1-8]|32)$ ]] || fail "$scheme: this is not two numbers of bits, such as 4/4 or 1/32"
done
if ((!${#schemes[@]})); then
    schemes=(8/8 4/4 3/3 2/2 2/6 1/8 1/32)
    [[ -z $quick ]] || schemes=(4/4 1/32)
fi
find_data
find_model resnet20
take_original
test_images
train_narrow original control original
for scheme in "${schemes[@]}"; do
    in_few_bits "$scheme"
done

names=("${schemes[@]/\//-}")
times control "${names[@]}" --
controls=("${names[@]/%/=control}")
"$python" "$here/against.py" "$out" --net ".=$stem" --title "Weights and blobs of few bits" "${controls[@]/#/--control=}"
