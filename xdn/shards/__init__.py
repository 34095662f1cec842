"""A data set that is run in parts, by several processes or machines: a file a part, and one result of all of them."""
