"""Politics: where respondents stand on proposals, and whether it is politics at all (METHODS 11).

One file a question; import the one that is meant.
"""
