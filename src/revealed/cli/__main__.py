"""``python -m revealed.cli``."""

from .app import main

main()
