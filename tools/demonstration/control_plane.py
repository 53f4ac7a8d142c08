"""A control plane of xDS v3, small enough to be read: differences, all types on one stream (DeltaAggregatedResources)."""

import queue
import subprocess
import threading
from concurrent import futures

import grpc
from google.protobuf import descriptor_pb2, json_format, message_factory

from demonstration.stage import ROOT, Trouble

_FILES = [
    "envoy/service/discovery/v3/discovery.proto", "envoy/config/cluster/v3/cluster.proto", "envoy/config/endpoint/v3/endpoint.proto",
    "envoy/config/listener/v3/listener.proto", "envoy/config/route/v3/route.proto", "envoy/extensions/transport_sockets/tls/v3/tls.proto",
    "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto",
    "envoy/extensions/filters/http/router/v3/router.proto", "envoy/extensions/access_loggers/file/v3/file.proto"]


def _messages():
    """By its name, the class of each message of these files, and of what they import."""
    made = subprocess.run(["protoc", f"-I{ROOT}/api", "--include_imports", "--descriptor_set_out=/dev/stdout", *_FILES], check=True,
                          stdout=subprocess.PIPE)
    return message_factory.GetMessages(descriptor_pb2.FileDescriptorSet.FromString(made.stdout).file)


class ControlPlane:
    """Has resources, as JSON with an @type, and sends to each stream what that wants and has not got. Ends with the demo."""

    def __init__(self, stage, port=0):
        messages = _messages()
        self._request, self._response, self._resource = (
            messages[f"envoy.service.discovery.v3.{name}"] for name in ("DeltaDiscoveryRequest", "DeltaDiscoveryResponse", "Resource"))
        self._changed = threading.Condition()  # guards what follows
        self._resources = {}  # by type URL and name
        self._streams = []
        self._pushes = self._nonces = 0
        self._verdicts = {}  # by nonce: the request that was the answer to it
        server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[grpc.method_handlers_generic_handler(
            "envoy.service.discovery.v3.AggregatedDiscoveryService", {"DeltaAggregatedResources": grpc.stream_stream_rpc_method_handler(
                self._serve, self._request.FromString, self._response.SerializeToString)})])
        self.port = server.add_insecure_port(f"127.0.0.1:{port}")
        server.start()
        stage.at_end(lambda: server.stop(0).wait())

    def push(self, *resources):
        """In one step. What each type was answered with, by the last word of its URL: a request, in which `error_detail` is a NACK."""
        with self._changed:
            self._pushes += 1
            for content in resources:
                name = content.get("name") or content["cluster_name"]
                made = self._resource(name=name, version=str(self._pushes))
                json_format.ParseDict(content, made.resource, descriptor_pool=self._resource.DESCRIPTOR.file.pool)
                self._resources[made.resource.type_url, name] = made
            nonces = [nonce for stream in self._streams for nonce in self._tell(stream)]
            if not self._changed.wait_for(lambda: all(nonce in self._verdicts for nonce in nonces), 10):
                raise Trouble("the sidecar does not answer what the control plane pushed")
            verdicts = [self._verdicts[nonce] for nonce in nonces]
        return {verdict.type_url.rpartition(".")[2]: verdict for verdict in verdicts}

    def _tell(self, stream):
        """Sends what is not there yet: the nonces of these answers, one for each type."""
        nonces = []
        for type_url, names in stream.wanted.items():
            new = [made for (its_type, name), made in self._resources.items()
                   if its_type == type_url and ("*" in names or name in names) and stream.has.get((its_type, name)) != made.version]
            if new:
                self._nonces += 1
                nonces.append(str(self._nonces))
                stream.has.update({(type_url, made.name): made.version for made in new})
                stream.answers.put(self._response(type_url=type_url, nonce=nonces[-1], system_version_info=str(self._pushes), resources=new,
                                                  control_plane={"identifier": "tools/demo"}))
        return nonces

    def _serve(self, requests, _):
        stream = _Stream()
        with self._changed:
            self._streams.append(stream)
        threading.Thread(target=self._read, args=(stream, requests), daemon=True).start()
        yield from iter(stream.answers.get, None)

    def _read(self, stream, requests):
        try:
            for request in requests:
                with self._changed:
                    stream.take(request)
                    if request.response_nonce:
                        self._verdicts[request.response_nonce] = request
                        self._changed.notify_all()
                    self._tell(stream)
        except grpc.RpcError:
            pass  # its end
        finally:
            with self._changed:
                self._streams.remove(stream)
            stream.answers.put(None)


class _Stream:
    """What a sidecar wants, and which version it was sent last: also of what it refused, as it is not to get the same again."""

    def __init__(self):
        self.answers = queue.SimpleQueue()
        self.wanted = {}  # by type URL: names; "*": all
        self.has = {}  # by type URL and name: version

    def take(self, request):
        first = request.type_url not in self.wanted
        names = self.wanted.setdefault(request.type_url, set())
        if first:
            self.has.update({(request.type_url, name): version for name, version in request.initial_resource_versions.items()})
            if not request.resource_names_subscribe:
                names.add("*")
        names.update(request.resource_names_subscribe)
        names.difference_update(request.resource_names_unsubscribe)
        for name in (*request.resource_names_subscribe, *request.resource_names_unsubscribe):
            if name not in request.initial_resource_versions:
                self.has.pop((request.type_url, name), None)  # who asks again wants it again
