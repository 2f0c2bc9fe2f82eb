"""A Hugging Face model as one GGUF file, which llama.cpp runs, and smaller copies of it."""

from engines.mellm.gguf.quantiser import FORMATS, QuantiseError, quantise
from engines.mellm.gguf.vocabulary import GgufError
from engines.mellm.gguf.writer import ARCHITECTURES, Value, check_exportable, write_gguf

__all__ = [
    "ARCHITECTURES", "FORMATS", "GgufError", "QuantiseError", "Value", "check_exportable", "quantise", "write_gguf",
]  # fmt: skip
