"""The Open Inference Protocol over HTTP: bodies to requests, and the application and server around them."""
