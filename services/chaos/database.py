"""The link to a PostgreSQL: a proxy before its port or its socket, and the URL that leads through it."""

from __future__ import annotations

from random import Random

from sqlalchemy.engine import make_url

from services.chaos.proxy import Proxy


def link(database: str, random: Random) -> Proxy:
    """A proxy before the server of a URL; a folder in place of a host means a socket in it, as everywhere."""
    url = make_url(database)
    host, port = str(url.query.get("host", url.host or "127.0.0.1")), url.port or 5432
    if host.startswith("/"):
        return Proxy(host, port, random, path=f"{host}/.s.PGSQL.{port}")
    return Proxy(host, port, random)


def through(database: str, link: Proxy) -> str:
    """The same database by way of the link, which must be open."""
    url = make_url(database).difference_update_query(["host"]).set(host="127.0.0.1", port=link.port)
    return url.render_as_string(hide_password=False)
