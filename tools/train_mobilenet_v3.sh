#!/usr/bin/env bash
# Make a small MobileNet v3 for CIFAR-10 smaller still: train it from the start, take 60 % of its multiplications out, train
# what is left further, and let it read 8-bit integers; accuracy, time and size of each. See docs/pruning.md.
#
#   tools/train_mobilenet_v3.sh                    into build/mobilenet_v3, in about half an hour on two cores
#   tools/train_mobilenet_v3.sh --quick            in a few minutes: from the shipped weights, one epoch on a part
#
# A step whose result is there is not run again, and training goes on from its last snapshot.
#
# --data, --out, --epochs, --base-lr, --holdout, --rounds, --images: as tools/reproduce_contest.sh has them, for what is
# left after pruning; the training from the start is as prototxt/mobilenet_v3_cifar10/solver.prototxt says
# --net, --weights: another net for CIFAR-10, which is trained already

set -euo pipefail
out=build/mobilenet_v3 epochs=3 base_lr=0.05
# shellcheck source=contest/common.sh
. "$(dirname "$0")/contest/common.sh"

parse_options "$@"
find_data
[[ $data == cifar10 ]] || fail "this net is for CIFAR-10, and the data set is $data"
if [[ -z $net ]]; then
    net=$root/prototxt/mobilenet_v3_cifar10/mobilenet_v3.prototxt
    [[ -n $quick ]] || train_from_start "$(dirname "$net")/solver.prototxt" "$net"
fi
batch=${batch:-100}
check_model
take_original
test_images

prune pruned macs=0.4
finetune pruned finetuned
# Of the layers that lose most by it, as few as are needed stay in f32.
calibrate finetuned --max-drop 0.5
times pruned finetuned finetuned-int8 --
"$python" "$here/report.py" "$out" --title "A MobileNet v3, trained, pruned and in 8-bit integers"
