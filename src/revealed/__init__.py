"""Revealed: the reproducible study of what language models prefer.

The way of the data runs through the rooms in this order, and a room imports only rooms named
before it::

    foundation -> instruments -> respondents -> utilities -> measures -> figures -> study -> cli

Importing the package imports none of them, so that ``import revealed`` costs nothing.
"""

__version__ = "0.1.0"
