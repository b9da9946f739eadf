"""The trivial page: Starlette on uvicorn, one row by Peewee, one Jinja template, one process.

    python -m bench.reference.trivial_page PORT FOLDER

Fixed: this is the divisor of G11. The row is read on the loop, which is the cheapest way there is.
"""

from __future__ import annotations

import sys
from pathlib import Path

import jinja2
import peewee
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

database = peewee.SqliteDatabase(None, pragmas={"journal_mode": "wal"})
page = jinja2.Environment(autoescape=True).from_string(
    "<!doctype html><html lang=en><meta charset=utf-8><title>{{ title }}</title>"
    "<h1>{{ title }}</h1><p>{{ text }}</p></html>"
)


class Entry(peewee.Model):
    """The one row."""

    token = peewee.CharField(unique=True)
    title = peewee.CharField()
    text = peewee.TextField()

    class Meta:
        database = database


async def show(request: Request) -> HTMLResponse:
    """The row named in the path, as a page."""
    entry = Entry.get(Entry.token == request.path_params["token"])
    return HTMLResponse(page.render(title=entry.title, text=entry.text))


def main(port: int, folder: Path) -> None:
    """Serves `/page/first` on 127.0.0.1 until it is ended."""
    database.init(str(folder / "trivial.sqlite"))
    database.create_tables([Entry])
    if not Entry.select().exists():
        Entry.insert(token="first", title="A ticket", text="What was asked. " * 40).execute()
    app = Starlette(routes=[Route("/page/{token}", show)])
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False, loop="uvloop")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
