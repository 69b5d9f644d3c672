"""A run, frozen for publication, verified, and made again from what was frozen.

`release` writes an archive, `verify` reads it against its checksums and metadata, `rebuild` makes
the study again from the archive's answers and says what came out the same.
"""

from .compare import PIXELS, SHARE, Compared
from .freeze import Release, release
from .pack import Verified, verify
from .rebuild import Rebuilt, rebuild, remake

__all__ = [
    "PIXELS",
    "SHARE",
    "Compared",
    "Rebuilt",
    "Release",
    "Verified",
    "rebuild",
    "release",
    "remake",
    "verify",
]
