"""A column that holds pydantic models as JSON text and gives them back typed."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter


class Json(sa.types.TypeDecorator[Any]):
    """JSON of any type pydantic knows; SQL NULL stands for ``None``.

    Messages may gain optional fields, so old rows read back into newer models.
    """

    impl = sa.Text
    cache_ok = True

    def __init__(self, of: Any) -> None:
        super().__init__()
        self.of = of
        self._adapter: TypeAdapter[Any] = TypeAdapter(of)

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str | None:
        """Python to database."""
        return None if value is None else self._adapter.dump_json(value).decode()

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Any:
        """Database to Python; raises ``pydantic.ValidationError`` on foreign content."""
        return None if value is None else self._adapter.validate_json(value)
