"""Misalignment after fine-tuning: scores by judges, rates, contrasts between conditions."""
