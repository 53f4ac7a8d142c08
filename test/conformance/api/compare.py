"""Compares a subset of an API with the whole: each message, field and enum value of the subset must be in the whole."""

from google.protobuf import descriptor_pb2

_TYPES = descriptor_pb2.FieldDescriptorProto.Type
_LABELS = descriptor_pb2.FieldDescriptorProto.Label


def _field(message, field):
    """What must be equal, as a readable line."""
    oneof = ""
    if field.HasField("oneof_index") and not field.proto3_optional:
        oneof = f" in oneof {message.oneof_decl[field.oneof_index].name}"
    return (f"{_LABELS.Name(field.label)} {_TYPES.Name(field.type)} {field.type_name} = {field.number}"
            f"{oneof}{' optional' if field.proto3_optional else ''}")


def _index(descriptors):
    """{full name of a message or enum: {member name: readable line}}."""
    index = {}

    def enum(scope, item):
        index[f"{scope}.{item.name}"] = {value.name: str(value.number) for value in item.value}

    def message(scope, item):
        name = f"{scope}.{item.name}"
        index[name] = {field.name: _field(item, field) for field in item.field}
        for nested in item.nested_type:
            message(name, nested)
        for nested in item.enum_type:
            enum(name, nested)

    for file in descriptors.file:
        for item in file.message_type:
            message(file.package, item)
        for item in file.enum_type:
            enum(file.package, item)
    return index


def differences(subset, whole, prefix):
    """One line for each member of `subset` below package `prefix` that `whole` has not, or has otherwise."""
    ours, theirs = _index(subset), _index(whole)
    found = []
    for name, members in sorted(ours.items()):
        if not name.startswith(prefix):
            continue
        if name not in theirs:
            found.append(f"{name}: no such type")
            continue
        for member, line in members.items():
            official = theirs[name].get(member)
            if official is None:
                found.append(f"{name}.{member}: no such member")
            elif official != line:
                found.append(f"{name}.{member}: {line}, officially {official}")
    return found


def size(descriptors, prefix):
    """(types, members) below package `prefix`."""
    members = [value for name, value in _index(descriptors).items() if name.startswith(prefix)]
    return len(members), sum(len(value) for value in members)
