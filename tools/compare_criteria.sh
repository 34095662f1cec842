#!/usr/bin/env bash
# Compare the pruning criteria on ResNet-20: the same budget (40 % of the multiplications gone), the same widths, the same
# fine-tuning; accuracy on the test set before and after it. See docs/pruning.md.
#
#   tools/compare_criteria.sh                      into build/criteria
#   tools/compare_criteria.sh --quick              in a few minutes: one epoch on a part
#
# Beside them stand random filters with three seeds, fresh weights in the pruned widths, and the net that is not pruned,
# all trained for as long.
#
# --net, --weights, --data, --out, --epochs, --base-lr, --holdout: as tools/reproduce_contest.sh has them

set -euo pipefail
out=build/criteria epochs=3 base_lr=0.02
# shellcheck source=contest/common.sh
. "$(dirname "$0")/contest/common.sh"

parse_options "$@"
find_data
net=${net:-$root/prototxt/resnet20_$data/resnet20.prototxt}
check_model
take_original

names=()
# compared NAME CRITERION OPTION...: prune by the criterion, into pruned-NAME, and fine-tune, into NAME.
compared() {
    local name=$1 criterion=$2
    shift 2
    prune "pruned-$name" "$here/criteria.prototxt" --criterion "$criterion" --recalibrate 1000 "$@"
    finetune "pruned-$name" "$name"
    names+=("$name")
}

for criterion in l1 l2 bn-scale geometric-median activation reconstruction taylor obd; do
    compared "$criterion" "$criterion"
done
for seed in 0 1 2; do
    compared "random-$seed" random --seed "$seed"
done
finetune pruned-l2 scratch scratch
finetune original control

"$python" "$here/criteria.py" "$out" --stem "$stem" --data "$data" "${names[@]}" scratch control
