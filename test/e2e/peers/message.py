"""HTTP messages as the scripted peers see them, whatever the protocol."""

import dataclasses


def field(fields, name):
    """The value of the field `name`, several joined by a comma; None if there is none."""
    found = [value for key, value in fields if key.lower() == name]
    return ", ".join(found) if found else None


@dataclasses.dataclass
class Request:
    method: str = "GET"
    path: str = "/"
    fields: list = dataclasses.field(default_factory=list)
    body: bytes = b""
    trailers: list = dataclasses.field(default_factory=list)
    authority: str = "test.example"

    def get(self, name):
        return field(self.fields, name)


@dataclasses.dataclass
class Response:
    status: int = 200
    fields: list = dataclasses.field(default_factory=list)
    body: bytes = b""
    trailers: list = dataclasses.field(default_factory=list)
    interim: list = dataclasses.field(default_factory=list)  # Responses with a status of 1xx, in order
    reason: str = ""                                         # HTTP/1 only

    def get(self, name):
        return field(self.fields, name)


class Broken(Exception):
    """The peer ended a message before its end: a reset, or a connection closed in the middle."""

    def __init__(self, why, partial=None):
        super().__init__(why)
        self.partial = partial  # what had come by then, a Response
