"""Expressions as trees of google.api.expr.v1alpha1, as a parser makes them."""

import itertools


class Tree:
    """Writes the parts of one expression, each with an id of its own."""

    def __init__(self):
        self._ids = itertools.count(1)

    def _part(self, **kind):
        return {"id": next(self._ids), **kind}

    def name(self, dotted):
        """request.headers, and so on."""
        first, *fields = dotted.split(".")
        made = self._part(ident_expr={"name": first})
        for field in fields:
            made = self._part(select_expr={"operand": made, "field": field})
        return made

    def has(self, dotted):
        made = self.name(dotted)
        made["select_expr"]["test_only"] = True
        return made

    def value(self, value):
        kind = {bool: "bool_value", int: "int64_value", str: "string_value"}[type(value)]
        return self._part(const_expr={kind: value})

    def call(self, function, *arguments, on=None):
        made = self._part(call_expr={"function": function, "args": list(arguments)})
        if on is not None:
            made["call_expr"]["target"] = on
        return made

    def field(self, name, value):
        """request.headers[name] == value"""
        return self.call("_==_", self.call("_[_]", self.name("request.headers"), self.value(name)), self.value(value))
