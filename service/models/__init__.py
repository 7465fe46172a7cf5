"""The bundled default model: where it comes from, how it is unpacked and where it is kept.

- `bundled.py`          its name, its shape, its place in the user's cache folder; `prepare` makes it
- `package.py`          the installed package that carries it as a GGUF file
- `conversion.py`       the GGUF file -> a checkpoint folder: `weights.py` and `tokenizer.py` do the two halves
- `atomic_folder.py`    a folder that is there whole or not at all

Knows nothing of engines. Imports what is heavy only while it converts.
"""
