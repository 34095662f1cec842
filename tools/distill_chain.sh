#!/usr/bin/env bash
# What a teacher is worth: a small net trained from fresh weights by itself, with a large one as teacher, with several, and
# with an assistant of a size between them, which the large one has taught before (Mirzadeh et al. 2020). All trainings of
# one net are equally long. See docs/training.md.
#
#   tools/distill_chain.sh                         ResNet-56 -> ResNet-32 -> ResNet-20, into build/distill
#   tools/distill_chain.sh --quick                 in a few minutes: the shipped ResNet-20 as teacher, one epoch on a part
#
# Where no trained weights of the large net are at hand, it is trained first. A step whose result is there is not run again.
#
# --net P --weights W   the large net
# --assistant P, --student P  the others, whose weights are fresh
# --epochs N       of each training (default: 12, a shortened schedule), at a rate of at most --base-lr F
# --data, --out, --holdout, --rounds, --images, --batch: as tools/reproduce_contest.sh has them

set -euo pipefail
out=build/distill epochs=12 base_lr=0.2
# shellcheck source=contest/common.sh
. "$(dirname "$0")/contest/common.sh"

parse_options "$@"
first_epochs=$epochs
assistant=${assistant:-$root/prototxt/resnet32/deploy.prototxt}
student=${student:-$root/prototxt/resnet20/deploy.prototxt}
[[ -f $assistant && -f $student ]] || fail "no such files: $assistant, $student (say --assistant and --student)"
find_data
find_model resnet56
take_original
test_images

# fresh PROTOTXT NAME TEACHER...: train from fresh weights, into $out/NAME.
fresh() {
    train train "$epochs" "$base_lr" "$1" "$2" scratch "${transform[@]}" "${@:3}"
}

fresh "$assistant" assistant-alone
fresh "$assistant" assistant-taught original
fresh "$student" student-alone
fresh "$student" student-one-teacher original
fresh "$student" student-two-teachers original assistant-alone
fresh "$student" student-assistant assistant-taught
times assistant-alone assistant-taught \
    student-alone student-one-teacher student-two-teachers student-assistant --

"$python" "$here/against.py" "$out" --net ".=original: $(origin_of_weights)" \
    --title "A chain of distillation, $epochs epochs each" \
    --control assistant-taught=assistant-alone --control student-one-teacher=student-alone \
    --control student-two-teachers=student-alone --control student-assistant=student-alone
