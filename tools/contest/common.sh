# shellcheck shell=bash
# What the reproductions share: options, where a model is found, and steps that are not run twice. Sourced by them.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
here=$root/tools/contest
material=${XDN_TEST_MATERIAL:-$root/../shared}
python=${PYTHON:-python3}
export PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH}

# The options that the scripts have, with their defaults; the scripts set `out`, `epochs` and `base_lr` before, and
# `takes_names` where what is no option is a name. --quick changes the defaults, wherever it stands.
# shellcheck disable=SC2034
net='' weights='' data='' rounds=3 images=10000 quick='' control='' batch='' teacher_net='' holdout=5000 budget=60
# shellcheck disable=SC2034
engines='' precision=f32,bf16,int8 mode=throughput named=()

parse_options() {
    local option
    for option in "$@"; do
        if [[ $option == --quick ]]; then
            out=$out-quick epochs=1 rounds=3 images=2000 holdout=40000 base_lr=0.012 budget=15
        fi
    done
    while (($#)); do
        case $1 in
            --net | --weights | --data | --out | --rounds | --epochs | --base-lr | --holdout | --images | --batch | \
                --teacher | --budget | --engines | --precision | --mode)
                (($# > 1)) || fail "$1 needs a value"
                option=${1#--}
                [[ $option != teacher ]] || option=teacher_net
                printf -v "${option//-/_}" '%s' "$2"
                shift 2
                ;;
            --quick | --control)
                printf -v "${1#--}" yes
                shift
                ;;
            -h | --help)
                sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
                exit 0
                ;;
            *)
                [[ $1 != -* && -n ${takes_names:-} ]] || fail "unknown option $1; see --help"
                named+=("$1")
                shift
                ;;
        esac
    done
    mkdir -p "$out"
}

# has_precision NAME: whether --precision lists it.
has_precision() {
    [[ ,$precision, == *,$1,* ]]
}

# find_data: what no option says, CIFAR-10 where it is found, else Glyphs-10.
find_data() {
    [[ -n $data ]] || data=$("$python" -c 'from xdn.data import find_dataset; print(find_dataset().name)')
}

fail() {
    echo "$(basename "$0"): $1" >&2
    exit 1
}

# step NAME --about TEXT --in FILE... --out FILE... -- COMMAND...
step() {
    local name=$1
    shift
    "$python" "$here/step.py" --work "$out" --name "$name" "$@"
}

xdn=("$python" -m xdn)

# find_model FOLDER PROTOTXT SHIPPED: set net and weights to what the options say; else to FOLDER/PROTOTXT of the test
# material; else to the shipped architecture SHIPPED, trained here.
find_model() {
    local known=$material/models/$1
    if [[ -n $quick ]]; then
        net=${net:-$root/prototxt/resnet20_$data/resnet20.prototxt}
        batch=${batch:-100}
    elif [[ -z $net && $data == cifar10 && -f $known/$2.prototxt ]]; then
        net=$known/$2.prototxt weights=$known/$1.caffemodel
    elif [[ -z $net ]]; then
        echo "no trained model is at hand: it is trained first, 1 to 2 hours on two cores; a run resumes where it stopped"
        train_from_start "$here/train_$data.prototxt" "$root/prototxt/$3/deploy.prototxt" \
            --holdout 5000 --mean-value 125.3,123.0,113.9 --scale 0.015625
        batch=${batch:-100}
    fi
    check_model
}

# check_model: the weights lie beside the net, where nothing else is said; both must be there.
check_model() {
    weights=${weights:-${net%.prototxt}.caffemodel}
    [[ -f $net && -f $weights ]] || fail "no such files: $net, $weights (say --net and --weights)"
}

# train_from_start SOLVER PROTOTXT OPTION...: train a net from fresh weights as the solver says, and set net and weights.
train_from_start() {
    local solver=$1 text=$2
    shift 2
    net=$out/trained/$(basename "$text")
    weights=${net%.prototxt}.caffemodel
    step train --about "train from fresh weights, as the solver says" --in "$solver" "$text" --out "$net" "$weights" -- \
        "${xdn[@]}" train "$solver" --net "$text" --out "$out/trained" "$@"
}

# take_original EXTRA...: the original as every step reads it, into $out/original. EXTRA are options that say what is done
# to the images, where the prototxt does not.
take_original() {
    stem=$(basename "$net" .prototxt)
    original=$out/original/$stem.prototxt
    step original --about "the network as it is, in the form that all steps read" --in "$net" "$weights" \
        --out "$original" "${original%.prototxt}.caffemodel" -- \
        "${xdn[@]}" optimize "$net" --weights "$weights" --stages '' -o "$out/original" "$@"
}

# test_images: as files and packed.
test_images() {
    step images --about "the test images as PNG files, in their order" --out "$out/png/list.txt" -- \
        "$python" "$here/images.py" --data "$data" --images "$images" "$out/png"
    step pack --about "the same images decoded and packed" --in "$out/png/list.txt" --out "$out/test.packed" -- \
        "${xdn[@]}" pack "$out/png/list.txt" --channel-order rgb -o "$out/test.packed"
}

# prune NAME BUDGET OPTION...: prune the original to BUDGET, into $out/NAME; all layers stay layers.
prune() {
    local name=$1 budget=$2 inputs=("$original" "${original%.prototxt}.caffemodel")
    shift 2
    [[ ! -f $budget ]] || inputs+=("$budget")
    step "prune-$name" --about "prune to $(basename "$budget")" \
        --in "${inputs[@]}" \
        --out "$out/$name/$stem.prototxt" "$out/$name/$stem.caffemodel" -- \
        "${xdn[@]}" optimize "$original" --weights "${original%.prototxt}.caffemodel" --stages '' --data "$data" \
        --prune "$budget" -o "$out/$name" "$@"
}

# finetune FROM NAME [TEACHER]: train $out/FROM further, into $out/NAME. The teacher is $out/TEACHER, or a prototxt with
# its weights beside it; scratch stands for fresh weights and no teacher.
finetune() {
    local from=$out/$1/$stem.prototxt solver=$here/finetune_$data.prototxt
    local about="no teacher" inputs=("${from%.prototxt}.caffemodel") begin=(--weights "${from%.prototxt}.caffemodel")
    local teacher=()
    if [[ ${3:-} == scratch ]]; then
        about="from fresh weights" inputs=() begin=(--from-scratch)
    elif [[ -n ${3:-} ]]; then
        local path=$out/$3/$stem.prototxt
        [[ ! -f $3 ]] || path=$3
        about="$(basename "$3" .prototxt) as teacher"
        inputs+=("$path" "${path%.prototxt}.caffemodel")
        teacher=(--teacher "$path:${path%.prototxt}.caffemodel")
    fi
    step "finetune-$2" --about "$epochs epochs of fine-tuning, $about" \
        --in "$solver" "$from" "${inputs[@]}" \
        --out "$out/$2/$stem.prototxt" "$out/$2/$stem.caffemodel" -- \
        "${xdn[@]}" train "$solver" --net "$from" "${begin[@]}" "${teacher[@]}" \
        --epochs "$epochs" --base-lr "$base_lr" --holdout "$holdout" --out "$out/$2"
}

# tune NAME: find the fastest configuration for $out/NAME, into $out/tuned.json.
tune() {
    local path=$out/$1/$stem.prototxt
    step "tune-$1" --about "search for the fastest configuration, $budget s" \
        --in "$path" "${path%.prototxt}.caffemodel" "$out/test.packed" --out "$out/tuned.json" "$out/search.svg" -- \
        "${xdn[@]}" run "$path" --optimize --force --data "$out/test.packed" --tune --budget "$budget" \
        --save-config "$out/tuned.json" --tune-plot "$out/search.svg"
}

# calibrate NAME OPTION...: let the layers of $out/NAME read 8-bit integers, into $out/NAME-int8.
calibrate() {
    local name=$1 path=$out/$1/$stem.prototxt target=$out/$1-int8/$stem.prototxt
    shift
    step "calibrate-$name" --about "choose scales for 8-bit integers by 512 training images" \
        --in "$path" "${path%.prototxt}.caffemodel" --out "$target" "${target%.prototxt}.caffemodel" -- \
        "${xdn[@]}" optimize "$path" --calibrate "$data" -o "$out/$name-int8" "$@"
}

# times NAME... -- OPTION...: time the original and the nets $out/NAME in turn. Files that options name are inputs, too, a
# prototxt with the weights beside it.
times() {
    local inputs=("$out/png/list.txt" "$out/test.packed" "$original" "${original%.prototxt}.caffemodel")
    local nets=(--net "original=$original")
    while [[ $1 != -- ]]; do
        inputs+=("$out/$1/$stem.prototxt" "$out/$1/$stem.caffemodel")
        nets+=(--net "$1=$out/$1/$stem.prototxt")
        shift
    done
    shift
    local option
    for option in "$@"; do
        [[ ! -f $option ]] || inputs+=("$option")
        [[ $option != *.prototxt ]] || inputs+=("${option%.prototxt}.caffemodel")
    done
    if [[ -n $batch ]]; then
        nets+=(--batch "$batch")
    else
        nets+=(--batch-of "$net")
        inputs+=("$net")
    fi
    step times --about "time all configurations in turn, $rounds rounds" --in "${inputs[@]}" --out "$out/times.json" -- \
        "$python" "$here/times.py" "${nets[@]}" --list "$out/png/list.txt" --packed "$out/test.packed" \
        --rounds "$rounds" --json "$out/times.json" "$@"
}
