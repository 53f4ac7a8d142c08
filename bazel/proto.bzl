"""Protocol buffer messages as a C++ library, by Debian's protoc (Bazel's own rules would build a protoc of theirs)."""

def proto_cc_library(name, srcs, **kwargs):
    """One cc_library over all of srcs, whose import paths start at this package.

    Messages include as "envoy/config/...pb.h". One protoc run for all: it is quick, and what it leaves unchanged is
    not compiled again.
    """
    bases = [src[:-len(".proto")] for src in srcs]
    native.genrule(
        name = name + "_gen",
        srcs = srcs,
        outs = [base + suffix for base in bases for suffix in [".pb.h", ".pb.cc"]],
        cmd = "protoc -I{0} --cpp_out=$(RULEDIR) $(SRCS)".format(native.package_name()),
    )
    native.cc_library(
        name = name,
        srcs = [base + ".pb.cc" for base in bases],
        hdrs = [base + ".pb.h" for base in bases],
        includes = ["."],
        deps = ["//bazel:protobuf"],
        **kwargs
    )

def grpc_cc_library(name, src, deps, **kwargs):
    """The gRPC service of one file of a proto_cc_library of this package, which is among deps. Includes as "x/y.grpc.pb.h"."""
    base = src[:-len(".proto")]
    native.genrule(
        name = name + "_gen",
        srcs = [src],
        outs = [base + ".grpc.pb.h", base + ".grpc.pb.cc"],
        cmd = "protoc -I{0} --plugin=protoc-gen-grpc=$$(command -v grpc_cpp_plugin) --grpc_out=$(RULEDIR) $(SRCS)".format(
            native.package_name(),
        ),
    )
    native.cc_library(
        name = name,
        srcs = [base + ".grpc.pb.cc"],
        hdrs = [base + ".grpc.pb.h"],
        includes = ["."],
        deps = deps + ["//bazel:grpc"],
        **kwargs
    )
