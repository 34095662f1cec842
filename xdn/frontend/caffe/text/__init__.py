"""prototxt <-> NetParameter: Caffe's messages, and what is passed over or told where a text is of another kind."""
