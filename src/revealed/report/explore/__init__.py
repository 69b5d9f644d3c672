"""The data of the page *Explore*: findings, utilities, pairs and raw answers as scripts.

`write` takes a run and leaves small files below the site, each one call of a function that the page
defines. Scripts and no JSON, because a browser loads a script from a folder as it does from a
server, and because the page then needs nothing but ``script-src 'self'``. The files are loaded when
somebody picks what they hold.

Nothing is estimated here: numbers come from fits, findings and the tables of the chapters.
"""

from .files import FOLDER, entry, write

__all__ = ["FOLDER", "entry", "write"]
