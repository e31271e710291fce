"""Who may talk to us: defence of a server on loopback against the pages of other sites.

A page from elsewhere can make the browser send requests here.  It can do so under its own name
(then ``Origin`` or ``Sec-Fetch-Site`` tells: refused when something would change), or after its own
name has been made to resolve to 127.0.0.1 (DNS rebinding; then ``Host`` tells: refused always).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Mapping

from billiards_trainer.api.problem import Problem

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?")
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

SECURITY_HEADERS: Mapping[str, str] = {
    "Server": "billiards-trainer",
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "manifest-src 'self'",
            "worker-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def check_host(host: str | None, allowed: Collection[str]) -> None:
    """Refuse a request that was sent to a name which is not ours.

    Addresses pass: a name is needed for rebinding.

    Args:
        host: the ``Host`` header.
        allowed: names beside ``localhost``, lower case.

    Raises:
        Problem: 400 without a readable header, 421 for a name that is not ours.
    """
    found = _HOST.fullmatch(host or "")
    if found is None:
        raise Problem(400, "the Host header is missing or cannot be read")
    name = found[1].lower().rstrip(".")
    if name == "localhost" or name in allowed or _is_address(name.strip("[]")):
        return
    raise Problem(421, f"this appliance is not called {name}; add the name to api.allowed_hosts")


def check_origin(method: str, headers: Mapping[str, str], *, upgrade: bool = False) -> None:
    """Refuse what would change something, or listen, on behalf of another site's page.

    Programs that are not browsers send neither header and pass.

    Args:
        method: of the request.
        headers: of the request.
        upgrade: whether a WebSocket is asked for: browsers let any page open one.

    Raises:
        Problem: 403.
    """
    if method in _SAFE_METHODS and not upgrade:
        return
    origin = headers.get("Origin")
    if origin is not None and not _same_site(origin, headers.get("Host", "")):
        raise Problem(403, "requests from the pages of other sites are refused")
    if headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        raise Problem(403, "requests from the pages of other sites are refused")


def _same_site(origin: str, host: str) -> bool:
    scheme, _, rest = origin.partition("://")
    if scheme not in ("http", "https"):
        return False
    port = {"http": ":80", "https": ":443"}[scheme]
    return rest.lower().removesuffix(port) == host.lower().removesuffix(port)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
