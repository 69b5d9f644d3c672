"""The provider's batches, through LiteLLM: one call, one try."""

from __future__ import annotations

from typing import Any

from ...foundation.errors import RespondentError
from ..jobs import Remote as _Remote
from ..jobs import Row
from ..spec import RespondentSpec
from ..trouble import Trouble
from .bodies import endpoint_of

PROVIDERS = ("openai", "azure")
"""Providers whose batches LiteLLM can start, list, read and cancel."""
_LACKING = {
    "anthropic": "LiteLLM reads its batches, and cannot start them",
    "bedrock": "LiteLLM cannot list its batches, so a stopped one could be paid for twice",
    "mistral": "LiteLLM cannot list its batches, so a stopped one could be paid for twice",
    "vertex_ai": "LiteLLM cannot list the files it sends there, so what was sent is not found",
    "xai": "LiteLLM cannot list the files it sends there, so what was sent is not found",
}
_FILE_TIMEOUT = 600.0
MARK = "revealed"
"""The key in a batch's metadata that its mark stands under."""


def check_batches(spec: RespondentSpec) -> None:
    """Refuse, before anything is sent, a respondent that cannot be asked by batch.

    Raises
    ------
    RespondentError
        With the providers whose batches LiteLLM carries.
    """
    Remote(spec)


class Remote(_Remote):
    """Files and batches of one respondent's provider."""

    purpose = "batch"

    def check(self) -> None:
        """Refuse a provider whose batches LiteLLM does not carry from end to end."""
        if self.provider in PROVIDERS:
            return
        why = _LACKING.get(self.provider, "LiteLLM carries none of its batches")
        if self.provider == "simulated":
            why = "it runs in this process and costs nothing"
        raise RespondentError(
            f"{self.provider} cannot be asked by batch: {why}.",
            where=f"respondent {self.spec.name}",
            todo=f"Batches work with {' and '.join(PROVIDERS)}, and as openai/<model> with "
            "api_base at any address that has OpenAI's files and batches. Ask this one without "
            "--batch.",
        )

    async def call(self, name: str, **arguments: Any) -> Any:
        """As every call; files may take longer than answers."""
        if name in ("acreate_file", "afile_content"):
            arguments["timeout"] = max(self.spec.timeout, _FILE_TIMEOUT)
        return await super().call(name, **arguments)

    async def create(self, file: str, mark: str) -> Row:
        """Start a batch: the step that costs."""
        return self.row(
            await self.call(
                "acreate_batch", completion_window="24h", endpoint=endpoint_of(self.provider),
                input_file_id=file, metadata={MARK: mark},
            )
        )  # fmt: skip

    async def retrieve(self, batch: str) -> Row:
        """A batch as it stands."""
        # Without this, LiteLLM fetches a finished batch's answers at every look, to price them.
        quiet = {"batch_ignore_default_logging": True}
        return self.row(await self.call("aretrieve_batch", batch_id=batch, litellm_metadata=quiet))

    async def cancel(self, batch: str) -> Row:
        """Ask for a batch to be ended."""
        return self.row(await self.call("acancel_batch", batch_id=batch))

    async def content(self, file: str) -> bytes:
        """The bytes of a file."""
        found = await self.call("afile_content", file_id=file)
        content = getattr(found, "content", None)
        if not isinstance(content, bytes):
            raise Trouble("retry", "the file cannot be read")
        return content
