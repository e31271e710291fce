"""Keeping little in flight, so that a slow client gets what is new and not what has waited."""

from __future__ import annotations

import socket

from aiohttp import web


def keep_little_in_flight(request: web.Request, limit_bytes: int) -> None:
    """Have writes wait as soon as about that much has not been sent, here or in the kernel.

    Without it the kernel alone takes megabytes: seconds of old pictures on a slow network.
    """
    transport = request.transport
    if transport is None:
        return
    transport.set_write_buffer_limits(high=limit_bytes)
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, limit_bytes)


def let_go(request: web.Request) -> None:
    """End a connection; a farewell would wait behind what the client does not take."""
    if request.transport is not None:
        request.transport.abort()
