"""Time discounting (METHODS 9): one likelihood over all cells, four curves, bounds and gates.

`curves` and `fit` hold the model, `estimates` what is read from it, `parity` the published coarse
score on the same answers, `published` the scores of real models, `findings` what the book may say.
"""
