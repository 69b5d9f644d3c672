"""The command line: a thin layer over the rooms; a file a group of commands.

`app` knows all commands; `options` what several of them take; `printing` how a table and a plan
are shown. What a command does lives in a room.
"""

from .app import app, main

__all__ = ["app", "main"]
