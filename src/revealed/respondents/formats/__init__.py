"""Answers in the formats that others use: the original study's JSON, inspect_ai logs, CSV.

What leaves and what enters is a `Portable`: one respondent's answers to one instrument in one arm,
with their utilities. A reader refuses a file that is off in any place and names the place; it
writes nothing. Model output stays text: it is read by the parser, and never run or rendered.
"""

from .inspect_logs import Asked, question_records, write_inspect, write_questions
from .inspect_read import read_inspect
from .original import original_json, write_original
from .original_read import read_original
from .pairs import read_pairs
from .portable import Portable
from .sniffing import FORMATS, Names, read_answers
from .spreadsheets import guard, unguard
from .tables import EXPORTED_ITEMS, EXPORTED_UTILITIES, package, read_package, write_package

__all__ = [
    "EXPORTED_ITEMS",
    "EXPORTED_UTILITIES",
    "FORMATS",
    "Asked",
    "Names",
    "Portable",
    "guard",
    "original_json",
    "package",
    "question_records",
    "read_answers",
    "read_inspect",
    "read_original",
    "read_package",
    "read_pairs",
    "unguard",
    "write_inspect",
    "write_original",
    "write_package",
    "write_questions",
]
