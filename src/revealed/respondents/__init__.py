"""Who answers: the LiteLLM client, the ledger, the parser, simulated and public respondents.

Turns prompts into counted choices; nothing here estimates anything.
"""
