"""The links of an address change: one came to the old address, one to the new. Opening them changes nothing."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from digest.actions.moves import Moving, Stands, confirm_move, find_moving
from digest.core.links import Purpose, verify_until
from digest.render.words import words_for
from digest.web.desk import Desk, in_thread
from digest.web.forms import read_form


def routes(desk: Desk) -> list[Route]:
    """`/move/{token}`: a page with one button, and what it posts."""

    async def show(request: Request) -> Response:
        return await in_thread(_show, desk, request)

    async def confirm(request: Request) -> Response:
        await read_form(request)
        return await in_thread(_confirm, desk, request)

    return [Route("/move/{token}", show, methods=["GET"]), Route("/move/{token}", confirm, methods=["POST"])]


def _find(desk: Desk, request: Request) -> tuple[Moving, bool] | None:
    app = desk.app
    dated = verify_until(app.link_keys, Purpose.MOVE, request.path_params["token"], now=app.clock())
    if dated is None or dated.is_over:
        return None
    subscriber_id, move_id, is_new = dated.numbers
    with app.database.read() as session:
        found = find_moving(session, subscriber_id=subscriber_id, move_id=move_id)
    return (found, bool(is_new)) if found else None


def _show(desk: Desk, request: Request) -> Response:
    if (found := _find(desk, request)) is None:
        return desk.unknown_link(request)
    moving, _ = found
    return desk.page(
        "move", newsletter=moving.newsletter, language=moving.language, address=moving.move.address,
        action=f"/move/{request.path_params['token']}",
    )  # fmt: skip


def _confirm(desk: Desk, request: Request) -> Response:
    if (found := _find(desk, request)) is None:
        return desk.unknown_link(request)
    moving, is_new = found
    stands = confirm_move(desk.app.database, moving, is_new=is_new, secret=desk.app.key, now=desk.app.clock())
    words = words_for(moving.language)
    heading, told = {
        Stands.WAITS: (
            words._("Half done"),
            words._("Now confirm it at your other address, too: we have written there."),
        ),
        Stands.MADE: (words._("Your address is changed"), words._("From now on everything comes to {address}.")),
        Stands.REFUSED: (words._("That did not work"), words._("This address cannot be used. Nothing was changed.")),
    }[stands]
    return desk.say(
        request, heading, told.format(address=moving.move.address), newsletter=moving.newsletter,
        language=moving.language, status=409 if stands is Stands.REFUSED else 200,
    )  # fmt: skip
