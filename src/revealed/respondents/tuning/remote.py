"""The provider's fine-tuning jobs, through LiteLLM: one call, one try."""

from __future__ import annotations

from ...foundation.errors import RespondentError
from ..jobs import Remote as _Remote
from ..jobs import Row

PROVIDERS = ("openai", "azure")
"""Providers whose files and jobs LiteLLM can list, so that what was made can be found again."""


class Remote(_Remote):
    """Files and fine-tuning jobs of one respondent's provider."""

    purpose = "fine-tune"

    def check(self) -> None:
        """Refuse a provider whose jobs cannot be found again."""
        if self.provider not in PROVIDERS:
            raise RespondentError(
                f"fine-tuning through {self.provider} is not supported: its jobs cannot be listed "
                "here, so a stopped one could be paid for twice.",
                where=f"respondent {self.spec.name}",
                todo="`revealed control export` writes the training file; start the job at the "
                "provider, and name the model it makes in study.yaml.",
            )

    async def create(self, file: str, suffix: str, settings: Row, seed: int | None = None) -> Row:
        """Start a job: the step that costs."""
        further = {} if seed is None else {"seed": seed}
        return self.row(
            await self.call(
                "acreate_fine_tuning_job", model=self.model, training_file=file, suffix=suffix,
                hyperparameters=settings, **further,
            )
        )  # fmt: skip

    async def retrieve(self, job: str) -> Row:
        """A job as it stands."""
        return self.row(await self.call("aretrieve_fine_tuning_job", fine_tuning_job_id=job))

    async def cancel(self, job: str) -> Row:
        """Ask for a job to be ended."""
        return self.row(await self.call("acancel_fine_tuning_job", fine_tuning_job_id=job))
