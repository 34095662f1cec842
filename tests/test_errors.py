"""Errors say what, where and how to mend it, and which exit code they mean."""

import pickle

import pytest

from xdn import errors

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.XdnError)]


@pytest.mark.parametrize(
    ("where", "mend", "text"),
    [
        (None, None, "a kernel of 3"),
        ("net.prototxt:3:5", None, "net.prototxt:3:5: a kernel of 3"),
        (None, "Use 1", "a kernel of 3. Use 1"),
        ("layer 'x'", "Use 1", "layer 'x': a kernel of 3. Use 1"),
    ],
)
def test_the_message(where, mend, text):
    error = errors.ShapeError("a kernel of 3", where=where, mend=mend)
    assert str(error) == text
    assert (error.what, error.where, error.mend) == ("a kernel of 3", where, mend)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind(kind):
    assert kind.__doc__
    assert kind.exit_code == (3 if kind in (errors.CheckError, errors.DamageError) else 1)
    assert isinstance(kind("x"), errors.XdnError)


def test_a_wrong_shape_is_a_wrong_net():
    assert issubclass(errors.ShapeError, errors.NetError)


def test_an_error_survives_another_process():
    """Tests and tuners run in several processes: an error that cannot be pickled hangs or hides them."""
    error = pickle.loads(pickle.dumps(errors.ParseError("odd", where="a:1", mend="Do")))
    assert (type(error), str(error), error.where) == (errors.ParseError, "a:1: odd. Do", "a:1")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], ""),
        (["a"], "a"),
        ([*"abcdefgh"], "a, b, c, d, e, f, g, h"),
        ([*"abcdefghi"], "a, b, c, d, e, f, g, h, ..."),
    ],
)
def test_of_many_names_the_first_are_listed(names, expected):
    assert errors.listed(names) == expected


def test_a_place_is_put_before_that_of_an_error_of_these_kinds():
    with pytest.raises(errors.ShapeError) as found, errors.placed("layer 'x'", errors.NetError):
        raise errors.ShapeError("a kernel of 3", mend="Use 1")
    assert str(found.value) == "layer 'x': a kernel of 3. Use 1"
    with (
        pytest.raises(errors.NetError, match=r"^a\.prototxt: layer 'x': two tops$"),
        errors.placed("a.prototxt", errors.NetError),
    ):
        raise errors.NetError("two tops", where="layer 'x'")
    with pytest.raises(errors.DataError, match=r"^cut off$"), errors.placed("layer 'x'", errors.NetError):
        raise errors.DataError("cut off")
