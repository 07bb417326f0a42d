"""What programs that index the web ask for first: robots.txt and the sitemap."""

from datetime import datetime
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from digest.store.archive import MOST_ADDRESSES, list_places
from digest.web.desk import Desk, in_thread
from digest.web.kept import FRESH, Body, answer_kept

ROBOTS = "User-agent: *\nDisallow: /unsubscribe/\nDisallow: /preferences/\nDisallow: /confirm/\nDisallow: /move/\nDisallow: /c/\n"


def routes(desk: Desk) -> list[Route]:
    """`/robots.txt` and `/sitemap.xml`."""

    async def robots(_request: Request) -> Response:
        return PlainTextResponse(f"{ROBOTS}\nSitemap: {desk.base}/sitemap.xml\n", headers={"Cache-Control": FRESH})

    async def sitemap(request: Request) -> Response:
        return await in_thread(_sitemap, desk, request)

    return [Route("/robots.txt", robots), Route("/sitemap.xml", sitemap)]


def _sitemap(desk: Desk, request: Request) -> Response:
    with desk.app.database.read() as session:
        places = list_places(session)
    newest: dict[str, datetime] = {}
    for slug, issue in places:
        newest.setdefault(slug, issue.sent_at)
    lines = [(f"{desk.base}/archive/{slug}", at) for slug, at in newest.items()]
    lines += [(f"{desk.base}/archive/{slug}/{issue.number}", issue.sent_at) for slug, issue in places]
    urls = "".join(
        f"<url><loc>{escape(url)}</loc><lastmod>{at.date().isoformat()}</lastmod></url>\n"
        for url, at in lines[:MOST_ADDRESSES]
    )
    head = '<?xml version="1.0" encoding="utf-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
    body = Body(f"{head}{urls}</urlset>\n".encode(), "application/xml")
    return answer_kept(request, body, body.tag)
