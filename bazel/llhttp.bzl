"""llhttp's generated C sources, the only build part that Debian does not have in a safe version.

They come from the PyPI source package `llhttp`, by pip, once, and are checked against a pinned SHA-256.
"""

_VERSION = "9.3.0.0"
_SHA256 = "0d989363e7fb6f270b9d49956e7a3945c26778f8c70a166815264309ac6a8295"

_BUILD = """
cc_library(
    name = "llhttp",
    srcs = ["lib/api.c", "lib/http.c", "lib/llhttp.c"],
    hdrs = ["lib/llhttp.h"],
    copts = ["-O2", "-w"],
    includes = ["lib"],
    visibility = ["//visibility:public"],
)
"""

def _llhttp_impl(ctx):
    archive = "llhttp-%s.tar.gz" % _VERSION
    fetched = ctx.execute([
        "/usr/bin/python3", "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:",
        "--no-build-isolation", "-d", ".", "llhttp==" + _VERSION,
    ], timeout = 300)
    if fetched.return_code != 0:
        fail("llhttp %s: pip download failed: %s" % (_VERSION, fetched.stderr))
    sum = ctx.execute(["sha256sum", archive]).stdout.split(" ")[0]
    if sum != _SHA256:
        fail("llhttp %s: SHA-256 is %s, expected %s" % (_VERSION, sum, _SHA256))
    ctx.execute(["tar", "xzf", archive, "--strip-components=1"])
    ctx.file("BUILD.bazel", _BUILD)

llhttp_repository = repository_rule(implementation = _llhttp_impl)
