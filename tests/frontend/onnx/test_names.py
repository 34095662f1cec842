from xdn.frontend.onnx.names import fresh


def test_names_are_given_once():
    taken = {"b": 1, "c:1": 1}
    given = [fresh(wish, taken) for wish in ("a", "a", "b", "a", "a:1", "c", "c")]
    assert given == ["a", "a:1", "b:1", "a:2", "a:1:1", "c", "c:2"]
    assert set(taken) == {"b", "c:1", *given}
