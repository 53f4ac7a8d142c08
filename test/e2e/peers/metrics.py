"""Metrics as messages: of a scrape, and what a metrics service is told."""

import pathlib
import queue
import subprocess
import threading

import grpc
from google.protobuf import descriptor_pb2, message_factory

from peers.control_plane import _Server

_FILE = pathlib.Path(__file__).parent / "metrics.proto"


def _messages():
    made = subprocess.run(["protoc", f"-I{_FILE.parent}", "--descriptor_set_out=/dev/stdout", _FILE.name], check=True, timeout=60,
                          stdout=subprocess.PIPE)
    return message_factory.GetMessages(descriptor_pb2.FileDescriptorSet.FromString(made.stdout).file)


_MESSAGES = _messages()
Family = _MESSAGES["metrics.MetricFamily"]
Stream = _MESSAGES["metrics.StreamMetrics"]


def families(data):
    """Of a scrape, by name: each message has its length in front."""
    found, at = {}, 0
    while at < len(data):
        size = shift = 0
        while True:
            byte = data[at]
            at += 1
            size |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                break
        family = Family.FromString(data[at:at + size])
        assert family.name not in found
        found[family.name] = family
        at += size
    return found


def labels(metric):
    return {label.name: label.value for label in metric.label}


class MetricsService(_Server):
    """Keeps what it is told: (call, message)."""

    def __init__(self, path):
        super().__init__(path)
        self.told = queue.Queue()

    def _handlers(self):
        return grpc.method_handlers_generic_handler("envoy.service.metrics.v3.MetricsService", {
            "StreamMetrics": grpc.stream_unary_rpc_method_handler(self._stream, Stream.FromString, lambda answer: b"")})

    def _stream(self, requests, context):
        call = self.calls
        self.calls += 1

        def read():
            try:
                for request in requests:
                    self.told.put((call, request))
            except grpc.RpcError:
                pass

        generation = self._generation
        threading.Thread(target=read, daemon=True).start()
        with self.changed:
            while not self._ended(context, generation):
                self.changed.wait(0.2)
        return b""

    def until(self, condition):
        """The first (call, message) that is so."""
        while True:
            call, message = self.told.get(timeout=20)
            if condition(message):
                return call, message
