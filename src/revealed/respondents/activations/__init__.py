"""Hidden states of open-weight models for the outcome sentences: written, checked, read.

`hidden_states` needs torch and transformers (the extra ``probe``) and imports them only when it is
called; files written anywhere are read without them. What may not enter: any estimate from
activations (measures).
"""

from .file import FORMAT, About, Activations, checksum, load_activations, save_activations
from .hidden_states import extract
from .planted import Planted, planted

__all__ = [
    "FORMAT",
    "About",
    "Activations",
    "Planted",
    "checksum",
    "extract",
    "load_activations",
    "planted",
    "save_activations",
]
