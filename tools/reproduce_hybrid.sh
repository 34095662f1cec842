#!/usr/bin/env bash
# Reproduce hybrid optimization (Kulkarni et al. 2022) on CIFAR-10: 40 % of the multiplications and 40 % of the parameters
# gone, fine-tuned, in 8-bit integers, and trained with them; accuracy, size and time of each step. See docs/contest.md.
#
#   tools/reproduce_hybrid.sh                      ResNet-56, ResNet-110 and GoogLeNet, into build/hybrid
#   tools/reproduce_hybrid.sh resnet56             this one only; any folder of prototxt/ for images of 32x32
#   tools/reproduce_hybrid.sh --net P --weights W  another network, which is trained
#   tools/reproduce_hybrid.sh --quick              in a few minutes: the shipped ResNet-20, one epoch on a part
#
# Each net has a control that is not pruned and not quantized, but trained for as long. A network of which no trained
# weights are at hand is trained first. A step whose result is there is not run again.
#
# --first-epochs N of that first training (default: 12, a shortened schedule)
# --epochs N       of fine-tuning what is pruned (default: 3), at a rate of at most --base-lr F
# --int8-epochs N  of training in 8-bit integers (default: 2), at a rate of at most --int8-lr F
# --data, --out, --holdout, --rounds, --images, --batch: as tools/reproduce_contest.sh has them

set -euo pipefail
out=build/hybrid epochs=3 base_lr=0.012 first_epochs=12 int8_lr=0.0003 takes_names=yes
# shellcheck source=contest/common.sh
. "$(dirname "$0")/contest/common.sh"

# hybrid: all steps of one net.
hybrid() {
    prune pruned macs+params=0.6 --criterion reconstruction --schedule global
    finetune pruned hybrid original
    calibrate hybrid
    train_fused hybrid-int8 hybrid-int8-trained original
    finetune original control original
    fuse control
    train_fused control-fused control-trained original
    times pruned hybrid hybrid-int8 hybrid-int8-trained control control-trained --
}

parse_options "$@"
find_data
name_nets resnet56 resnet110 googlenet_32
test_images
compare_forms hybrid "Hybrid optimization: pruned, and in 8-bit integers" \
    hybrid=control hybrid-int8=control hybrid-int8-trained=control-trained
