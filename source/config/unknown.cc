#include "source/config/unknown.h"

#include <algorithm>

#include "google/protobuf/any.pb.h"
#include "google/protobuf/message.h"
#include "google/protobuf/unknown_field_set.h"
#include "source/config/extensions.h"
#include "source/config/map_entry.h"
#include "source/config/optional.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

namespace pb = google::protobuf;

// Of a message whose name is without "envoy.".
struct Field {
  std::string_view message;
  std::string_view name;
  uint32_t number;
  std::string_view why = {};  // it is refused; else because it is not implemented
};

constexpr std::string_view kDecides = "expected none: it has a part in what is let through, and so can't be passed over";

// Messages and packages in which nothing may be passed over: all that matches, authenticates or authorises.
constexpr std::string_view kSecurityScopes[] = {
    "config.rbac.v3.",
    "config.route.v3.RateLimit",
    "config.core.v3.CidrRange",
    "config.listener.v3.FilterChainMatch",
    "config.listener.v3.ListenerFilterChainMatchPredicate",
    "config.route.v3.HeaderMatcher",
    "config.route.v3.QueryParameterMatcher",
    "config.route.v3.RouteMatch",
    "config.route.v3.InternalRedirectPolicy",
    "extensions.filters.http.ext_authz.",
    "extensions.filters.http.jwt_authn.",
    "extensions.common.matching.",
    "extensions.common.ratelimit.",
    "extensions.filters.http.local_ratelimit.",
    "extensions.filters.http.ratelimit.",
    "extensions.filters.http.rbac.",
    "extensions.filters.http.cors.",
    "extensions.filters.network.ext_authz.",
    "extensions.filters.network.rbac.",
    "extensions.matching.",
    "extensions.rate_limit_descriptors.",
    "extensions.transport_sockets.",
    "type.matcher.v3.",
    "cel.expr.",
    "google.api.expr.",
    "xds.core.v3.",
    "xds.type.matcher.v3.",
    "xds.type.v3.CelExpression",
};

constexpr std::string_view kManager =
    "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
constexpr Field kSecurityFields[] = {
    {"config.bootstrap.v3.Bootstrap", "certificate_provider_instances", 25},
    {"config.bootstrap.v3.Bootstrap", "header_prefix", 18},
    {"config.cluster.v3.Cluster", "filters", 40},
    {"config.cluster.v3.Cluster", "transport_socket_matcher", 59},
    {"config.core.v3.SocketAddress", "network_namespace_filepath", 7},
    {"config.listener.v3.FilterChain", "use_proxy_proto", 4},
    {"config.listener.v3.Listener", "fcds_config", 36},
    {"config.route.v3.VirtualHost", "matcher", 21},
    {kManager, "forward_client_cert_matcher", 60},
    {kManager, "path_normalization_options", 43},
    {kManager, "typed_header_validation_config", 50},
    {"extensions.transport_sockets.tls.v3.CommonTlsContext", "key_log", 15,
     "is refused, for whoever has that file reads what was said: to see requests use access_log, to see bytes capture them "
     "beside the application, where they are plain"},
};

// What would be asked of a control plane, or would stand in another way than it does here: without it something would be
// missing that the configuration's writer relies on.
struct RefusedField {
  Field field;
  std::string_view sentence;
};
constexpr std::string_view kCors = "expected a CorsPolicy for the filter in typed_per_filter_config";
constexpr RefusedField kRefusedFields[] = {
    {{"config.bootstrap.v3.Bootstrap.DynamicResources", "lds_resources_locator", 5},
     "listeners can't be named by xdstp, expected lds_config"},
    {{"config.bootstrap.v3.Bootstrap.DynamicResources", "cds_resources_locator", 6},
     "clusters can't be named by xdstp, expected cds_config"},
    {{"config.core.v3.ConfigSource", "authorities", 7}, "resources can't be named by xdstp, expected none"},
    {{"config.core.v3.GrpcService", "google_grpc", 2}, "there is no other client, expected envoy_grpc"},
    {{"config.endpoint.v3.LocalityLbEndpoints", "load_balancer_endpoints", 7},
     "a locality has one list of endpoints, expected lb_endpoints"},
    {{"config.endpoint.v3.LocalityLbEndpoints", "leds_cluster_locality_config", 8},
     "a locality's endpoints can't come apart from the others, expected lb_endpoints"},
    {{"config.route.v3.RouteAction", "cors", 17}, kCors},
    {{"config.route.v3.VirtualHost", "cors", 8}, kCors},
    {{"extensions.filters.http.local_ratelimit.v3.LocalRateLimit", "local_cluster_rate_limit", 16},
     "each process has the whole of its buckets, expected no such field"},
    {{"type.tracing.v3.CustomTag", "value", 6}, "expected literal, environment, request_header or metadata"},
    {{"config.route.v3.RouteConfiguration", "vhds", 9}, "virtual hosts can't come one by one, expected virtual_hosts"},
    {{"config.route.v3.ScopedRouteConfiguration", "on_demand", 4},
     "tables of scopes are there before somebody asks for them, expected no such field"},
    {{"extensions.filters.network.http_connection_manager.v3.ScopedRds", "srds_resources_locator", 2},
     "scopes can't be named by xdstp, expected scoped_rds_config_source"},
    {{"extensions.filters.network.tcp_proxy.v3.TcpProxy", "on_demand", 14},
     "clusters can't be asked for by connections, expected one that is known"},
};

// Fields of a bootstrap whose parts come later, and which serve people and control planes, not traffic.
constexpr Field kLaterFields[] = {
    {"config.bootstrap.v3.Bootstrap", "grpc_async_client_manager_config", 40},
    {"config.bootstrap.v3.Bootstrap", "memory_allocator_manager", 41},
    {"config.bootstrap.v3.Bootstrap", "node_context_params", 26},
    {"config.bootstrap.v3.Bootstrap", "tracing", 9},
    {"config.bootstrap.v3.Admin", "ignore_global_conn_limit", 6},
    {"config.core.v3.Node", "dynamic_parameters", 12},
    {"config.core.v3.Node", "listening_addresses", 11},
};

// Of what is declined: HDS, in which a proxy checks hosts for a control plane.
constexpr Field kHealthDiscovery = {"config.bootstrap.v3.Bootstrap", "hds_config", 14};

bool Is(const Field& field, std::string_view message, std::string_view name, uint32_t number) {
  return field.message == message && (name.empty() ? field.number == number : field.name == name);
}

template <size_t size>
const Field* Find(const Field (&fields)[size], std::string_view message, std::string_view name, uint32_t number) {
  for (const Field& field : fields) {
    if (Is(field, message, name, number)) return &field;
  }
  return nullptr;
}

std::string_view Short(std::string_view message) {
  constexpr std::string_view kEnvoy = "envoy.";
  if (message.starts_with(kEnvoy)) message.remove_prefix(kEnvoy.size());
  return message;
}

bool InSecurityScope(std::string_view message) {
  return std::any_of(std::begin(kSecurityScopes), std::end(kSecurityScopes),
                     [message](std::string_view scope) { return message.starts_with(scope); });
}

}  // namespace

std::string ExtensionName(std::string_view message) {
  constexpr std::string_view kExtensions = "envoy.extensions.";
  if (!message.starts_with(kExtensions)) return "";
  const size_t version = message.rfind(".v3.");
  if (version == std::string_view::npos) return "";
  return Concat("envoy.", message.substr(kExtensions.size(), version - kExtensions.size()));
}

bool IsExtensionName(std::string_view name) {
  const auto& types = ExtensionTypes();
  return std::any_of(types.begin(), types.end(),
                     [name](const pb::Descriptor* type) { return ExtensionName(type->full_name()) == name; });
}

bool JudgeUnknownField(const UnknownRule& rule, std::string_view message, std::string_view field, uint32_t number,
                       const std::string& path, int line, ErrorList& errors, std::vector<ConfigError>& notes) {
  const std::string_view scope = Short(message);
  for (const RefusedField& refused : kRefusedFields) {
    if (!Is(refused.field, scope, field, number)) continue;
    errors.Add(FieldPath(path, refused.field.name), Concat("not implemented: ", refused.sentence), line);
    return true;
  }
  if (Is(kHealthDiscovery, scope, field, number)) {
    notes.push_back({FieldPath(path, kHealthDiscovery.name), line, "is declined: no hosts are checked for a control plane"});
    return true;
  }
  const Field* const refused = Find(kSecurityFields, scope, field, number);
  const Field* known = refused;
  if (known == nullptr) known = Find(kLaterFields, scope, field, number);
  const std::string name = known != nullptr ? std::string(known->name)
                           : field.empty()  ? Concat("number ", number)
                                            : std::string(field);
  if (refused != nullptr) {
    const std::string why = refused->why.empty() ? Concat("not implemented, ", kDecides) : std::string(refused->why);
    errors.Add(FieldPath(path, name), why, line);
    return true;
  }
  if (known != nullptr) {
    notes.push_back({FieldPath(path, name), line, "has no effect yet"});
    return true;
  }
  if (rule.fields == UnknownFields::kRefuse) return false;
  if (InSecurityScope(scope)) {
    errors.Add(path, Concat("unknown field ", Quote(name), ", ", kDecides), line);
  } else if (rule.fields == UnknownFields::kPassOver && rule.passed_over->Add(message, name)) {
    notes.push_back({path, line, Concat("unknown field ", Quote(name), " of ", message, " is passed over")});
  }
  return true;
}

namespace {

// `anys`: how many hold it.
void Judge(const UnknownRule& rule, const pb::Message& message, const std::string& path, int anys, ErrorList& errors,
           std::vector<ConfigError>& notes) {
  const pb::Descriptor& type = *message.GetDescriptor();
  const pb::Reflection& reflection = *message.GetReflection();
  const pb::UnknownFieldSet& unknown = reflection.GetUnknownFields(message);
  for (int i = 0; i < unknown.field_count(); ++i) {
    const uint32_t number = static_cast<uint32_t>(unknown.field(i).number());
    if (!JudgeUnknownField(rule, type.full_name(), {}, number, path, 0, errors, notes)) {
      errors.Add(path, Concat("unknown field number ", number, " of ", type.full_name()));
    }
  }
  if (type.well_known_type() == pb::Descriptor::WELLKNOWNTYPE_ANY) {
    const auto& any = static_cast<const pb::Any&>(message);
    if (anys == kMostNestedAnys) return errors.Add(path, Concat("more than ", kMostNestedAnys, " Anys in one another"));
    const pb::Descriptor* held_type = FindExtensionType(any.type_url());
    const std::unique_ptr<pb::Message> held = UnpackExtension(any);
    if (held_type == nullptr) {
      errors.Add(path, UnknownTypeText(any.type_url()));
    } else if (rule.disabled_extensions.contains(ExtensionName(held_type->full_name()))) {
      errors.Add(path, Concat(ExtensionName(held_type->full_name()), " is disabled by --disable-extensions"));
    } else if (held == nullptr) {
      errors.Add(path, Concat("bytes that are no ", held_type->full_name()));
    } else {
      Judge(rule, *held, path, anys + 1, errors, notes);
    }
    return;
  }
  std::vector<const pb::FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const pb::FieldDescriptor* field : fields) {
    if (field->cpp_type() != pb::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const std::string at = FieldPath(path, field->name());
    if (!field->is_repeated()) {
      const pb::Message& part = reflection.GetMessage(message, field);
      if (IsOptional(message, *field)) {
        const std::string& url = static_cast<const pb::Any&>(part).type_url();
        if (FindExtensionType(url) == nullptr) {
          notes.push_back({at, 0, Concat(UnknownTypeText(url), kPassedOver)});
          continue;
        }
      }
      // Empty, it says that the filter is enabled as it is.
      const bool enables = field->full_name() == "envoy.config.route.v3.FilterConfig.config" && part.ByteSizeLong() == 0;
      if (!enables) Judge(rule, part, at, anys, errors, notes);
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      const pb::Message& element = reflection.GetRepeatedMessage(message, field, i);
      if (!field->is_map()) {
        Judge(rule, element, ElementPath(at, i), anys, errors, notes);
      } else if (const pb::FieldDescriptor& value = *field->message_type()->map_value();
                 value.cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE) {
        Judge(rule, element.GetReflection()->GetMessage(element, &value), EntryPath(at, element), anys, errors, notes);
      }
    }
  }
}

}  // namespace

void JudgeUnknownFields(const UnknownRule& rule, const pb::Message& message, const std::string& path, ErrorList& errors,
                        std::vector<ConfigError>& notes) {
  Judge(rule, message, path, 0, errors, notes);
}

}  // namespace pillion::config
