"""One file an experiment: pure functions from tables and fits to findings.

Nothing here asks, reads a run's files or draws.
"""
