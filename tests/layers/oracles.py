"""What the layer tests share: the comparison with an oracle, and the channel rule's own test."""

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

from xdn.graph import Blob, ChannelRule, Side
from xdn.graph.params import EVERY

#: Spacing of f32 at 1; one rounding errs by half of it.
EPS = np.finfo(np.float32).eps
#: Roundings granted to a formula of a few operations without long sums, on both sides together. A call to exp,
#: pow or tanh counts for up to four (they err by 2 to 4 units in the last place).
FEW = 8


def normal(rng, *shape):
    """Return standard normal f32 values."""
    return rng.standard_normal(shape).astype(np.float32)


def blobs(arrays):
    """Return the arrays' blobs."""
    return [Blob(array.shape) for array in arrays]


def weights_for(params, bottoms, rng):
    """Return random weights for the layer; variances are positive, and the sums' factor is not 1."""
    made = {name: normal(rng, *shape) for name, shape in params.weight_shapes(blobs(bottoms)).items()}
    if "scale_factor" in made:
        made["scale_factor"] = np.array([3.5], np.float32)
    if "variance" in made:
        made["variance"] = np.abs(made["variance"]) + np.float32(0.5)
    return made


def compute(params, bottoms, weights=None, n_tops=1):
    """Return the reference's tops, checked against the shape rule; the bottoms must stay as they are."""
    before = [bottom.copy() for bottom in bottoms]
    expected = params.infer(blobs(bottoms), n_tops)
    assert {name: array.shape for name, array in (weights or {}).items()} == params.weight_shapes(blobs(bottoms))
    tops = params.reference(bottoms, weights or {}, n_tops)
    assert [top.shape for top in tops] == [blob.shape for blob in expected]
    assert all(top.dtype == np.float32 for top in tops)
    assert not any(np.shares_memory(top, bottom) for top in tops for bottom in bottoms)
    for bottom, kept in zip(bottoms, before, strict=True):
        np.testing.assert_array_equal(bottom, kept)
    return tops


def check_layer(params, bottoms, expected, *, weights=None, roundings=FEW, magnitude=None):
    """Compare the reference's tops with an oracle's.

    The difference may be `roundings` times EPS times `magnitude`: an error bound for f32, not a guess. A sum of n
    products errs by at most n roundings of half EPS on each side, relative to the sum of the products' absolute
    values, which then is the `magnitude`; where none is given it is the expected value itself. 0 asks for equal bits.
    """
    expected = expected if isinstance(expected, (tuple, list)) else (expected,)
    tops = compute(params, bottoms, weights, len(expected))
    for top, wanted in zip(tops, expected, strict=True):
        wanted = np.asarray(wanted)
        assert top.shape == wanted.shape
        scale = np.abs(wanted) if magnitude is None else magnitude
        # The smallest normal number: below it f32 has an absolute, not a relative, precision.
        bound = roundings * (EPS * scale + (np.finfo(np.float32).tiny if roundings else 0))
        wrong = np.abs(top.astype(np.float64) - wanted) > bound
        assert not wrong.any(), f"{wrong.sum()} of {wrong.size} differ, at most {np.abs(top - wanted).max()}"


def check_moves(params, bottoms, n_tops=1):
    """Prove that the layer moves values and no more: of numbered elements it gives the numbers of those that it takes.

    0 stands for a zero of the layer's own.
    """
    assert params.moves_only(blobs(bottoms))
    begins = np.cumsum([1, *(bottom.size for bottom in bottoms)])
    numbers = [np.arange(i, i + b.size).reshape(b.shape) for i, b in zip(begins, bottoms, strict=False)]
    values = np.concatenate([np.zeros(1, np.float32), *(bottom.ravel() for bottom in bottoms)])
    tops, taken = (params.reference(each, {}, n_tops) for each in (bottoms, numbers))
    for top, numbered in zip(tops, taken, strict=True):
        assert numbered.dtype == np.int64
        np.testing.assert_array_equal(top, values[numbered])


def contraction_bound(params, bottoms, weights):
    """Return (roundings, magnitude) of a layer that sums products: see `check_layer`."""
    terms = weights["weight"].size // params.num_output + 1
    positive = {name: np.abs(array) for name, array in weights.items()}
    (magnitude,) = params.reference([np.abs(bottom) for bottom in bottoms], positive, 1)
    return terms, magnitude


def run_onnx(op, inputs, *, opset=17, returns=TensorProto.FLOAT, **attributes):
    """Return the first output of one ONNX operator in ONNX Runtime; arrays after the first are constants too."""
    names = [f"x{i}" for i in range(len(inputs))]
    declared = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in zip(names, inputs, strict=True)
    ]
    y = helper.make_tensor_value_info("y", returns, None)
    graph = helper.make_graph([helper.make_node(op, names, ["y"], **attributes)], "one", declared, [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, dict(zip(names, inputs, strict=True)))[0]


def changed_channels(params, bottoms, weights, bottom, channel, rng, of=(0, 1)):
    """Return for each channel of a top, `of` = (its number, all tops), whether it changes with one of a bottom."""
    top, n_tops = of
    before = params.reference(bottoms, weights, n_tops)[top]
    moved = [array.copy() for array in bottoms]
    moved[bottom][:, channel] += 3 * normal(rng, *moved[bottom][:, channel].shape)
    after = params.reference(moved, weights, n_tops)[top]
    others = tuple(axis for axis in range(before.ndim) if axis != 1)
    return (before != after).any(axis=others)


def check_carried(params, bottoms, rng, weights=None, n_tops=1):
    """Prove the CARRIED rule by perturbation: a bottom channel changes those top channels that carry it, no others."""
    shapes = blobs(bottoms)
    assert params.channel_rule_for(shapes) is ChannelRule.CARRIED
    weights = weights_for(params, bottoms, rng) if weights is None else weights
    for bottom, array in enumerate(bottoms):
        carried = params.channel_map(bottom, shapes)
        for channel in range(array.shape[1] if array.ndim > 1 else 0):
            for top in range(n_tops):
                part = params.carried_part(top, n_tops, shapes)
                changed = changed_channels(params, bottoms, weights, bottom, channel, rng, (top, n_tops))
                np.testing.assert_array_equal(changed, carried[part] == channel)


def check_fixed(params, bottoms, rng, weights=None):
    """Prove that the FIXED rule is needed: some channel changes a top channel other than its own."""
    assert params.channel_rule_for(blobs(bottoms)) is ChannelRule.FIXED
    weights = weights_for(params, bottoms, rng) if weights is None else weights
    changed = changed_channels(params, bottoms, weights, 0, 0, rng)
    assert changed[1:].any()


def check_weight_channels(params, bottoms, rng):
    """Prove by perturbation which channels each axis of the weights runs over.

    An entry along a TOP axis changes its channel of the top, and others only that the layer ties to it. An entry along
    a BOTTOM axis changes nothing where its channel of the bottom, and those that the layer ties to it, are zero, and
    something where not.
    """
    shapes, weights = blobs(bottoms), weights_for(params, bottoms, rng)
    found = params.weight_channels(shapes)
    assert {name: len(axes) for name, axes in found.items()} == {name: array.ndim for name, array in weights.items()}
    for name, axes in found.items():
        for number, axis in enumerate(axes):
            if axis is None:
                continue
            assert axis.channels.shape == (weights[name].shape[number],)
            for entry, channel in enumerate(axis.channels):
                moved = {**weights, name: _moved_entry(weights[name], number, entry)}
                if axis.side is Side.TOP:
                    changed = _changed(params, bottoms, weights, moved)
                    assert changed[channel]
                    tied = _tied_tops(params, shapes)
                    assert (tied[changed] == tied[channel]).all()
                else:
                    assert _changed(params, bottoms, weights, moved).any()
                    assert not _changed(params, _without(params, bottoms, channel), weights, moved).any()


def _moved_entry(array, number, entry):
    moved = np.moveaxis(array.copy(), number, 0)
    moved[entry] += 3
    return np.ascontiguousarray(np.moveaxis(moved, 0, number))


def _changed(params, bottoms, weights, moved):
    before, after = (params.reference(bottoms, each, 1)[0] for each in (weights, moved))
    return (before != after).any(axis=tuple(axis for axis in range(before.ndim) if axis != 1))


def _tied_tops(params, shapes):
    """Return labels of the top's channels, those of one label going together."""
    if params.channel_rule_for(shapes) is ChannelRule.FILTERS:
        return params.tied_channels(shapes)[0]
    return np.arange(params.infer(shapes, 1)[0].shape[1])


def _without(params, bottoms, channel):
    _, labels = params.tied_channels(blobs(bottoms))
    cleared = bottoms[0].copy()
    cleared[:, labels == labels[channel]] = 0
    return [cleared]


def check_columns(params, bottom, rng):
    """Prove that a filter's outputs are what it is multiplied with, times its weights, plus the bias."""
    weights = weights_for(params, [bottom], rng)
    (top,) = params.reference([bottom], weights, 1)
    expected = np.moveaxis(top, 1, -1).reshape(-1, params.num_output)
    rows = rng.permutation(len(expected))[: max(1, len(expected) // 2)]
    columns = params.columns(bottom, rows)
    whole = params.filters(weights["weight"])
    np.testing.assert_array_equal(params.weight_of(whole), weights["weight"])
    filters = whole.reshape(len(columns), -1, columns.shape[2])
    found = np.einsum("gmi,gki->mgk", columns, filters).reshape(len(rows), -1)
    terms, magnitude = contraction_bound(params, [bottom], weights)
    bound = terms * EPS * np.moveaxis(magnitude, 1, -1).reshape(-1, params.num_output)[rows]
    assert (np.abs(found + weights.get("bias", 0) - expected[rows]) <= bound).all()


def thin(array, stride):
    """Return every `stride`-th position of an (N, C, H, W) array."""
    return np.ascontiguousarray(array[:, :, :: stride[0], :: stride[1]])


def check_positions(params, bottoms, rng, weights=None, top=(2, 3), n_tops=1):
    """Prove the rule of positions: from those that the layer reads, it computes every `top`-th one as before.

    Equal bits are asked for: where there are sums, give values that they hold without rounding.
    """
    shapes = blobs(bottoms)
    weights = weights_for(params, bottoms, rng) if weights is None else weights
    full = params.reference(bottoms, weights, n_tops)
    read = params.positions_read(top, shapes)
    assert params.strided(top, read, shapes) is not None
    for held in (EVERY, read):
        thinned = params.strided(top, held, shapes)
        if thinned is not None:
            found = compute(thinned, [thin(bottom, held) for bottom in bottoms], weights, n_tops)
            for thinner, each in zip(found, full, strict=True):
                np.testing.assert_array_equal(thinner, thin(each, top))


def check_needs_every_position(params, shapes, top=(2, 3)):
    """Check that the layer claims to read all positions, and to compute none without the others."""
    assert not params.keeps_positions(shapes)
    assert params.positions_read(top, shapes) == EVERY
    assert params.strided(EVERY, EVERY, shapes) is params
    assert [params.strided(top, held, shapes) for held in (EVERY, top)] == [None, None]
