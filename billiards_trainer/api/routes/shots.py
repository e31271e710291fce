"""The shot log."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from billiards_trainer.api.problem import Problem
from billiards_trainer.api.route import Call, Route
from billiards_trainer.storage.records import SessionPage, ShotDetail, ShotPage

Limit = Annotated[int, Field(ge=1, le=200, description="The most that are wanted")]
Before = Annotated[int, Field(ge=1, le=2**53, description="next_before of the page before")]


class SessionQuery(BaseModel):
    """Which sessions."""

    limit: Limit = 50
    before: Before | None = None


class ShotQuery(SessionQuery):
    """Which shots."""

    session: Annotated[str, Field(min_length=1, max_length=64)] | None = Field(
        None, description="Only those of this session"
    )


async def sessions(call: Call) -> BaseModel:
    """Sessions, newest first."""
    query: SessionQuery = call.query
    return await call.services.read_log(lambda log: log.sessions(query.limit, query.before))


async def shots(call: Call) -> BaseModel:
    """Shots, newest first."""
    query: ShotQuery = call.query
    return await call.services.read_log(
        lambda log: log.shots(query.limit, query.before, query.session)
    )


async def shot(call: Call) -> BaseModel:
    """One shot, whole."""
    shot_id = call.request.match_info["shot_id"]
    found = await call.services.read_log(lambda log: log.shot(shot_id))
    if found is None:
        raise Problem(404, f"there is no shot {shot_id}")
    return found


ROUTES = (
    Route(
        "GET",
        "/api/v1/sessions",
        "Sessions, newest first",
        sessions,
        SessionPage,
        tag="shots",
        query=SessionQuery,
        problems=(503,),
    ),
    Route(
        "GET",
        "/api/v1/shots",
        "Recorded shots, newest first",
        shots,
        ShotPage,
        tag="shots",
        query=ShotQuery,
        problems=(503,),
    ),
    Route(
        "GET",
        "/api/v1/shots/{shot_id}",
        "One recorded shot, whole",
        shot,
        ShotDetail,
        tag="shots",
        problems=(404, 503),
    ),
)
