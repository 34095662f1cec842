"""What the tests of recurrent layers share: bottoms, weights, and Caffe's loops, element by element."""

import numpy as np

from tests.layers.oracles import blobs, normal
from xdn.graph import Layer
from xdn.layers.continuationindicator import ContinuationIndicator


def indicator(rng, steps, streams):
    """Return (T, N): mostly ones, and zeros where sequences begin."""
    return (rng.random((steps, streams)) > 0.3).astype(np.float32)


def small_weights(params, bottoms, rng):
    """Return weights so small that gates do not saturate."""
    shapes = params.weight_shapes(blobs(bottoms))
    return {name: normal(rng, *shape) * np.float32(0.4) for name, shape in shapes.items()}


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_loop(x, kept, weights, static=None, start=None):
    """Return (h of all steps, h, c) as lstm_layer.cpp and lstm_unit_layer.cpp compute them, in f64."""
    steps, streams = x.shape[:2]
    w = {name: array.astype(np.float64) for name, array in weights.items()}
    units = w["hidden.weight"].shape[1]
    h, c = (s.astype(np.float64).copy() for s in start) if start else np.zeros((2, streams, units))
    out = np.empty((steps, streams, units))
    for t, n in np.ndindex(steps, streams):
        z = w["input.weight"] @ x[t, n].ravel() + w["input.bias"] + w["hidden.weight"] @ (h[n] * kept[t, n])
        if static is not None:
            z += w["static.weight"] @ static[n].ravel()
        i, f, o, g = z.reshape(4, units)
        f = 0 if kept[t, n] == 0 else kept[t, n] * _sigmoid(f)
        c[n] = f * c[n] + _sigmoid(i) * np.tanh(g)
        h[n] = out[t, n] = _sigmoid(o) * np.tanh(c[n])
    return out, h, c


def rnn_loop(x, kept, weights, static=None, start=None):
    """Return (tops of all steps, h) as rnn_layer.cpp computes them, in f64."""
    steps, streams = x.shape[:2]
    w = {name: array.astype(np.float64) for name, array in weights.items()}
    units = len(w["hidden.weight"])
    h = start[0].astype(np.float64).copy() if start else np.zeros((streams, units))
    out = np.empty((steps, streams, units))
    for t, n in np.ndindex(steps, streams):
        z = w["input.weight"] @ x[t, n].ravel() + w["input.bias"] + w["hidden.weight"] @ (h[n] * kept[t, n])
        if static is not None:
            z += w["static.weight"] @ static[n].ravel()
        h[n] = np.tanh(z)
        out[t, n] = np.tanh(w["output.weight"] @ h[n] + w["output.bias"])
    return out, h


def gru_loop(x, kept, weights, static=None, start=None):
    """Return (tops of all steps, h) as Synopsys' gru_layer.cpp computes them, in f64."""
    steps, streams = x.shape[:2]
    w = {name: array.astype(np.float64) for name, array in weights.items()}
    units = len(w["hidden.z"])
    h = start[0].astype(np.float64).copy() if start else np.zeros((streams, units))
    out = np.empty((steps, streams, units))
    for t, n in np.ndindex(steps, streams):
        given = w["input.weight"] @ x[t, n].ravel() + w["input.bias"]
        if static is not None:
            given += w["static.weight"] @ static[n].ravel()
        of_z, of_r, of_n = given.reshape(3, units)
        state = h[n] * kept[t, n]
        z, r = _sigmoid(of_z + w["hidden.z"] @ state), _sigmoid(of_r + w["hidden.r"] @ state)
        if "hidden.bias" in w:
            new = np.tanh(of_n + r * (w["hidden.n"] @ state + w["hidden.bias"]))
        else:
            new = np.tanh(of_n + w["hidden.n"] @ (r * state))
        h[n] = out[t, n] = (1 - z) * new + z * state
    return out, h


#: x (T, N, ...), units, shape of the static input, whether states are exposed.
CASES = [
    ((1, 1, 1), 1, None, False),
    ((7, 3, 5), 4, None, False),
    ((5, 2, 3, 2), 6, None, True),
    ((6, 1, 20), 17, (1, 3), False),
    ((4, 5, 2), 3, (5, 2, 2), True),
]


def case_bottoms(rng, x, units, static, exposed, states):
    """Return (bottoms, what the loops take beside x and the indicator) of one of `CASES`."""
    bottoms = [normal(rng, *x), indicator(rng, *x[:2])]
    more = {}
    if static is not None:
        more["static"] = normal(rng, *static)
        bottoms.append(more["static"])
    if exposed:
        start = [normal(rng, 1, x[1], units) for _ in range(states)]
        more["start"] = [state[0] for state in start]
        bottoms += start
    return bottoms, more


def indicator_layer(name, steps, streams):
    """Return a layer that gives an indicator (T, N)."""
    return Layer("begin", ContinuationIndicator(time_step=steps, batch_size=streams), (), (name,))
