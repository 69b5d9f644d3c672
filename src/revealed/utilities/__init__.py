"""From counted choices to utilities: likelihood, estimator, intervals, designs, scores.

Knows items and counts, and neither prompts nor goods.
"""
