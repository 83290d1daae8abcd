"""202: what concerns very many orders goes on by itself, and `Location` tells how far it is."""

import json
from typing import Any

from fastapi import Response
from pydantic import BaseModel


def goes_on(model: type[BaseModel], description: str) -> dict[int | str, dict[str, Any]]:
    """For OpenAPI: that a call may answer so."""
    location = {"description": "Tells how far it is", "schema": {"type": "string"}}
    return {202: {"model": model, "description": description, "headers": {"Location": location}}}


def located(response: Response, under: str) -> Response:
    """The answer of such a call, a first or a repeated one: what its body has the id of stands under that path."""
    if response.status_code == 202:
        response.headers["Location"] = f"{under}/{json.loads(bytes(response.body))['id']}"
    return response
