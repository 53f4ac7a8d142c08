"""Short ways to write cases."""

from peers.bootstrap import any_of
from peers.message import Request, Response

_PREFIX = "type.googleapis.com/"


def said(text, status=200):
    """A route action: answers `text`."""
    return {"direct_response": {"status": status, "body": {"inline_string": text}}}


def when(match, text):
    """A route that answers `text` to what matches."""
    return {"match": {"prefix": "/", **match} if not {"path", "prefix", "safe_regex", "path_separated_prefix"} & set(match) else match, **said(text)}


def matching(*matches):
    """Routes that answer with their number, and one that answers "none"."""
    return [when(match, str(number)) for number, match in enumerate(matches)] + [when({}, "none")]


def gets(*paths, fields=()):
    return [Request(path=path, fields=list(fields)) for path in paths]


def get(path="/", *fields, **more):
    return Request(path=path, fields=list(fields), **more)


def route(cluster="@", match=None, **action):
    """A route to a cluster of the case."""
    return {"match": match or {"prefix": "/"}, "route": {"cluster": cluster, **action}}


def adding(name, value, action=None):
    """An item of *_headers_to_add."""
    return {"header": {"key": name, "value": value}, **({"append_action": action} if action else {})}


def ok(*fields, body=b"upstream\n", status=200, trailers=()):
    return Response(status, list(fields), body, list(trailers))


def router(*filters):
    """http_filters: these and the router. A filter is (name, message, fields)."""
    made = [{"name": f"envoy.filters.http.{name}", "typed_config": any_of(f"extensions.filters.http.{name}.v3.{message}", **fields)}
            for name, message, fields in filters]
    return made + [{"name": "envoy.filters.http.router", "typed_config": any_of("extensions.filters.http.router.v3.Router")}]


def grpc(path="/test.Echo/Unary", *fields, body=b"\0\0\0\0\2hi", **more):
    return Request("POST", path, [("content-type", "application/grpc"), ("te", "trailers"), *fields], body, **more)
