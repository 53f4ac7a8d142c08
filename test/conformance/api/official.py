"""Envoy's official API as a FileDescriptorSet, from the .proto files inside a pinned Maven artifact."""

import hashlib
import os
import pathlib
import subprocess
import zipfile

from google.protobuf import descriptor_pb2

VERSION = "1.0.49"
SHA256 = "cbac9ac918071e132c552100f6c26978346116205d8f93a2efe5050049c1cc6e"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "pillion"


def _jar():
    """The artifact, downloaded once."""
    repository = CACHE / "maven"
    jar = repository / f"io/envoyproxy/controlplane/api/{VERSION}/api-{VERSION}.jar"
    if not jar.exists():
        subprocess.run(
            ["mvn", "-q", "-B", f"-Dmaven.repo.local={repository}", "dependency:get", "-Dtransitive=false",
             f"-Dartifact=io.envoyproxy.controlplane:api:{VERSION}"],
            check=True, timeout=300, stdin=subprocess.DEVNULL)
    found = hashlib.sha256(jar.read_bytes()).hexdigest()
    if found != SHA256:
        jar.unlink()
        raise RuntimeError(f"{jar.name}: SHA-256 is {found}, expected {SHA256}")
    return jar


def compile_protos(root, files):
    """The descriptors of `files`, paths below `root`, and of all they import."""
    result = subprocess.run(
        ["protoc", f"-I{root}", "--include_imports", "--descriptor_set_out=/dev/stdout", *files],
        check=True, timeout=120, stdout=subprocess.PIPE)
    return descriptor_pb2.FileDescriptorSet.FromString(result.stdout)


def official_descriptors(packages, scratch):
    """The descriptors of all messages of `packages`; a package's files lie in the folder of its name."""
    with zipfile.ZipFile(_jar()) as jar:
        protos = [name for name in jar.namelist() if name.endswith(".proto")]
        jar.extractall(scratch, protos)
    folders = {package.replace(".", "/") for package in packages}
    return compile_protos(scratch, sorted(name for name in protos if os.path.dirname(name) in folders))
