#!/usr/bin/env bash
# Reproduce the contest of 2019: a ResNet-50 on the CIFAR-10 test set, pruned, fused, with offline data and in its final
# configuration; from the trained network to the table OPT-A/B/C and the waterfall. See docs/contest.md.
#
#   tools/reproduce_contest.sh                     the whole path, into build/contest
#   tools/reproduce_contest.sh --quick             in minutes: the shipped ResNet-20, OPT-A and OPT-B, one epoch on a part
#   tools/reproduce_contest.sh --net P --weights W another network
#
# --data NAME      cifar10 or glyphs10 (default: CIFAR-10 where it is found, else Glyphs-10)
# --out DIR        work folder; steps whose results are there are not run again
# --epochs N       of fine-tuning each network
# --base-lr F      the learning rate at its greatest
# --holdout N      of the 50,000 training images are not trained on, but judge the training
# --nets A,B       which stand in the table beside the original: of OPT-A, OPT-B, OPT-C, control (default: all; OPT-B, of
#                  which the waterfall is, always)
# --teacher P      of the pruned networks: control, original, or a prototxt with its weights beside it (default: control
#                  where it stands in the table, else original)
# --budget S       seconds of the search for the last step's configuration
# --rounds N       of timing, all configurations in turn
# --images N       the first N of the test set
# --batch N        images at a time before the last step (default: the prototxt's)
# --precision A,B  number formats of the last bars (default: f32,bf16,int8; f32 is always there)
# PYTHON           the Python to use, in the environment (default: python3)

set -euo pipefail
out=build/contest epochs=12 base_lr=0.05
# shellcheck source=contest/common.sh
. "$(dirname "$0")/contest/common.sh"

parse_options "$@"
[[ ,$precision, =~ ^(,(f32|bf16|int8))+,$ ]] || fail "--precision $precision: this is no list of f32, bf16, int8"
all=OPT-A,OPT-B,OPT-C,control
[[ -z $quick ]] || all=OPT-A,OPT-B
chosen=${chosen:-$all}
[[ ,$chosen, =~ ^(,(OPT-[ABC]|control))+,$ ]] || fail "--nets $chosen: this is no list of OPT-A, OPT-B, OPT-C, control"
find_data
find_model resnet50_32
take_original
test_images

# The control is the network that is not pruned, trained for as long. It gains from the training too: what pruning costs
# is the distance to it, and it teaches the pruned ones.
if lists "$chosen" control; then
    finetune original control
    teacher_net=${teacher_net:-control}
fi
teacher_net=${teacher_net:-original}

# A loses little enough to need no training; B is to cost no accuracy, C some.
schedule=global
[[ -z $quick ]] || schedule=per-mac
if lists "$chosen" OPT-A; then
    prune OPT-A macs=0.85 --schedule "$schedule" --no-reconstruct --recalibrate 2048
fi
prune pruned-B macs=0.30 --schedule "$schedule"
finetune pruned-B OPT-B "$teacher_net"
if lists "$chosen" OPT-C; then
    prune pruned-C macs=0.22 --schedule "$schedule"
    finetune pruned-C OPT-C "$teacher_net"
fi
nets=()
for name in OPT-A OPT-B OPT-C control; do
    if lists "$chosen,OPT-B" "$name"; then
        nets+=("$name")
    fi
done

caffe_images=200
[[ -z $quick ]] || caffe_images=100
tune OPT-B
numbers=()
if lists "$precision" bf16; then
    numbers+=(--bf16)
fi
if lists "$precision" int8; then
    calibrate OPT-B
    numbers+=(--int8 "$out/OPT-B-int8/$stem.prototxt")
fi
times "${nets[@]}" -- --chain OPT-B --tuned "$out/tuned.json" "${numbers[@]}" --caffe-images "$caffe_images"
"$python" "$here/report.py" "$out" --title "The contest, reproduced"
