"""prototxt <-> NetParameter: Caffe's messages, and what is passed over or told where a text is of another kind."""

from xdn.frontend.caffe.text.schema import Message, place_of

__all__ = ["Message", "place_of"]
