"""The pictures of docs/executor.md, drawn from plans of nets that ship; `tools/make_pictures.py` writes them."""
