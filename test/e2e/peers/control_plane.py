"""A control plane that gives secrets, and an agent of the SPIFFE Workload API, in the hands of a test."""

import concurrent.futures
import pathlib
import subprocess
import threading

import grpc
from google.protobuf import descriptor_pb2, message_factory

API = pathlib.Path(__file__).resolve().parents[3] / "api"
_FILES = ["envoy/service/discovery/v3/discovery.proto", "envoy/extensions/transport_sockets/tls/v3/tls.proto", "spiffe/workload.proto",
          "pillion/guard/v1/guard.proto", "envoy/service/load_stats/v3/lrs.proto"]
_SECRET = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"


def _messages():
    made = subprocess.run(["protoc", f"-I{API}", "--include_imports", "--descriptor_set_out=/dev/stdout", *_FILES], check=True,
                          timeout=60, stdout=subprocess.PIPE)
    return message_factory.GetMessages(descriptor_pb2.FileDescriptorSet.FromString(made.stdout).file)


MESSAGES = _messages()
Request = MESSAGES["envoy.service.discovery.v3.DiscoveryRequest"]
Response = MESSAGES["envoy.service.discovery.v3.DiscoveryResponse"]
Secret = MESSAGES["envoy.extensions.transport_sockets.tls.v3.Secret"]
X509SVIDResponse = MESSAGES["X509SVIDResponse"]


def pair(authority, name, key=None):
    """A Secret with what `authority` issued; `key`: of another name."""
    secret = Secret()
    secret.tls_certificate.certificate_chain.inline_bytes = (authority.folder / f"{name}.pem").read_bytes()
    secret.tls_certificate.private_key.inline_bytes = (authority.folder / f"{key or name}.key").read_bytes()
    return secret


def trust(*pems):
    secret = Secret()
    secret.validation_context.trusted_ca.inline_bytes = b"".join(pem.read_bytes() for pem in pems)
    return secret


class _Server:
    """gRPC over a unix socket, or over TLS on a port of 127.0.0.1 with `credentials`. What a call waits for is told by `changed`."""

    def __init__(self, path, credentials=None):
        self.path = path
        self.address = None  # with credentials
        self._credentials = credentials
        self.changed = threading.Condition()
        self.calls = 0
        self._server = None
        self._generation = 0

    def start(self):
        self._server = grpc.server(concurrent.futures.ThreadPoolExecutor(16))
        self._server.add_generic_rpc_handlers([self._handlers()])
        if self._credentials:
            self.address = "127.0.0.1", self._server.add_secure_port("127.0.0.1:0", self._credentials)
        else:
            assert self._server.add_insecure_port(f"unix:{self.path}")
        self._server.start()
        return self

    def stop(self):
        with self.changed:
            self._generation += 1
            self.changed.notify_all()
        self._server.stop(0).wait(10)
        self.path.unlink(missing_ok=True)

    def _ended(self, context, generation):
        return generation != self._generation or not context.is_active()


class ControlPlane(_Server):
    """StreamSecrets: the state of the world."""

    def __init__(self, path, credentials=None):
        super().__init__(path, credentials)
        self.requests = []  # in the order in which they came
        self.metadata = {}
        self._secrets = {}
        self._version = 0

    def publish(self, **secrets):
        with self.changed:
            for name, secret in secrets.items():
                secret.name = name
            self._secrets.update(secrets)
            self._version += 1
            self.changed.notify_all()

    def until_request(self, condition):
        with self.changed:
            assert self.changed.wait_for(lambda: any(map(condition, self.requests)), 20), [str(request) for request in self.requests]
            return next(filter(condition, self.requests))

    def _handlers(self):
        return grpc.method_handlers_generic_handler("envoy.service.secret.v3.SecretDiscoveryService", {
            "StreamSecrets": grpc.stream_stream_rpc_method_handler(self._stream, Request.FromString, Response.SerializeToString)})

    def _stream(self, requests, context):
        wanted, generation = set(), self._generation

        def read():
            try:
                for request in requests:
                    with self.changed:
                        self.requests.append(request)
                        wanted.update(request.resource_names)
                        self.changed.notify_all()
            except grpc.RpcError:
                pass

        self.metadata = dict(context.invocation_metadata())
        self.calls += 1
        threading.Thread(target=read, daemon=True).start()
        sent = 0
        while True:
            with self.changed:
                while not (self._ended(context, generation) or (wanted & set(self._secrets) and sent != self._version)):
                    self.changed.wait(0.2)
                if self._ended(context, generation):
                    return
                sent = self._version
                response = Response(version_info=str(sent), nonce=f"n{sent}", type_url=_SECRET)
                response.control_plane.identifier = "test"
                for name in sorted(wanted & set(self._secrets)):
                    response.resources.add().Pack(self._secrets[name])
            yield response


def _der(path, *command):
    return subprocess.run(["openssl", *command, "-in", str(path), "-outform", "DER"], check=True, stdout=subprocess.PIPE).stdout


def svid_response(*identities, federated=()):
    """Of (authority, name) or (authority, name, hint), and of the authorities of other trust domains."""
    response = X509SVIDResponse()
    for authority, name, *hint in identities:
        response.svids.add(spiffe_id=f"spiffe://{authority.trust_domain}/ns/prod/sa/{name}",
                           x509_svid=_der(authority.folder / f"{name}.pem", "x509"),
                           x509_svid_key=_der(authority.folder / f"{name}.key", "pkcs8", "-topk8", "-nocrypt"),
                           bundle=_der(authority.pem, "x509"), hint=hint[0] if hint else "")
    for authority in federated:
        response.federated_bundles[f"spiffe://{authority.trust_domain}"] = _der(authority.pem, "x509")
    return response


class Agent(_Server):
    """FetchX509SVID. Without a response: this workload has no identity."""

    def __init__(self, path):
        super().__init__(path)
        self._response = None
        self._version = 0

    def publish(self, response):
        with self.changed:
            self._response = response
            self._version += 1
            self.changed.notify_all()

    def _handlers(self):
        return grpc.method_handlers_generic_handler("SpiffeWorkloadAPI", {
            "FetchX509SVID": grpc.unary_stream_rpc_method_handler(self._stream, lambda request: request, lambda response: response)})

    def _stream(self, request, context):
        generation, sent = self._generation, 0
        self.calls += 1
        if request != b"" or dict(context.invocation_metadata()).get("workload.spiffe.io") != "true":
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "security header missing from request")
        while True:
            with self.changed:
                while not (self._ended(context, generation) or sent != self._version or self._response is None):
                    self.changed.wait(0.2)
                if self._ended(context, generation):
                    return
                sent, response = self._version, self._response
            if response is None:
                context.abort(grpc.StatusCode.PERMISSION_DENIED, "no identity issued")
            yield response if isinstance(response, bytes) else response.SerializeToString()
