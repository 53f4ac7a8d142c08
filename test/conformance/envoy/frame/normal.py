"""Takes out of a result what no two runs have in common: times, dates, identities, ports."""

import email.utils
import math
import re

_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_ADDRESS = re.compile(r"(127\.0\.0\.\d+|\[::1\]):(\d+)")
_HASH = re.compile(r'="[0-9a-f]{16}"')
_TIMES = ("x-envoy-upstream-service-time",)


class Names:
    """Ports by their names."""

    def __init__(self, ports):
        self._ports = {str(port): name for port, name in ports.items()}

    def text(self, text):
        text = _UUID.sub(lambda match: f"<uuid {match[1]}>", text)
        return _ADDRESS.sub(lambda match: f"{match[1]}:<{self._ports.get(match[2], 'any')}>", text)

    def field(self, name, value):
        low = name.lower()
        if low == "date":
            return name, "<date>" if email.utils.parsedate(value) else f"no date: {value}"
        if low in _TIMES and value.isdigit():
            return name, "<ms>"
        if low == "x-envoy-expected-rq-timeout-ms" and value.isdigit():
            return name, f"<= {250 * math.ceil(int(value) / 250)}"  # less by what earlier tries took
        if low == "x-forwarded-port" and self._ports.get(value) == "listener":
            return name, "<listener>"
        if low == "set-cookie":
            return name, _HASH.sub('="<hash>"', value)
        return name, self.text(value)

    def fields(self, fields):
        return [self.field(name, value) for name, value in fields]

    def answer(self, answer):
        if answer["status"] is None:
            return answer
        return {**answer, "fields": self.fields(answer["fields"]), "trailers": self.fields(answer["trailers"]),
                "interim": [(status, self.fields(fields)) for status, fields in answer["interim"]],
                "body": self.text(answer["body"].decode("latin-1"))}

    def request(self, host, request):
        return {"host": host, "method": request.method, "path": request.path, "authority": self.text(request.authority or "-"),
                "fields": self.fields(request.fields), "body": request.body, "trailers": self.fields(request.trailers)}


def kind_of(value):
    return "number" if type(value) in (int, float) else type(value).__name__


def shape(value, path=""):
    """{path: type} of all that is in it; what is in a list has one path."""
    if isinstance(value, dict):
        return {key: kind for name, item in value.items() for key, kind in {f"{path}.{name}": kind_of(item), **shape(item, f"{path}.{name}")}.items()}
    if isinstance(value, list):
        return {key: kind for item in value for key, kind in shape(item, f"{path}[]").items()}
    return {}
