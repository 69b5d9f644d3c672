"""What to ask: stimuli, goods at quantities in grammatical English, prompt arms.

Knows nothing of who is asked or of what was answered. The stimuli themselves lie in
``data/instruments``, with a README that says how to add to them.
"""

from .arms import (
    Arm,
    Prompt,
    ReadPrompt,
    extract_options,
    is_padded,
    list_arms,
    load_arm,
    read_prompt,
    render,
    unpad,
)
from .datasheet import Datasheet
from .instrument import Instrument, item_table
from .load import ORIGINAL, list_instruments, load_instrument, load_options
from .options import item_id

__all__ = [
    "ORIGINAL",
    "Arm",
    "Datasheet",
    "Instrument",
    "Prompt",
    "ReadPrompt",
    "extract_options",
    "is_padded",
    "item_id",
    "item_table",
    "list_arms",
    "list_instruments",
    "load_arm",
    "load_instrument",
    "load_options",
    "read_prompt",
    "render",
    "unpad",
]
