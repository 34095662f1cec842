#!/usr/bin/env bash
# Reproduce the pruning half of hybrid optimization (Kulkarni et al. 2022) for ResNet-56 on CIFAR-10: 40 % of the
# multiplications and of the parameters gone, fine-tuned; accuracy and time before and after. See docs/contest.md.
#
#   tools/reproduce_hybrid.sh                      into build/hybrid
#   tools/reproduce_hybrid.sh --quick              in a few minutes: the shipped ResNet-20, one epoch on a part
#
# --control        also train the network that is not pruned for as many epochs
# --net, --weights, --data, --out, --epochs, --base-lr, --holdout, --rounds, --images: as tools/reproduce_contest.sh has them

set -euo pipefail
out=build/hybrid epochs=3 base_lr=0.012
# shellcheck source=contest/common.sh
. "$(dirname "$0")/contest/common.sh"

parse_options "$@"
find_data
find_model resnet56 train_test resnet56
if [[ $net == "$material"/* ]]; then
    take_original --mean-file "$material/models/mean.binaryproto"
else
    take_original
fi
test_images

# Multiplications and parameters fall together: at 53 % of the first, under 60 % of the second are left.
prune pruned macs=0.53 --criterion reconstruction --schedule global
finetune pruned hybrid original
nets=(pruned hybrid)
if [[ -n $control ]]; then
    finetune original control
    nets+=(control)
fi

times "${nets[@]}" --
"$python" "$here/report.py" "$out" --title "Hybrid optimization of ResNet-56: pruning"
