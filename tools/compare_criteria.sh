#!/usr/bin/env bash
# Compare the pruning criteria on ResNet-20: the same budget (40 % of the multiplications gone), the same widths, the same
# fine-tuning; accuracy on the test set before and after it. See docs/pruning.md.
#
#   tools/compare_criteria.sh                      all, into build/criteria
#   tools/compare_criteria.sh l1 taylor random     these
#   tools/compare_criteria.sh --quick              in minutes: l2 and one seed of random, one epoch on a part
#
# Random filters are tried with three seeds. Beside them stand fresh weights in the pruned widths, and the net that is not
# pruned, all trained for as long.
#
# --net, --weights, --data, --out, --epochs, --base-lr, --holdout: as tools/reproduce_contest.sh has them

set -euo pipefail
out=build/criteria epochs=3 base_lr=0.02 takes_names=yes
# shellcheck source=contest/common.sh
. "$(dirname "$0")/contest/common.sh"

parse_options "$@"
seeds=(0 1 2)
[[ -z $quick ]] || seeds=(0)
if ((${#named[@]} == 0)); then
    named=(l1 l2 bn-scale geometric-median activation reconstruction taylor obd random)
    [[ -z $quick ]] || named=(l2 random)
fi
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

for criterion in "${named[@]}"; do
    if [[ $criterion == random ]]; then
        for seed in "${seeds[@]}"; do
            compared "random-$seed" random --seed "$seed"
        done
    else
        compared "$criterion" "$criterion"
    fi
done
# All have the same widths.
finetune "pruned-${names[0]}" scratch scratch
finetune original control

"$python" "$here/criteria.py" "$out" --stem "$stem" --data "$data" "${names[@]}" scratch control
