"""Small encoders, as PyTorch exports them, its own and one of the kind of BERT: nets agree with ONNX Runtime."""

import math
import warnings

import numpy as np
import onnxruntime
import pytest

import xdn
from tests.pytorch import require_torch, torch
from xdn.runtime.parts import NetPart

require_torch()
nn = torch.nn

WORDS, STEPS, WIDTH, HEADS = 50, 16, 24, 4


class Block(nn.Module):
    """Attention with a mask that is added, then two layers with a GELU between them; a norm after each sum."""

    def __init__(self):
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.wide, self.narrow = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)
        self.first, self.second = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)

    def forward(self, x, mask):
        query, key, value = (
            each(x).view(x.shape[0], STEPS, HEADS, -1).permute(0, 2, 1, 3)
            for each in (self.query, self.key, self.value)
        )
        scores = query @ key.transpose(-1, -2) / math.sqrt(WIDTH // HEADS) + mask
        found = (scores.softmax(-1) @ value).permute(0, 2, 1, 3).reshape(x.shape[0], STEPS, WIDTH)
        x = self.first(x + self.out(found))
        return self.second(x + self.narrow(nn.functional.gelu(self.wide(x))))


class Encoder(nn.Module):
    """Words and places, two blocks, and a pooler over the first step."""

    def __init__(self):
        super().__init__()
        self.words, self.places = nn.Embedding(WORDS, WIDTH), nn.Embedding(STEPS, WIDTH)
        self.norm, self.blocks = nn.LayerNorm(WIDTH), nn.ModuleList([Block(), Block()])
        self.pooler, self.classes = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 3)

    def forward(self, ids, mask):
        x = self.norm(self.words(ids) + self.places.weight[None])
        added = (1 - mask[:, None, None].float()) * -1e4
        for block in self.blocks:
            x = block(x, added)
        return x, self.classes(torch.tanh(self.pooler(x[:, 0])))


def exported(path, module, given, opset, free):
    """Write a model with PyTorch's older exporter; `free` has the inputs' names, and which axis is free."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(), given, path, dynamo=False, opset_version=opset, input_names=list(free),
            dynamic_axes={name: {axis: "n"} for name, axis in free.items()},
        )  # fmt: skip


# Operator set 14 has no LayerNormalization: the exporter writes what it is made of.
@pytest.mark.parametrize("opset", [14, 17])
def test_an_encoder_with_a_free_batch(tmp_path, opset):
    torch.manual_seed(0)
    path = tmp_path / "encoder.onnx"
    given = (torch.zeros(2, STEPS, dtype=torch.int64), torch.ones(2, STEPS, dtype=torch.int64))
    exported(path, Encoder(), given, opset, {"ids": 0, "mask": 0})
    session, other = xdn.Session(xdn.load(path), threads=1), onnxruntime.InferenceSession(path)
    assert all(isinstance(part, NetPart) for part in session.parts)
    rng = np.random.default_rng(1)
    for batch in (1, 3):
        mask = np.arange(STEPS) < rng.integers(1, STEPS, (batch, 1))
        feed = {"ids": rng.integers(0, WORDS, (batch, STEPS)), "mask": mask.astype(np.int64)}
        for found, expected in zip(session.run(None, feed), other.run(None, feed), strict=True):
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


class Own(nn.Module):
    """PyTorch's own encoder, whose attention works sequence-first, also of what has the batch first."""

    def __init__(self, batch_first, norm_first):
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=batch_first, norm_first=norm_first)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, x, mask=None):
        return self.layers(x, src_key_padding_mask=mask)


@pytest.mark.parametrize(
    ("batch_first", "norm_first", "masked", "opset"),
    [(True, False, True, 17), (False, True, True, 14), (False, False, False, 17)],
)
def test_an_encoder_of_pytorch(tmp_path, batch_first, norm_first, masked, opset):
    torch.manual_seed(0)
    path, steps = tmp_path / "own.onnx", 6
    given = (torch.zeros((2, steps, 16) if batch_first else (steps, 2, 16)),)
    given += (torch.arange(steps).expand(2, -1) > 3,) if masked else ()
    free = {"x": 0 if batch_first else 1} | ({"mask": 0} if masked else {})
    exported(path, Own(batch_first, norm_first), given, opset, free)
    net, other = xdn.load(path), onnxruntime.InferenceSession(path)
    rng = np.random.default_rng(1)
    for batch in (1, 3):
        x = rng.standard_normal((batch, steps, 16)).astype(np.float32)
        feed = {"x": x} | ({"mask": np.arange(steps) >= rng.integers(1, steps, (batch, 1))} if masked else {})
        found = net.with_batch(batch).forward(feed)[net.outputs[0]]
        (wanted,) = other.run(None, feed if batch_first else feed | {"x": x.swapaxes(0, 1)})
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)
