"""What is fixed on the table: everyone who draws it draws the one that physics plays on."""

from __future__ import annotations

from pydantic import BaseModel, RootModel

from billiards_trainer import table as tables
from billiards_trainer.api.route import Call, Route


class TableGeometry(RootModel[tables.Table]):
    """Cushions, jaws, pockets, diamonds, spots, strings and balls, in metres."""


async def geometry(call: Call) -> BaseModel:
    """The table of the configuration in force."""
    return TableGeometry(call.services.config.table.to_table())


ROUTES = (
    Route("GET", "/api/v1/table", "The table: all that is fixed", geometry, TableGeometry, "table"),
)
