"""A provider's files, through LiteLLM, and the way to every other call: one call, one try.

Trouble comes back as `Trouble`, cleared of keys, as for questions; whether to try again is for the
caller to decide, because what may have been made must not be made again.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from ..door import litellm, provider_of
from ..spec import RespondentSpec
from ..trouble import Trouble, classify, clear, secrets_of

_PAGE = 100
_PAGES = 50

Row = dict[str, Any]
"""An object of the provider: a file (id, filename, status) or a job (id, status, ...)."""


class Remote:
    """Files of one respondent's provider. A kind of job adds its own calls.

    Raises
    ------
    RespondentError
        If jobs of this kind cannot be made, or not found again, at the provider.
    """

    purpose: ClassVar[str]
    """What files of this kind of job are for, in the provider's word."""

    def __init__(self, spec: RespondentSpec):
        self.spec = spec
        self.model, self.provider = provider_of(spec)
        self.check()
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

    def check(self) -> None:
        """Refuse a provider that cannot do jobs of this kind."""
        raise NotImplementedError

    async def files(self) -> list[Row]:
        """The files that were sent for this purpose."""
        found = await self.call("afile_list", purpose=self.purpose)
        return [row for row in self.rows(found) if row.get("purpose", self.purpose) == self.purpose]

    async def upload(self, content: bytes, name: str) -> Row:
        """Send a file."""
        return self.row(await self.call("acreate_file", file=(name, content), purpose=self.purpose))

    async def pages(self, name: str, born: float = 0.0) -> tuple[list[Row], bool]:
        """Jobs that LiteLLM's function `name` lists, the newest first, page by page.

        Returns them and whether they are all that were made since `born` (Unix time): some
        providers' lists cannot be followed to their end.
        """
        rows: dict[str, Row] = {}
        after: str | None = None
        for _ in range(_PAGES):
            found = await self.call(name, after=after, limit=_PAGE)
            page = self.rows(found)
            fresh = [row for row in page if str(row["id"]) not in rows]
            rows |= {str(row["id"]): row for row in fresh}
            if page and float(page[-1].get("created_at") or born) < born:
                return list(rows.values()), True
            more = getattr(found, "has_more", None)
            if not (len(page) >= _PAGE if more is None else more):
                return list(rows.values()), True
            if not fresh:
                break
            after = str(page[-1].get("id"))
        return list(rows.values()), False

    def said(self, text: object) -> str:
        """A text of the provider, cleared of keys."""
        return clear(str(text), self._secrets)

    async def call(self, name: str, **arguments: Any) -> Any:
        """What LiteLLM's function `name` returns.

        Raises
        ------
        Trouble
            If it raises anything, or takes too long.
        """
        fixed = {**self._fixed, **arguments}
        try:
            async with asyncio.timeout(fixed["timeout"] + 1.0):
                return await getattr(litellm(), name)(**fixed)
        except Exception as error:
            # "from None": the exception may carry the request's headers.
            trouble = classify(error, self._secrets, fixed["timeout"])
        raise trouble from None

    def rows(self, found: Any) -> list[Row]:
        """The objects of a list."""
        data = found.get("data") if isinstance(found, dict) else getattr(found, "data", None)
        if not isinstance(data, list):
            raise Trouble("retry", "the list cannot be read")
        return [self.row(row) for row in data]

    @staticmethod
    def row(found: Any) -> Row:
        """One object."""
        row = found if isinstance(found, dict) else found.model_dump()
        if not isinstance(row, dict) or not row.get("id"):
            raise Trouble("retry", "the answer names nothing that was made")
        return row
