#include "source/config/extensions.h"

#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/config/core/v3/core.pb.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "envoy/config/listener/v3/listener.pb.h"
#include "envoy/config/rbac/v3/rbac.pb.h"
#include "envoy/config/route/v3/route.pb.h"
#include "envoy/extensions/access_loggers/file/v3/file.pb.h"
#include "envoy/extensions/access_loggers/filters/cel/v3/cel.pb.h"
#include "envoy/extensions/access_loggers/stream/v3/stream.pb.h"
#include "envoy/extensions/clusters/aggregate/v3/cluster.pb.h"
#include "envoy/extensions/clusters/dns/v3/dns_cluster.pb.h"
#include "envoy/extensions/common/matching/v3/extension_matcher.pb.h"
#include "envoy/extensions/filters/common/matcher/action/v3/skip_action.pb.h"
#include "envoy/extensions/filters/http/adaptive_concurrency/v3/adaptive_concurrency.pb.h"
#include "envoy/extensions/filters/http/buffer/v3/buffer.pb.h"
#include "envoy/extensions/filters/http/cors/v3/cors.pb.h"
#include "envoy/extensions/filters/http/fault/v3/http_fault.pb.h"
#include "envoy/extensions/filters/http/grpc_stats/v3/config.pb.h"
#include "envoy/extensions/filters/http/grpc_web/v3/grpc_web.pb.h"
#include "envoy/extensions/filters/http/header_mutation/v3/header_mutation.pb.h"
#include "envoy/extensions/filters/http/header_to_metadata/v3/header_to_metadata.pb.h"
#include "envoy/extensions/filters/http/health_check/v3/health_check.pb.h"
#include "envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.pb.h"
#include "envoy/extensions/filters/http/ratelimit/v3/rate_limit.pb.h"
#include "envoy/extensions/filters/http/rbac/v3/rbac.pb.h"
#include "envoy/extensions/filters/http/router/v3/router.pb.h"
#include "envoy/extensions/filters/http/set_filter_state/v3/set_filter_state.pb.h"
#include "envoy/extensions/filters/http/stateful_session/v3/stateful_session.pb.h"
#include "envoy/extensions/filters/listener/http_inspector/v3/http_inspector.pb.h"
#include "envoy/extensions/filters/listener/original_dst/v3/original_dst.pb.h"
#include "envoy/extensions/filters/listener/original_src/v3/original_src.pb.h"
#include "envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol.pb.h"
#include "envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.pb.h"
#include "envoy/extensions/filters/network/connection_limit/v3/connection_limit.pb.h"
#include "envoy/extensions/filters/network/echo/v3/echo.pb.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"
#include "envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit.pb.h"
#include "envoy/extensions/filters/network/rbac/v3/rbac.pb.h"
#include "envoy/extensions/filters/network/set_filter_state/v3/set_filter_state.pb.h"
#include "envoy/extensions/filters/network/sni_cluster/v3/sni_cluster.pb.h"
#include "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h"
#include "envoy/config/metrics/v3/stats.pb.h"
#include "envoy/extensions/formatter/cel/v3/cel.pb.h"
#include "envoy/extensions/formatter/metadata/v3/metadata.pb.h"
#include "envoy/extensions/internal_redirect/allow_listed_routes/v3/allow_listed_routes.pb.h"
#include "envoy/extensions/internal_redirect/previous_routes/v3/previous_routes.pb.h"
#include "envoy/extensions/internal_redirect/safe_cross_scheme/v3/safe_cross_scheme.pb.h"
#include "envoy/extensions/path/match/uri_template/v3/uri_template.pb.h"
#include "envoy/extensions/path/rewrite/uri_template/v3/uri_template.pb.h"
#include "envoy/extensions/formatter/req_without_query/v3/req_without_query.pb.h"
#include "envoy/extensions/http/early_header_mutation/header_mutation/v3/header_mutation.pb.h"
#include "envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case.pb.h"
#include "envoy/extensions/http/original_ip_detection/custom_header/v3/custom_header.pb.h"
#include "envoy/extensions/http/original_ip_detection/xff/v3/xff.pb.h"
#include "envoy/extensions/http/stateful_session/cookie/v3/cookie.pb.h"
#include "envoy/extensions/http/stateful_session/header/v3/header.pb.h"
#include "envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin.pb.h"
#include "envoy/extensions/load_balancing_policies/least_request/v3/least_request.pb.h"
#include "envoy/extensions/load_balancing_policies/maglev/v3/maglev.pb.h"
#include "envoy/extensions/load_balancing_policies/override_host/v3/override_host.pb.h"
#include "envoy/extensions/load_balancing_policies/random/v3/random.pb.h"
#include "envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash.pb.h"
#include "envoy/extensions/load_balancing_policies/round_robin/v3/round_robin.pb.h"
#include "envoy/extensions/load_balancing_policies/subset/v3/subset.pb.h"
#include "envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality.pb.h"
#include "envoy/extensions/matching/common_inputs/network/v3/network_inputs.pb.h"
#include "envoy/extensions/matching/common_inputs/ssl/v3/ssl_inputs.pb.h"
#include "envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver.pb.h"
#include "envoy/extensions/network/dns_resolver/getaddrinfo/v3/getaddrinfo_dns_resolver.pb.h"
#include "envoy/extensions/rate_limit_descriptors/expr/v3/expr.pb.h"
#include "envoy/extensions/regex_engines/v3/google_re2.pb.h"
#include "envoy/extensions/request_id/uuid/v3/uuid.pb.h"
#include "envoy/extensions/health_check/event_sinks/file/v3/file.pb.h"
#include "envoy/config/overload/v3/overload.pb.h"
#include "envoy/extensions/resource_monitors/cgroup_memory/v3/cgroup_memory.pb.h"
#include "envoy/extensions/resource_monitors/cpu_utilization/v3/cpu_utilization.pb.h"
#include "envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections.pb.h"
#include "envoy/extensions/resource_monitors/fixed_heap/v3/fixed_heap.pb.h"
#include "envoy/extensions/resource_monitors/injected_resource/v3/injected_resource.pb.h"
#include "envoy/extensions/retry/host/omit_canary_hosts/v3/omit_canary_hosts.pb.h"
#include "envoy/extensions/retry/host/omit_host_metadata/v3/omit_host_metadata_config.pb.h"
#include "envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.pb.h"
#include "envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config.pb.h"
#include "envoy/extensions/bootstrap/internal_listener/v3/internal_listener.pb.h"
#include "envoy/extensions/transport_sockets/internal_upstream/v3/internal_upstream.pb.h"
#include "envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol.pb.h"
#include "envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "envoy/extensions/upstreams/http/v3/http_protocol_options.pb.h"
#include "envoy/service/discovery/v3/discovery.pb.h"
#include "envoy/service/runtime/v3/rtds.pb.h"
#include "envoy/type/matcher/v3/http_inputs.pb.h"
#include "envoy/watchdog/v3/abort_action.pb.h"
#include "google/protobuf/any.pb.h"
#include "pillion/admin/v1/admin_access.pb.h"
#include "pillion/bootstrap/last_good/v1/last_good.pb.h"
#include "pillion/bootstrap/workload_api/v1/workload_api.pb.h"
#include "pillion/filters/http/concurrency/v1/concurrency.pb.h"
#include "pillion/filters/http/context/v1/context.pb.h"
#include "pillion/filters/http/degradation/v1/degradation.pb.h"
#include "pillion/filters/http/grey/v1/grey.pb.h"
#include "pillion/filters/http/limit/v1/limit.pb.h"
#include "pillion/filters/http/principal_stats/v1/principal_stats.pb.h"
#include "pillion/filters/http/toggles/v1/toggles.pb.h"
#include "pillion/guard/v1/guard.pb.h"
#include "pillion/load_balancing_policies/lanes/v1/lanes.pb.h"
#include "pillion/transport_sockets/peer_authentication/v1/peer_authentication.pb.h"
#include "google/protobuf/wrappers.pb.h"
#include "source/config/nearest.h"
#include "source/config/text.h"
#include "xds/type/matcher/v3/cel.pb.h"
#include "xds/type/matcher/v3/domain.pb.h"
#include "xds/type/matcher/v3/http_inputs.pb.h"
#include "xds/type/matcher/v3/ip.pb.h"

namespace pillion::config {

const std::vector<const google::protobuf::Descriptor*>& ExtensionTypes() {
  namespace x = envoy::extensions;
  static const auto* const types = new std::vector<const google::protobuf::Descriptor*>{
      envoy::config::cluster::v3::Cluster::descriptor(),
      envoy::config::core::v3::TypedExtensionConfig::descriptor(),
      envoy::config::endpoint::v3::ClusterLoadAssignment::descriptor(),
      envoy::config::listener::v3::Listener::descriptor(),
      envoy::config::rbac::v3::Action::descriptor(),
      envoy::config::route::v3::FilterConfig::descriptor(),
      envoy::config::route::v3::RouteConfiguration::descriptor(),
      envoy::config::route::v3::ScopedRouteConfiguration::descriptor(),
      x::access_loggers::file::v3::FileAccessLog::descriptor(),
      x::access_loggers::filters::cel::v3::ExpressionFilter::descriptor(),
      x::access_loggers::stream::v3::StderrAccessLog::descriptor(),
      x::access_loggers::stream::v3::StdoutAccessLog::descriptor(),
      x::bootstrap::internal_listener::v3::InternalListener::descriptor(),
      x::clusters::aggregate::v3::ClusterConfig::descriptor(),
      x::clusters::dns::v3::DnsCluster::descriptor(),
      x::common::matching::v3::ExtensionWithMatcher::descriptor(),
      x::common::matching::v3::ExtensionWithMatcherPerRoute::descriptor(),
      x::filters::common::matcher::action::v3::SkipFilter::descriptor(),
      x::filters::http::adaptive_concurrency::v3::AdaptiveConcurrency::descriptor(),
      x::filters::http::buffer::v3::Buffer::descriptor(),
      x::filters::http::buffer::v3::BufferPerRoute::descriptor(),
      x::filters::http::cors::v3::Cors::descriptor(),
      x::filters::http::cors::v3::CorsPolicy::descriptor(),
      x::filters::http::fault::v3::HTTPFault::descriptor(),
      x::filters::http::grpc_stats::v3::FilterConfig::descriptor(),
      x::filters::http::grpc_web::v3::GrpcWeb::descriptor(),
      x::filters::http::header_mutation::v3::HeaderMutation::descriptor(),
      x::filters::http::header_mutation::v3::HeaderMutationPerRoute::descriptor(),
      x::filters::http::header_to_metadata::v3::Config::descriptor(),
      x::filters::http::health_check::v3::HealthCheck::descriptor(),
      x::filters::http::local_ratelimit::v3::LocalRateLimit::descriptor(),
      x::filters::http::ratelimit::v3::RateLimit::descriptor(),
      x::filters::http::ratelimit::v3::RateLimitPerRoute::descriptor(),
      x::filters::http::rbac::v3::RBAC::descriptor(),
      x::filters::http::rbac::v3::RBACPerRoute::descriptor(),
      x::filters::http::router::v3::Router::descriptor(),
      x::filters::http::set_filter_state::v3::Config::descriptor(),
      x::filters::http::stateful_session::v3::StatefulSession::descriptor(),
      x::filters::http::stateful_session::v3::StatefulSessionPerRoute::descriptor(),
      x::filters::listener::http_inspector::v3::HttpInspector::descriptor(),
      x::filters::listener::original_dst::v3::OriginalDst::descriptor(),
      x::filters::listener::original_src::v3::OriginalSrc::descriptor(),
      x::filters::listener::proxy_protocol::v3::ProxyProtocol::descriptor(),
      x::filters::listener::tls_inspector::v3::TlsInspector::descriptor(),
      x::filters::network::connection_limit::v3::ConnectionLimit::descriptor(),
      x::filters::network::echo::v3::Echo::descriptor(),
      x::filters::network::http_connection_manager::v3::HttpConnectionManager::descriptor(),
      x::filters::network::local_ratelimit::v3::LocalRateLimit::descriptor(),
      x::filters::network::rbac::v3::RBAC::descriptor(),
      x::filters::network::set_filter_state::v3::Config::descriptor(),
      x::filters::network::sni_cluster::v3::SniCluster::descriptor(),
      x::filters::network::tcp_proxy::v3::TcpProxy::descriptor(),
      x::formatter::cel::v3::Cel::descriptor(),
      x::formatter::metadata::v3::Metadata::descriptor(),
      x::internal_redirect::allow_listed_routes::v3::AllowListedRoutesConfig::descriptor(),
      x::internal_redirect::previous_routes::v3::PreviousRoutesConfig::descriptor(),
      x::internal_redirect::safe_cross_scheme::v3::SafeCrossSchemeConfig::descriptor(),
      x::path::match::uri_template::v3::UriTemplateMatchConfig::descriptor(),
      x::path::rewrite::uri_template::v3::UriTemplateRewriteConfig::descriptor(),
      envoy::config::metrics::v3::DogStatsdSink::descriptor(),
      envoy::config::metrics::v3::MetricsServiceConfig::descriptor(),
      envoy::config::metrics::v3::StatsdSink::descriptor(),
      x::formatter::req_without_query::v3::ReqWithoutQuery::descriptor(),
      x::http::early_header_mutation::header_mutation::v3::HeaderMutation::descriptor(),
      x::http::header_formatters::preserve_case::v3::PreserveCaseFormatterConfig::descriptor(),
      x::http::original_ip_detection::custom_header::v3::CustomHeaderConfig::descriptor(),
      x::http::stateful_session::cookie::v3::CookieBasedSessionState::descriptor(),
      x::http::stateful_session::header::v3::HeaderBasedSessionState::descriptor(),
      x::http::original_ip_detection::xff::v3::XffConfig::descriptor(),
      x::load_balancing_policies::client_side_weighted_round_robin::v3::ClientSideWeightedRoundRobin::descriptor(),
      x::load_balancing_policies::least_request::v3::LeastRequest::descriptor(),
      x::load_balancing_policies::maglev::v3::Maglev::descriptor(),
      x::load_balancing_policies::override_host::v3::OverrideHost::descriptor(),
      x::load_balancing_policies::random::v3::Random::descriptor(),
      x::load_balancing_policies::ring_hash::v3::RingHash::descriptor(),
      x::load_balancing_policies::round_robin::v3::RoundRobin::descriptor(),
      x::load_balancing_policies::subset::v3::Subset::descriptor(),
      x::load_balancing_policies::wrr_locality::v3::WrrLocality::descriptor(),
      x::matching::common_inputs::network::v3::ApplicationProtocolInput::descriptor(),
      x::matching::common_inputs::network::v3::DestinationIPInput::descriptor(),
      x::matching::common_inputs::network::v3::DestinationPortInput::descriptor(),
      x::matching::common_inputs::network::v3::DirectSourceIPInput::descriptor(),
      x::matching::common_inputs::network::v3::ServerNameInput::descriptor(),
      x::matching::common_inputs::network::v3::SourceIPInput::descriptor(),
      x::matching::common_inputs::network::v3::SourcePortInput::descriptor(),
      x::matching::common_inputs::network::v3::SourceTypeInput::descriptor(),
      x::matching::common_inputs::network::v3::TransportProtocolInput::descriptor(),
      x::matching::common_inputs::ssl::v3::DnsSanInput::descriptor(),
      x::matching::common_inputs::ssl::v3::SubjectInput::descriptor(),
      x::matching::common_inputs::ssl::v3::UriSanInput::descriptor(),
      x::network::dns_resolver::cares::v3::CaresDnsResolverConfig::descriptor(),
      x::network::dns_resolver::getaddrinfo::v3::GetAddrInfoDnsResolverConfig::descriptor(),
      x::rate_limit_descriptors::expr::v3::Descriptor::descriptor(),
      x::regex_engines::v3::GoogleRE2::descriptor(),
      x::request_id::uuid::v3::UuidRequestIdConfig::descriptor(),
      x::health_check::event_sinks::file::v3::HealthCheckEventFileSink::descriptor(),
      envoy::config::overload::v3::ScaleTimersOverloadActionConfig::descriptor(),
      x::resource_monitors::cgroup_memory::v3::CgroupMemoryConfig::descriptor(),
      x::resource_monitors::cpu_utilization::v3::CpuUtilizationConfig::descriptor(),
      x::resource_monitors::downstream_connections::v3::DownstreamConnectionsConfig::descriptor(),
      x::resource_monitors::fixed_heap::v3::FixedHeapConfig::descriptor(),
      x::resource_monitors::injected_resource::v3::InjectedResourceConfig::descriptor(),
      x::retry::host::omit_canary_hosts::v3::OmitCanaryHostsPredicate::descriptor(),
      x::retry::host::omit_host_metadata::v3::OmitHostMetadataConfig::descriptor(),
      x::retry::host::previous_hosts::v3::PreviousHostsPredicate::descriptor(),
      x::retry::priority::previous_priorities::v3::PreviousPrioritiesConfig::descriptor(),
      x::transport_sockets::internal_upstream::v3::InternalUpstreamTransport::descriptor(),
      x::transport_sockets::proxy_protocol::v3::ProxyProtocolUpstreamTransport::descriptor(),
      x::transport_sockets::raw_buffer::v3::RawBuffer::descriptor(),
      x::transport_sockets::tls::v3::DownstreamTlsContext::descriptor(),
      x::transport_sockets::tls::v3::SPIFFECertValidatorConfig::descriptor(),
      x::transport_sockets::tls::v3::Secret::descriptor(),
      x::transport_sockets::tls::v3::UpstreamTlsContext::descriptor(),
      x::upstreams::http::v3::HttpProtocolOptions::descriptor(),
      envoy::service::discovery::v3::Resource::descriptor(),  // around what a file or REST gives
      envoy::service::runtime::v3::Runtime::descriptor(),
      envoy::type::matcher::v3::HttpRequestHeaderMatchInput::descriptor(),
      envoy::watchdog::v3::AbortActionConfig::descriptor(),
      pillion::admin::v1::AdminAccess::descriptor(),
      pillion::bootstrap::last_good::v1::LastGood::descriptor(),
      pillion::bootstrap::workload_api::v1::WorkloadApi::descriptor(),
      pillion::filters::http::concurrency::v1::Concurrency::descriptor(),
      pillion::filters::http::concurrency::v1::ConcurrencyPerRoute::descriptor(),
      pillion::filters::http::context::v1::Context::descriptor(),
      pillion::filters::http::context::v1::ContextPerRoute::descriptor(),
      pillion::filters::http::degradation::v1::Degradation::descriptor(),
      pillion::filters::http::degradation::v1::DegradationPerRoute::descriptor(),
      pillion::filters::http::grey::v1::Grey::descriptor(),
      pillion::filters::http::grey::v1::GreyPerRoute::descriptor(),
      pillion::filters::http::limit::v1::Limit::descriptor(),
      pillion::filters::http::limit::v1::LimitPerRoute::descriptor(),
      pillion::filters::http::principal_stats::v1::PrincipalStats::descriptor(),
      pillion::filters::http::toggles::v1::Toggles::descriptor(),
      pillion::filters::http::toggles::v1::TogglesPerRoute::descriptor(),
      pillion::guard::v1::Guard::descriptor(),
      pillion::guard::v1::PushedGuard::descriptor(),
      pillion::load_balancing_policies::lanes::v1::Lanes::descriptor(),
      pillion::transport_sockets::peer_authentication::v1::PeerAuthentication::descriptor(),
      xds::type::matcher::v3::CelMatcher::descriptor(),
      xds::type::matcher::v3::HttpAttributesCelMatchInput::descriptor(),
      xds::type::matcher::v3::IPMatcher::descriptor(),
      xds::type::matcher::v3::ServerNameMatcher::descriptor(),
      google::protobuf::StringValue::descriptor(),  // the name of a filter chain
  };
  return *types;
}

const google::protobuf::Descriptor* FindExtensionType(std::string_view url) {
  const size_t slash = url.rfind('/');
  if (slash == std::string_view::npos) return nullptr;
  for (const google::protobuf::Descriptor* type : ExtensionTypes()) {
    if (type->full_name() == url.substr(slash + 1)) return type;
  }
  return nullptr;
}

bool IsTypedStruct(std::string_view url) {
  const std::string_view name = url.substr(url.rfind('/') + 1);
  return name == "xds.type.v3.TypedStruct" || name == "udpa.type.v1.TypedStruct";
}

std::string UnknownTypeText(std::string_view url) {
  constexpr size_t kMost = 256;  // more than any has, so that its end, where they differ, is seen
  std::vector<std::string_view> names;
  for (const google::protobuf::Descriptor* type : ExtensionTypes()) names.push_back(type->full_name());
  const std::string_view name = url.substr(url.rfind('/') + 1);
  const std::string_view nearest = NearestName(name, names);
  std::string hint;
  if (!nearest.empty()) {
    hint = Concat(", did you mean \"type.googleapis.com/", nearest, "\"?");
  } else if (name.starts_with("envoy.")) {
    hint = ", not implemented or misspelt; docs/envoy-fields.md has those that are";
  }
  return Concat("unknown type ", Quote(url, kMost), hint);
}

std::unique_ptr<google::protobuf::Message> UnpackExtension(const google::protobuf::Any& any) {
  const google::protobuf::Descriptor* type = FindExtensionType(any.type_url());
  if (type == nullptr) return nullptr;
  std::unique_ptr<google::protobuf::Message> message(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
  if (!message->ParseFromString(any.value())) return nullptr;
  return message;
}

}  // namespace pillion::config
