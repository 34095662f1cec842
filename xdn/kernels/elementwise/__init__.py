"""Functions of each element, of a channel's elements, and of two blobs."""
