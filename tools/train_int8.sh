#!/usr/bin/env bash
# What training in 8-bit integers brings beyond calibration: accuracy, size and time of each net as it is, calibrated, and
# trained further in 8-bit integers and, as a control, in f32. See docs/quantization.md.
#
#   tools/train_int8.sh                            ResNet-20, ResNet-56 and ResNet-50 for CIFAR-10, into build/int8
#   tools/train_int8.sh resnet20                   this one only; any folder of prototxt/ for images of 32x32
#   tools/train_int8.sh --net P --weights W        another network
#   tools/train_int8.sh --quick                    in a few minutes: the shipped ResNet-20, one epoch on a part
#
# A network of which no trained weights are at hand is trained first. A step whose result is there is not run again.
#
# --first-epochs N of that first training (default: 12, a shortened schedule)
# --int8-epochs N  of training in 8-bit integers (default: 2), at a rate of at most --int8-lr F
# --data, --out, --holdout, --rounds, --images, --batch: as tools/reproduce_contest.sh has them

set -euo pipefail
out=build/int8 first_epochs=12 int8_lr=0.0003 takes_names=yes
# shellcheck source=contest/common.sh
. "$(dirname "$0")/contest/common.sh"

# integers: all steps of one net.
integers() {
    calibrate original
    train_fused original-int8 int8-trained original
    fuse original
    train_fused original-fused control original
    times original-int8 int8-trained control --
}

parse_options "$@"
find_data
name_nets resnet20 resnet56 resnet50_32
test_images
compare_forms integers "8-bit integers, calibrated and trained" int8-trained=control
