"""The provider's files and fine-tuning jobs, through LiteLLM: one call, one try.

Trouble comes back as `Trouble`, cleared of keys, as for questions; whether to try again is for
`job` to decide, because a job that may have been made must not be made again.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from ...foundation.errors import RespondentError
from ..door import litellm, provider_of
from ..spec import RespondentSpec
from ..trouble import Trouble, classify, clear, secrets_of

log = logging.getLogger(__name__)

PROVIDERS = ("openai", "azure")
"""Providers whose files and jobs LiteLLM can list, so that what was made can be found again."""
_PAGE = 100
_PAGES = 50

Row = dict[str, Any]
"""An object of the provider: a file (id, filename, status) or a job (id, status, ...)."""


class Remote:
    """Files and jobs of one respondent's provider."""

    def __init__(self, spec: RespondentSpec):
        self.spec = spec
        self.model, self.provider = provider_of(spec)
        if self.provider not in PROVIDERS:
            raise RespondentError(
                f"fine-tuning through {self.provider} is not supported: its jobs cannot be listed "
                "here, so a stopped one could be paid for twice.",
                where=f"respondent {spec.name}",
                todo="`revealed control export` writes the training file; start the job at the "
                "provider, and name the model it makes in study.yaml.",
            )
        self._secrets = secrets_of(spec.api_key)
        # The client's own retries would make a job twice where an answer was lost on its way.
        self._fixed: Row = {
            "custom_llm_provider": self.provider, "timeout": spec.timeout, "max_retries": 0,
        }  # fmt: skip
        if spec.api_base:
            self._fixed["api_base"] = spec.api_base
        if spec.api_key:
            self._fixed["api_key"] = spec.api_key
        elif spec.api_base and self.provider == "openai":
            # Otherwise the OPENAI_API_KEY of the environment would go to that address.
            self._fixed["api_key"] = "none"
        if "api_version" in spec.params:
            self._fixed["api_version"] = spec.params["api_version"]

    async def files(self) -> list[Row]:
        """Files for fine-tuning."""
        found = await self._call("afile_list", purpose="fine-tune")
        return [row for row in self._rows(found) if row.get("purpose", "fine-tune") == "fine-tune"]

    async def upload(self, content: bytes, name: str) -> Row:
        """Send a training file."""
        return self._row(
            await self._call("acreate_file", file=(name, content), purpose="fine-tune")
        )

    async def jobs(self) -> list[Row]:
        """All jobs, the newest first, page by page."""
        rows: list[Row] = []
        after: str | None = None
        for _ in range(_PAGES):
            page = self._rows(await self._call("alist_fine_tuning_jobs", after=after, limit=_PAGE))
            rows += page
            if len(page) < _PAGE:
                break
            after = str(page[-1].get("id"))
        return rows

    async def create(self, file: str, suffix: str, settings: Row, seed: int | None = None) -> Row:
        """Start a job: the step that costs."""
        further = {} if seed is None else {"seed": seed}
        return self._row(
            await self._call(
                "acreate_fine_tuning_job", model=self.model, training_file=file, suffix=suffix,
                hyperparameters=settings, **further,
            )
        )  # fmt: skip

    async def retrieve(self, job: str) -> Row:
        """A job as it stands."""
        return self._row(await self._call("aretrieve_fine_tuning_job", fine_tuning_job_id=job))

    async def cancel(self, job: str) -> Row:
        """Ask for a job to be ended."""
        return self._row(await self._call("acancel_fine_tuning_job", fine_tuning_job_id=job))

    def said(self, text: object) -> str:
        """A text of the provider, cleared of keys."""
        return clear(str(text), self._secrets)

    async def _call(self, name: str, **arguments: Any) -> Any:
        try:
            async with asyncio.timeout(self.spec.timeout + 1.0):
                return await getattr(litellm(), name)(**arguments, **self._fixed)
        except Exception as error:
            # "from None": the exception may carry the request's headers.
            trouble = classify(error, self._secrets, self.spec.timeout)
        raise trouble from None

    def _rows(self, found: Any) -> list[Row]:
        data = found.get("data") if isinstance(found, dict) else getattr(found, "data", None)
        if not isinstance(data, list):
            raise Trouble("retry", "the list cannot be read")
        return [self._row(row) for row in data]

    @staticmethod
    def _row(found: Any) -> Row:
        row = found if isinstance(found, dict) else found.model_dump()
        if not isinstance(row, dict) or not row.get("id"):
            raise Trouble("retry", "the answer names nothing that was made")
        return row
