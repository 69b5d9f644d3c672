"""The book: generated pages from a run's findings, the stage, and the build.

`build_site` is what the command line and the workflow call. Everything the pages say in numbers
comes from the run's findings and from ``data/published``; estimating belongs to the rooms before.
"""

from .stage import assemble, build_site, chapters

__all__ = ["assemble", "build_site", "chapters"]
