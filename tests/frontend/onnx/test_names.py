from xdn.frontend.onnx.names import fresh


def test_names_are_given_once():
    taken = {"b"}
    assert [fresh("a", taken), fresh("a", taken), fresh("b", taken)] == ["a", "a:1", "b:1"]
    assert taken == {"a", "a:1", "b", "b:1"}
