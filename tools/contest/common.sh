# shellcheck shell=bash
# What the reproductions share: options, where a model is found, and steps that are not run twice. Sourced by them.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
here=$root/tools/contest
material=${XDN_TEST_MATERIAL:-$root/../shared}
python=${PYTHON:-python3}
export PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH}

# The options that the scripts have, with their defaults; before, the scripts set `out`, `epochs` and `base_lr`, defaults of
# their own for `first_epochs`, `int8_epochs` and `int8_lr`, and `takes_names` where what is no option is a name. --quick
# changes the defaults, wherever it stands.
# shellcheck disable=SC2034
net='' weights='' data='' rounds=3 images=10000 quick='' batch='' teacher_net='' holdout=5000 budget=60
# shellcheck disable=SC2034
first_epochs=${first_epochs:-} int8_epochs=${int8_epochs:-2} int8_lr=${int8_lr:-0.001} assistant='' student=''
# shellcheck disable=SC2034
engines='' precision=f32,bf16,int8 mode=throughput random_images=128 calibration_images=512 chosen='' named=()

parse_options() {
    local option
    for option in "$@"; do
        if [[ $option == --quick ]]; then
            # shellcheck disable=SC2034
            random_images=32 calibration_images=32
            out=$out-quick epochs=1 first_epochs=1 int8_epochs=1 rounds=3 images=2000 holdout=40000 base_lr=0.012 budget=15
        fi
    done
    while (($#)); do
        case $1 in
            --net | --weights | --data | --out | --rounds | --epochs | --base-lr | --holdout | --images | --batch | \
                --teacher | --budget | --engines | --precision | --mode | --first-epochs | --int8-epochs | --int8-lr | \
                --assistant | --student | --nets | --random-images | --calibration-images)
                (($# > 1)) || fail "$1 needs a value"
                option=${1#--}
                case $option in
                    teacher) option=teacher_net ;;
                    nets) option=chosen ;;
                esac
                printf -v "${option//-/_}" '%s' "$2"
                shift 2
                ;;
            --quick)
                quick=yes
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

# lists A,B NAME: whether NAME stands in the list.
lists() {
    [[ ,$1, == *,$2,* ]]
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
# What is done to the images of nets that are trained here from fresh weights.
transform=("--mean-value=125.3,123.0,113.9" --scale=0.015625)

# find_model NAME: set net and weights to what the options say; else to prototxt/NAME_DATA, where it ships with weights, or
# to the net of that name (without _32) of the test material; else to prototxt/NAME, trained here. With --quick NAME is
# resnet20, unless the command line named it.
find_model() {
    local name=$1 known
    [[ -z $quick || ${#named[@]} -gt 0 ]] || name=resnet20
    known=("$material/models/${name%_32}"/train_*.prototxt)
    if [[ -z $net && -f $root/prototxt/${name}_$data/$name.prototxt ]]; then
        net=$root/prototxt/${name}_$data/$name.prototxt batch=${batch:-100}
    elif [[ -z $net && $data == cifar10 && -f ${known[0]} ]]; then
        net=${known[0]} weights=$material/models/${name%_32}/${name%_32}.caffemodel
    elif [[ -z $net ]]; then
        echo "$name: no trained model is at hand; it is trained first, an hour or more on two cores, and resumed if stopped"
        train_from_start "$here/train_$data.prototxt" "$root/prototxt/$name/deploy.prototxt" \
            --holdout "$holdout" "${transform[@]}" ${first_epochs:+--epochs "$first_epochs"}
        batch=${batch:-100}
    fi
    [[ -z $quick ]] || batch=${batch:-100}
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
    step train --about "train from fresh weights, ${first_epochs:-as many as the solver says} epochs" \
        --in "$solver" "$text" --out "$net" "$weights" -- \
        "${xdn[@]}" train "$solver" --net "$text" --out "$out/trained" "$@"
}

# take_original: the original as every step reads it, into $out/original. Nets of the test material that name no mean
# values have its mean image.
take_original() {
    local mean=()
    if [[ $net == "$material"/* ]] && ! grep -q mean_value "$net"; then
        mean=(--mean-file "$material/models/mean.binaryproto")
    fi
    stem=$(basename "$net" .prototxt)
    original=$out/original/$stem.prototxt
    step original --about "the network as it is, in the form that all steps read" --in "$net" "$weights" \
        --out "$original" "${original%.prototxt}.caffemodel" -- \
        "${xdn[@]}" optimize "$net" --weights "$weights" --stages '' -o "$out/original" "${mean[@]}"
}

# test_images: as files, which $listed lists, and $packed.
test_images() {
    listed=$out/png/list.txt packed=$out/test.packed
    step images --about "the test images as PNG files, in their order" --out "$listed" -- \
        "$python" "$here/images.py" --data "$data" --images "$images" "$out/png"
    step pack --about "the same images decoded and packed" --in "$listed" --out "$packed" -- \
        "${xdn[@]}" pack "$listed" --channel-order rgb -o "$packed"
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

# train SOLVER EPOCHS RATE FROM NAME [WORD...]: train $out/FROM, or a prototxt with its weights beside it, as
# tools/contest/SOLVER_DATA.prototxt says, into $out/NAME. A WORD is a teacher, $out/WORD or a prototxt with its weights
# beside it; scratch, which stands for fresh weights; or an option of xdn-train.
train() {
    local solver=$here/$1_$data.prototxt lasting=$2 rate=$3 name=$5 from path word weight_file
    local taught='' first='' options=()
    from=$(net_of "$4")
    weight_file=${from%.prototxt}.caffemodel
    local inputs=("$weight_file") begin=(--weights "$weight_file")
    for word in "${@:6}"; do
        case $word in
            scratch)
                first=", from fresh weights" inputs=() begin=(--from-scratch)
                ;;
            --*)
                options+=("$word")
                ;;
            *)
                path=$(net_of "$word")
                taught+=${taught:+ and }$(basename "$word" .prototxt)
                inputs+=("$path" "${path%.prototxt}.caffemodel")
                options+=(--teacher "$path:${path%.prototxt}.caffemodel")
                ;;
        esac
    done
    step "train-$name" --about "$lasting epochs$first, ${taught:-nothing} as teacher, $holdout images held out" \
        --in "$solver" "$from" "${inputs[@]}" \
        --out "$out/$name/$(basename "$from")" "$out/$name/$(basename "${from%.prototxt}.caffemodel")" -- \
        "${xdn[@]}" train "$solver" --net "$from" "${begin[@]}" "${options[@]}" \
        --epochs "$lasting" --base-lr "$rate" --holdout "$holdout" --out "$out/$name"
}

# net_of WORD: the prototxt that is meant, WORD itself or the one in $out/WORD.
net_of() {
    local found=("$out/$1"/*.prototxt)
    [[ ! -f $1 ]] || found=("$1")
    echo "${found[0]}"
}

# finetune FROM NAME [WORD...]: train further by Nesterov's momentum, as `train` does.
finetune() {
    train finetune "$epochs" "$base_lr" "$@"
}

# train_narrow FROM NAME [WORD...]: train a net further, with Adam at low rates: one that reads integers of few bits, or the
# net in f32 beside it.
train_narrow() {
    train narrow "$int8_epochs" "$int8_lr" "$@"
}

# train_fused FROM NAME [WORD...]: the same for a net without BatchNorm, by Nesterov's momentum: of 8-bit integers, which
# are near the net in f32 from the beginning, or of f32.
train_fused() {
    train finetune "$int8_epochs" "$int8_lr" "$@"
}

# fuse NAME: $out/NAME without BatchNorm, into $out/NAME-fused.
fuse() {
    local path=$out/$1/$stem.prototxt target=$out/$1-fused/$stem.prototxt
    step "fuse-$1" --about "let convolutions do what BatchNorm and Scale do" \
        --in "$path" "${path%.prototxt}.caffemodel" --out "$target" "${target%.prototxt}.caffemodel" -- \
        "${xdn[@]}" optimize "$path" -o "$out/$1-fused"
}

# tune NAME: find the fastest configuration for $out/NAME, into $out/tuned.json.
tune() {
    local path=$out/$1/$stem.prototxt
    step "tune-$1" --about "search for the fastest configuration, $budget s" \
        --in "$path" "${path%.prototxt}.caffemodel" "$packed" --out "$out/tuned.json" "$out/search.svg" -- \
        "${xdn[@]}" run "$path" --optimize --force --data "$packed" --tune --budget "$budget" \
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
    local inputs=("$listed" "$packed" "$original" "${original%.prototxt}.caffemodel")
    local nets=(--net "original=$original") option path
    while [[ $1 != -- ]]; do
        path=$(net_of "$1")
        inputs+=("$path" "${path%.prototxt}.caffemodel")
        nets+=(--net "$1=$path")
        shift
    done
    shift
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
        "$python" "$here/times.py" "${nets[@]}" --list "$listed" --packed "$packed" \
        --rounds "$rounds" --json "$out/times.json" "$@"
}

# name_nets NAME...: which nets `compare_forms` takes: that of --net, those that the command line names, or else these.
name_nets() {
    local name
    [[ -z $net ]] || named=("$(basename "$net" .prototxt)")
    if ((!${#named[@]})); then
        named=("$@")
        [[ -z $quick ]] || named=(resnet20)
    fi
    for name in "${named[@]}"; do
        [[ -n $net || -f $root/prototxt/$name/deploy.prototxt ]] || fail "no such net: $name"
    done
}

# compare_forms FUNCTION TITLE FORM=CONTROL...: let FUNCTION make and time the forms of each net, in $out/NET, with the
# net's `net`, `weights` and `batch`; then one page of all, where each FORM stands beside its control.
compare_forms() {
    local make=$1 title=$2 whole=$out name shown=() controls=("${@:3}")
    for name in "${named[@]}"; do
        forms_of "$name"
    done
    "$python" "$here/against.py" "$out" "${shown[@]}" --title "$title" "${controls[@]/#/--control=}"
}

# origin_of_weights: where those of the original are from, in words.
origin_of_weights() {
    if [[ $net == "$out"/trained/* ]]; then
        echo "trained here for $first_epochs epochs"
    else
        echo "weights as given"
    fi
}

# forms_of NAME: the part of `compare_forms` for one net.
forms_of() {
    local out=$whole/$1 net=$net weights=$weights batch=$batch
    find_model "$1"
    take_original
    "$make"
    shown+=(--net "$1=$1, $(origin_of_weights)")
}
