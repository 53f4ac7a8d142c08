"""api/envoy against Envoy's official API. Run: /usr/bin/python3 -m pytest test/conformance/api"""

import copy
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import compare  # noqa: E402
import official  # noqa: E402

API = pathlib.Path(__file__).parents[3] / "api"


TLS_INSPECTOR = "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"

# What Envoy 1.39 has and the artifact is too old for.
NEWER = {
    "envoy.config.accesslog.v3.ComparisonFilter.Op.NE: no such member",
    "envoy.config.common.mutation_rules.v3.HeaderMutation.RemoveOnMatch: no such type",
    "envoy.config.common.mutation_rules.v3.HeaderMutation.remove_on_match: no such member",
    "envoy.config.bootstrap.v3.Admin.allow_paths: no such member",
    "envoy.config.metrics.v3.MetricsServiceConfig.batch_size: no such member",
    "envoy.config.listener.v3.Listener.tcp_keepalive: no such member",
    "envoy.extensions.filters.http.stateful_session.v3.StatefulSession.stat_prefix: no such member",
    "envoy.extensions.filters.network.set_filter_state.v3.Config.on_downstream_tls_handshake: no such member",
    "envoy.type.http.v3.Cookie.attributes: no such member",
    "envoy.type.http.v3.CookieAttribute: no such type",
    "envoy.config.bootstrap.v3.Bootstrap.stats_eviction_interval: no such member",
    "envoy.config.overload.v3.ScaleTimersOverloadActionConfig.TimerType.HTTP_DOWNSTREAM_STREAM_FLUSH: no such member",
    "envoy.extensions.resource_monitors.cgroup_memory.v3.CgroupMemoryConfig: no such type",
    "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TcpAccessLogOptions.flush_access_log_on_start: no such member",
    "envoy.config.core.v3.CelExpressionConfig: no such type",
    "envoy.config.rbac.v3.Policy.cel_config: no such member",
    "envoy.config.route.v3.CookieMatcher: no such type",
    "envoy.config.route.v3.RateLimit.Action.GenericKey.default_value: no such member",
    "envoy.config.route.v3.RateLimit.Action.HeaderValueMatch.default_value: no such member",
    "envoy.config.route.v3.RateLimit.Action.QueryParameterValueMatch.default_value: no such member",
    "envoy.config.route.v3.RateLimit.XRateLimitOption: no such type",
    "envoy.config.route.v3.RateLimit.x_ratelimit_option: no such member",
    "envoy.config.route.v3.Route.request_body_buffer_limit: no such member",
    "envoy.extensions.common.ratelimit.v3.LocalRateLimitDescriptor.shadow_mode: no such member",
    "envoy.config.route.v3.RouteAction.RequestMirrorPolicy.host_rewrite_literal: no such member",
    "envoy.config.route.v3.DirectResponseAction.body_format: no such member",
    "envoy.config.route.v3.RouteAction.host_rewrite: no such member",
    "envoy.config.route.v3.RouteAction.path_rewrite: no such member",
    "envoy.config.route.v3.RouteConfiguration.vhost_header: no such member",
    "envoy.config.route.v3.RouteMatch.cookies: no such member",
    "envoy.extensions.filters.http.header_mutation.v3.Mutations.request_trailers_mutations: no such member",
    "envoy.extensions.filters.http.header_mutation.v3.Mutations.response_trailers_mutations: no such member",
    "envoy.extensions.filters.http.ratelimit.v3.RateLimit.failure_mode_deny_percent: no such member",
    "envoy.extensions.filters.http.ratelimit.v3.RateLimit.rate_limits: no such member",
    "envoy.data.accesslog.v3.AccessLogType.TcpConnectionStart: no such member",
    "envoy.config.route.v3.VirtualHost.request_body_buffer_limit: no such member",
    "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter.cel_config: no such member",
    "envoy.extensions.filters.http.stateful_session.v3.StatefulSession.stat_prefix: no such member",
    "envoy.extensions.filters.network.set_filter_state.v3.Config.on_downstream_tls_handshake: no such member",
    "envoy.type.http.v3.Cookie.attributes: no such member",
    "envoy.type.http.v3.CookieAttribute: no such type",
    "envoy.extensions.load_balancing_policies.override_host.v3.OverrideHost.OverrideHostSource: no such type",
    "envoy.extensions.load_balancing_policies.override_host.v3.OverrideHost: no such type",
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.OutlierDetection: no such type",
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.hash_policy: no such member",
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.outlier_detection: no such member",
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.request_mirror_policies: no such member",
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.retry_policy: no such member",
    f"{TLS_INSPECTOR}.close_connection_on_client_hello_parsing_errors: no such member",
    f"{TLS_INSPECTOR}.enable_ja4_fingerprinting: no such member",
    f"{TLS_INSPECTOR}.max_client_hello_size: no such member",
}


@pytest.fixture(scope="module")
def ours():
    return official.compile_protos(API, sorted(str(path.relative_to(API)) for path in API.glob("envoy/**/*.proto")))


def test_is_a_subset_of_the_official_api(ours, tmp_path):
    packages = {file.package for file in ours.file if file.package.startswith("envoy.")}
    whole = official.official_descriptors(packages, tmp_path)
    assert set(compare.differences(ours, whole, "envoy.")) == NEWER
    types, members = compare.size(ours, "envoy.")
    assert types > 30 and members > 150


# The comparison itself: each kind of deviation from the whole is found.

def _retry_policy(descriptors):
    for file in descriptors.file:
        for message in file.message_type:
            if file.package == "envoy.config.route.v3" and message.name == "RetryPolicy":
                return message
    raise AssertionError("no RetryPolicy")


def _cluster(descriptors):
    for file in descriptors.file:
        for message in file.message_type:
            if file.package == "envoy.config.cluster.v3" and message.name == "Cluster":
                return message
    raise AssertionError("no Cluster")


def _rename_message(whole):
    _retry_policy(whole).name = "RetryPolicy2"


def _rename_field(whole):
    _retry_policy(whole).field[0].name = "retry_when"


def _renumber_field(whole):
    _retry_policy(whole).field[0].number = 99


def _retype_field(whole):
    _retry_policy(whole).field[0].type = compare.descriptor_pb2.FieldDescriptorProto.TYPE_BYTES


def _other_message_type(whole):
    _retry_policy(whole).field[1].type_name = ".google.protobuf.UInt64Value"


def _relabel_field(whole):
    _retry_policy(whole).field[0].label = compare.descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED


def _rename_oneof(whole):
    _cluster(whole).oneof_decl[0].name = "other"


def _leave_oneof(whole):
    for field in _cluster(whole).field:
        field.ClearField("oneof_index")


def _renumber_enum_value(whole):
    _cluster(whole).enum_type[0].value[1].number = 9


def _drop_enum_value(whole):
    del _cluster(whole).enum_type[0].value[1]


@pytest.mark.parametrize("deviate", [
    _rename_message, _rename_field, _renumber_field, _retype_field, _other_message_type, _relabel_field, _rename_oneof,
    _leave_oneof, _renumber_enum_value, _drop_enum_value])
def test_finds_each_kind_of_deviation(ours, deviate):
    whole = copy.deepcopy(ours)
    assert compare.differences(ours, whole, "envoy.") == []
    deviate(whole)
    assert compare.differences(ours, whole, "envoy.") != []
