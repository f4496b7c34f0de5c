"""How values become payloads: JSON by pydantic, by one converter for the whole process.

The SDK makes a converter for each workflow and two more for each activation. It keeps no state but what it has learnt
of types, which each would learn anew: together a tenth of what workflows cost a worker.
"""

from __future__ import annotations

from typing import ClassVar, Self

from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import DataConverter

_TYPES_MAX = 256
"""More than we have. Where each workflow has its modules to itself, those of workflows that ended go with them."""


class _OneConverter(PydanticPayloadConverter):
    """The same one, whenever one is made."""

    _made: ClassVar[Self | None] = None

    def __new__(cls) -> Self:
        return cls._made or super().__new__(cls)

    def __init__(self) -> None:
        if type(self)._made is None:
            super().__init__(max_cached_type_adapters=_TYPES_MAX)
            type(self)._made = self


DATA_CONVERTER = DataConverter(payload_converter_class=_OneConverter)
"""Of every client and worker."""
