"""Work that a provider does by itself for hours: sent once, found again, looked at until it ends.

What fine-tuning and batches share. `remote` is the provider, through LiteLLM, one call and one try;
`work` goes from step to step, and looks for what was made already before it makes anything;
`lock` keeps other processes away.
"""

from .lock import locked
from .remote import Remote, Row
from .work import Tell, Timing, Worker

__all__ = ["Remote", "Row", "Tell", "Timing", "Worker", "locked"]
