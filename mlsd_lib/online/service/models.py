"""The typed requests and answers of the service; its OpenAPI description is made of them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from mlsd_lib.online.service.faces import Face
from mlsd_lib.online.service.limits import Limits

STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)
NAME = r"^v[0-9]{4,9}$"

Whole = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]


def asked(face: Face, limits: Limits) -> type[BaseModel]:
    """The model of a body of requests.

    Args:
        face: The fields of a request.
        limits: How long a text may be, and how many requests a body may hold.

    Returns:
        A model with `requests`, a list of models of one request, and `trace`; unknown fields are refused.

    Chapter: Online execution.

    >>> from mlsd_lib.online.service.faces import FACES
    >>> body = asked(FACES["search"], Limits()).model_validate({"requests": [{"query": "pizza"}]})
    >>> body.requests[0].place, body.trace
    ('', False)
    """
    text = Annotated[str, Field(max_length=limits.characters)]
    name = Annotated[str, Field(min_length=1, max_length=limits.characters)]
    fields: dict[str, Any] = {face.text: (text, ...)}
    fields |= dict.fromkeys(face.texts, (text, ""))
    fields |= dict.fromkeys(face.ids, (Whole | name | None, None))
    one = create_model("Request", __config__=STRICT, __doc__="One request.", **fields)
    many = Annotated[list[one], Field(min_length=1, max_length=limits.requests)]  # type: ignore[valid-type]
    body = {
        "requests": (many, ...),
        "trace": (Annotated[bool, Field(description="Whether to time components.")], False),
    }
    return create_model("Requests", __config__=STRICT, __doc__="Requests to be answered.", **body)  # type: ignore


class Result(BaseModel):
    """What one request is shown."""

    request_id: str = Field(description="Given by the service; a log of what happened afterwards names it.")
    version: str = Field(description="The version that answered.")
    arm: str = Field(description="usual or canary.")
    shown: list[dict[str, Any]] = Field(description="Items in order: position from 1, id, score.")


class Step(BaseModel):
    """What one component did, and how long it took."""

    version: str
    component: str
    items_in: int
    items_out: int
    milliseconds: float


class Answers(BaseModel):
    """The answers to a body of requests, in their order."""

    version: str = Field(description="The usual version; each result names its own.")
    results: list[Result]
    trace: list[Step]


class Problem(BaseModel):
    """Why there is no answer."""

    code: str = Field(description="One word for programs.")
    message: str = Field(description="A sentence for people.")
    where: list[str | int] = Field(description="Path to what is wrong in the request, outermost first.")


class Status(BaseModel):
    """Whether the service is well."""

    status: str


class Live(BaseModel):
    """What is served, and what could be."""

    current: str
    previous: str | None
    canary: str | None
    share: float
    shadow: str | None
    stored: list[str]


class Name(BaseModel):
    """A version of the store."""

    model_config = STRICT
    version: str = Field(pattern=NAME, examples=["v0001"])


class NameOrNone(BaseModel):
    """A version of the store, or null to end."""

    model_config = STRICT
    version: str | None = Field(pattern=NAME, examples=["v0001"])


class Share(BaseModel):
    """A version of the store and its share of users; null ends the canary."""

    model_config = STRICT
    version: str | None = Field(pattern=NAME, examples=["v0001"])
    share: float = Field(default=0.0, ge=0.0, le=1.0, allow_inf_nan=False)


class Nothing(BaseModel):
    """An empty object."""

    model_config = STRICT
