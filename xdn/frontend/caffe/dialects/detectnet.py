"""DetectNet's transformation of images and labels, said in our layers: the images are shifted, the labels go.

What it does at random is of training, and labels are made for losses only. What is left is the mean that it takes off
the images: the Power with which DetectNet's own deployed nets begin. The source is detectnet_transform_layer.cpp of
NVIDIA's Caffe.
"""

from xdn.errors import UnsupportedError
from xdn.frontend.caffe.text import Message, place_of, schema, values_of, with_layers

_TYPE = "DetectNetTransformation"


def labels_apart(net: Message) -> Message:
    """Return the NetParameter `net` with a Power for each such layer; the images' data layer gives its labels, too.

    A label of a data layer goes with all that reads it (`xdn.frontend.caffe.deploy`).

    Raises
    ------
    UnsupportedError
        Where its `transform_param` states more than one mean and a scale.
    """
    found = [la for la in net.layer if la.type == _TYPE and len(la.bottom) == len(la.top) == 2]
    if not found:
        return net
    labels = {la.bottom[1] for la in found}
    made = []
    for layer in net.layer:
        given = [la.top[1] for la in found if layer.type == "Data" and la.bottom[0] in layer.top]
        if layer in found:
            made.append(_shifted(layer))
        elif layer.type != "Data" or not labels.issuperset(layer.top):
            made.append(schema.new("LayerParameter"))
            made[-1].CopyFrom(layer)
            made[-1].top.extend(given)
    return with_layers(net, "layer", made)


def _shifted(layer: Message) -> Message:
    """Return the Power that a transformation is for images."""
    param = layer.transform_param
    means = list(param.mean_value) or [0.0]
    if len(means) > 1 or not values_of(param).keys() <= {"mean_value", "scale"}:
        what = f"transform_param with {', '.join(values_of(param))}"
        raise UnsupportedError(what, where=place_of(layer), mend="Known: one mean_value, scale")
    scale = param.scale if param.HasField("scale") else 1.0
    made = schema.new("LayerParameter", name=layer.name, type="Power", bottom=layer.bottom[:1], top=layer.top[:1])
    made.power_param.scale, made.power_param.shift = scale, -scale * means[0]
    return made
