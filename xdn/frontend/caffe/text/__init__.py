"""prototxt <-> NetParameter: Caffe's messages, and what is passed over or told where a text is of another kind."""

from xdn.frontend.caffe.text.schema import Message, place_of
from xdn.frontend.caffe.text.values import fields_of, is_many, put, shortest, values_of, with_layers

__all__ = ["Message", "fields_of", "is_many", "place_of", "put", "shortest", "values_of", "with_layers"]
