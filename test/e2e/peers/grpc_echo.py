"""A gRPC server whose messages are plain bytes, so that no generated code is needed. As a program: grpc_echo.py PORT"""

import sys
import threading
from concurrent import futures

import grpc


class Echo(grpc.GenericRpcHandler):
    """`cancelled` is set when a call of /test.Echo/Hang ends."""

    def __init__(self):
        self.hanging, self.cancelled = threading.Event(), threading.Event()

    def service(self, details):
        kinds = {
            "/test.Echo/Unary": grpc.unary_unary_rpc_method_handler(self._unary),
            "/test.Echo/Fail": grpc.unary_unary_rpc_method_handler(self._fail),
            "/test.Echo/Hang": grpc.unary_unary_rpc_method_handler(self._hang),
            "/test.Echo/Collect": grpc.stream_unary_rpc_method_handler(lambda requests, context: b"".join(requests)),
            "/test.Echo/Split": grpc.unary_stream_rpc_method_handler(self._split),
            "/test.Echo/Chat": grpc.stream_stream_rpc_method_handler(lambda requests, context: iter(requests)),
        }
        return kinds.get(details.method)

    @staticmethod
    def _unary(request, context):
        context.send_initial_metadata([("x-initial", "first")])
        context.set_trailing_metadata([("x-trailing", "last"), ("x-binary-bin", b"\x00\xff")] +
                                      [(item.key, item.value) for item in context.invocation_metadata() if item.key.startswith("x-echo")])
        return request

    @staticmethod
    def _fail(request, context):
        context.set_trailing_metadata([("x-why", "because")])
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not \u00fc now")

    @staticmethod
    def _split(request, context):
        count, _, piece = request.partition(b" ")
        for _ in range(int(count)):
            yield piece

    def _hang(self, request, context):
        context.add_callback(self.cancelled.set)
        self.hanging.set()
        assert self.cancelled.wait(20)
        return b""


def serve(handler, port=0):
    """A started server; handler.address is where it listens."""
    server = grpc.server(futures.ThreadPoolExecutor(16), handlers=[handler],
                         options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", -1)])
    handler.address = "127.0.0.1", server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server


if __name__ == "__main__":
    serve(Echo(), int(sys.argv[1])).wait_for_termination()
