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
from .forms import (
    Form,
    QuestionPrompt,
    ReadQuestion,
    block,
    list_forms,
    load_form,
    read_question,
    read_verbatim,
    render_question,
)
from .instrument import Instrument, item_table
from .languages import ENGLISH, Language, list_languages, load_language
from .load import ORIGINAL, instruments_folder, list_instruments, load_instrument, load_options
from .options import item_id
from .questions import QuestionSet, list_questions, load_questions, question_id, question_table

__all__ = [
    "ENGLISH",
    "ORIGINAL",
    "Arm",
    "Datasheet",
    "Form",
    "Instrument",
    "Language",
    "Prompt",
    "QuestionPrompt",
    "QuestionSet",
    "ReadPrompt",
    "ReadQuestion",
    "block",
    "extract_options",
    "instruments_folder",
    "is_padded",
    "item_id",
    "item_table",
    "list_arms",
    "list_forms",
    "list_instruments",
    "list_languages",
    "list_questions",
    "load_arm",
    "load_form",
    "load_instrument",
    "load_language",
    "load_options",
    "load_questions",
    "question_id",
    "question_table",
    "read_prompt",
    "read_question",
    "read_verbatim",
    "render",
    "render_question",
    "unpad",
]
