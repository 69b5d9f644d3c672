"""Answers of real models that others published: fetched with a checksum, checked, imported.

Every importer turns a file into the study's own tables and names file, row and column (or entry
and field) when something is off. What may not enter: any estimate from these answers (measures).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ...instruments.free_form import (
    QUESTION_FILES,
    FreeFormQuestion,
    load_free_form_questions,
    topic_and_format,
)
from .cache import Source, available, cache_folder, fetch, find_source, list_sources
from .cogbench import COGBENCH_FILES, import_cogbench
from .judge_fixture import JUDGE_FIXTURE_FILE, import_judge_fixture
from .judges import JUDGE_FILES, Judgements, import_judgements
from .moral_foundations import (
    FOUNDATIONS,
    MORAL_FOUNDATIONS_FILES,
    MoralFoundations,
    import_moral_foundations,
)
from .moral_machine import (
    ATTRIBUTES,
    CHARACTERS,
    MORAL_MACHINE_RESPONDENT,
    import_moral_machine_choices,
    import_moral_machine_effects,
)
from .original_format import (
    INSTRUMENT,
    TRIADS_RESPONDENT,
    import_triad_rows,
    import_triads,
    import_utilities,
)
from .political_answers import (
    POLITICS_FILE,
    QUESTIONNAIRE_LANGUAGES,
    QUESTIONNAIRE_MODELS,
    import_political_answers,
    load_political_items,
)
from .probvaa import (
    VAA_COUNTRIES,
    VAA_FILES,
    import_vaa_positions,
    load_vaa_parties,
)
from .published import load_aliases, load_claims, load_published
from .scored_answers import (
    RANK_FILES,
    RANKS,
    SEVERITY_FILES,
    ScoredAnswers,
    import_scored_answers,
    repairs,
)
from .seven_models import (
    SEVEN_MODELS,
    SEVEN_MODELS_FILE,
    import_seven_models,
    load_monetary_items,
)

PUBLIC_RESPONDENTS: Mapping[str, str] = MappingProxyType(
    {
        TRIADS_RESPONDENT: "fourofclubs001/triad_results_qwen25-15b-instruct-colab.json",
        **{
            f"avocado/{model}": f"avocado/results_utilities_{model}.json"
            for model in (
                "gpt-4o", "gemma-3-27b", "llama-3.1-8b-instruct", "gpt-oss-20b",
                "qwen-3-30b-instruct-2507",
            )
        },
        **{
            f"notrichardren/{model}": f"notrichardren/results_utilities_{model}.json"
            for model in ("llama-2-7b-instruct", "qwen25-vl-7b-instruct")
        },
    }
)  # fmt: skip
"""Respondents of published answers, named after their source, and the file that holds them. Files
named ``results_utilities_*`` are for `import_utilities`, the triads for `import_triads`, the Moral
Machine's for `import_moral_machine_choices`."""

FAMILIES: Mapping[str, str] = MappingProxyType(
    {
        "avocado/gpt-4o": "OpenAI",
        "avocado/gpt-oss-20b": "OpenAI",
        "avocado/gemma-3-27b": "Google",
        "avocado/llama-3.1-8b-instruct": "Meta",
        "notrichardren/llama-2-7b-instruct": "Meta",
        "avocado/qwen-3-30b-instruct-2507": "Alibaba",
        "notrichardren/qwen25-vl-7b-instruct": "Alibaba",
    }
)
"""Who made the models whose utilities are published."""

__all__ = [
    "ATTRIBUTES",
    "CHARACTERS",
    "COGBENCH_FILES",
    "FAMILIES",
    "FOUNDATIONS",
    "INSTRUMENT",
    "JUDGE_FILES",
    "JUDGE_FIXTURE_FILE",
    "MORAL_FOUNDATIONS_FILES",
    "MORAL_MACHINE_RESPONDENT",
    "POLITICS_FILE",
    "PUBLIC_RESPONDENTS",
    "QUESTIONNAIRE_LANGUAGES",
    "QUESTIONNAIRE_MODELS",
    "QUESTION_FILES",
    "RANKS",
    "RANK_FILES",
    "SEVEN_MODELS",
    "SEVEN_MODELS_FILE",
    "SEVERITY_FILES",
    "TRIADS_RESPONDENT",
    "VAA_COUNTRIES",
    "VAA_FILES",
    "FreeFormQuestion",
    "Judgements",
    "MoralFoundations",
    "ScoredAnswers",
    "Source",
    "available",
    "cache_folder",
    "fetch",
    "find_source",
    "import_cogbench",
    "import_judge_fixture",
    "import_judgements",
    "import_moral_foundations",
    "import_moral_machine_choices",
    "import_moral_machine_effects",
    "import_political_answers",
    "import_scored_answers",
    "import_seven_models",
    "import_triad_rows",
    "import_triads",
    "import_utilities",
    "import_vaa_positions",
    "list_sources",
    "load_aliases",
    "load_claims",
    "load_free_form_questions",
    "load_monetary_items",
    "load_political_items",
    "load_published",
    "load_vaa_parties",
    "repairs",
    "topic_and_format",
]
