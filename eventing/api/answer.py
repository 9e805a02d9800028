"""The ops API's answers that are no success: each is `{"message": ...}`."""

from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from channels.errors import ChannelUnavailable
from eventing.api.model import Message

_Responses = dict[int | str, dict[str, Any]]

NOT_FOUND: Final[_Responses] = {404: {"model": Message, "description": "There is none of that name."}}
CONFLICT: Final[_Responses] = {409: {"model": Message, "description": "It was changed meanwhile: try again."}}
INVALID: Final[_Responses] = {422: {"model": Message, "description": "A parameter is out of its range."}}
UNAVAILABLE: Final[_Responses] = {
    503: {"model": Message, "description": "No store that was asked answers at this moment."}
}


def answer_errors(api: FastAPI) -> None:
    """Have the application answer errors that way."""
    api.exception_handler(HTTPException)(_answer_http_exception)
    api.exception_handler(RequestValidationError)(_answer_invalid_request)
    api.exception_handler(ChannelUnavailable)(_answer_unavailable)


async def _answer_http_exception(_: Request, error: HTTPException) -> Response:
    return JSONResponse({"message": str(error.detail)}, status_code=error.status_code, headers=error.headers)


async def _answer_invalid_request(_: Request, error: RequestValidationError) -> Response:
    faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
    return JSONResponse({"message": "; ".join(faults)}, status_code=422)


async def _answer_unavailable(_: Request, error: ChannelUnavailable) -> Response:
    return JSONResponse({"message": str(error)}, status_code=503)
