// Listener filters.

#include "envoy/extensions/filters/listener/http_inspector/v3/http_inspector.pb.h"
#include "envoy/extensions/filters/listener/original_dst/v3/original_dst.pb.h"
#include "envoy/extensions/filters/listener/original_src/v3/original_src.pb.h"
#include "envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol.pb.h"
#include "envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.pb.h"
#include "source/config/build.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

namespace v3 = envoy::config::listener::v3;
namespace filters = envoy::extensions::filters::listener;
using ProxyMessage = filters::proxy_protocol::v3::ProxyProtocol;

// Deeper is no predicate that somebody wrote.
constexpr int kDeepestPredicate = 16;

PortPredicate BuildPredicate(BuildContext& context, const v3::ListenerFilterChainMatchPredicate& from,
                             const std::string& path, int depth) {
  using Kind = PortPredicate::Kind;
  PortPredicate to;
  if (depth > kDeepestPredicate) {
    context.errors.Add(path, Concat("predicates in each other, expected at most ", kDeepestPredicate));
    return to;
  }
  const auto build_set = [&](const v3::ListenerFilterChainMatchPredicate::MatchSet& set, std::string_view field) {
    const std::string rules = FieldPath(FieldPath(path, field), "rules");
    if (set.rules_size() == 1) context.errors.Add(rules, "1 rule, expected at least 2");
    for (int i = 0; i < set.rules_size(); ++i) {
      to.parts.push_back(BuildPredicate(context, set.rules(i), ElementPath(rules, i), depth + 1));
    }
  };
  if (from.has_or_match()) {
    to.kind = Kind::kOr;
    build_set(from.or_match(), "or_match");
  } else if (from.has_and_match()) {
    to.kind = Kind::kAnd;
    build_set(from.and_match(), "and_match");
  } else if (from.has_not_match()) {
    to.kind = Kind::kNot;
    to.parts.push_back(BuildPredicate(context, from.not_match(), FieldPath(path, "not_match"), depth + 1));
  } else if (from.has_destination_port_range()) {
    to.kind = Kind::kRange;
    to.start = from.destination_port_range().start();
    to.end = from.destination_port_range().end();
    if (to.start < 0 || to.end > 65536 || to.start >= to.end) {
      context.errors.Add(FieldPath(path, "destination_port_range"),
                         Concat(to.start, " to ", to.end, ", expected a range of ports, the end behind its last"));
    }
  } else if (from.has_any_match() && !from.any_match()) {
    context.errors.Add(FieldPath(path, "any_match"), "false, expected true");
  }
  return to;
}

ProxyProtocol BuildProxyProtocol(BuildContext& context, const ProxyMessage& from, const std::string& path) {
  ProxyProtocol to;
  to.required = !from.allow_requests_without_proxy_protocol();
  to.stat_prefix = from.stat_prefix();
  for (const ProxyMessage::Rule& rule : from.rules()) {
    if (!rule.has_on_tlv_present()) continue;
    const ProxyMessage::KeyValuePair& note = rule.on_tlv_present();
    to.rules.push_back({.type = static_cast<uint8_t>(rule.tlv_type()),
                        .space = note.metadata_namespace().empty() ? "envoy.filters.listener.proxy_protocol"
                                                                   : note.metadata_namespace(),
                        .key = note.key()});
  }
  if (from.has_pass_through_tlvs()) to.passes = BuildTlvTypes(from.pass_through_tlvs());
  for (const int version : from.disallowed_versions()) {
    (version == envoy::config::core::v3::ProxyProtocolConfig::V1 ? to.version1 : to.version2) = false;
  }
  if (!to.version1 && !to.version2) {
    context.errors.Add(FieldPath(path, "disallowed_versions"), "both versions, expected one that is allowed");
  }
  return to;
}

// One whose configuration comes apart, as it is before that has come.
void BuildDiscovered(BuildContext& context, const v3::ListenerFilter& from, const std::string& path, ListenerFilter& to) {
  const AtHome home(context, "listener filter", from.name(), path);
  const auto& discovery = from.config_discovery();
  const std::shared_ptr<FilterSource> source = BuildFilterSource(
      context, FilterSource::Of::kListener, from.name(), discovery,
      {filters::tls_inspector::v3::TlsInspector::descriptor(), filters::http_inspector::v3::HttpInspector::descriptor(),
       filters::original_dst::v3::OriginalDst::descriptor(), filters::original_src::v3::OriginalSrc::descriptor(),
       ProxyMessage::descriptor()},
      path);
  to.source = source;
  to.filter = MissingFilter{};
  const std::string default_path = FieldPath(path, "default_config");
  if (discovery.has_default_config() && MayBe(context, source.get(), discovery.default_config(), default_path)) {
    TakeListenerFilter(context, discovery.default_config(), default_path, to);
  }
}

}  // namespace

bool TakeListenerFilter(BuildContext& context, const google::protobuf::Any& config, const std::string& config_path,
                        ListenerFilter& to) {
  filters::original_src::v3::OriginalSrc source;
  ProxyMessage proxy_protocol;
  filters::tls_inspector::v3::TlsInspector tls;
  if (config.UnpackTo(&tls)) {
    TlsInspector& inspector = to.filter.emplace<TlsInspector>();
    inspector.close_on_error = tls.close_connection_on_client_hello_parsing_errors();
    inspector.ja3 = tls.enable_ja3_fingerprinting().value();
    inspector.ja4 = tls.enable_ja4_fingerprinting().value();
    if (tls.has_initial_read_buffer_size()) inspector.initial_buffer = tls.initial_read_buffer_size().value();
    if (tls.has_max_client_hello_size()) inspector.max_client_hello = tls.max_client_hello_size().value();
  } else if (config.Is<filters::http_inspector::v3::HttpInspector>()) {
    to.filter = HttpInspector{};
  } else if (config.Is<filters::original_dst::v3::OriginalDst>()) {
    to.filter = OriginalDst{};
  } else if (config.UnpackTo(&source)) {
    to.filter = OriginalSrc{.mark = source.mark()};
  } else if (config.UnpackTo(&proxy_protocol)) {
    to.filter = BuildProxyProtocol(context, proxy_protocol, config_path);
  } else {
    context.errors.AddMissing(config_path.substr(0, config_path.rfind('.')), config_path,
                              WrongType(config, "TlsInspector, HttpInspector, OriginalDst, OriginalSrc or ProxyProtocol"));
    return false;
  }
  return true;
}

ListenerFilter BuildListenerFilter(BuildContext& context, const v3::ListenerFilter& from,
                                   const std::string& path) {
  ListenerFilter to;
  to.name = from.name();
  if (from.has_config_discovery()) {
    BuildDiscovered(context, from, FieldPath(path, "config_discovery"), to);
  } else {
    TakeListenerFilter(context, from.typed_config(), FieldPath(path, "typed_config"), to);
  }
  if (from.has_filter_disabled()) {
    to.disabled = BuildPredicate(context, from.filter_disabled(), FieldPath(path, "filter_disabled"), 0);
  }
  return to;
}

}  // namespace pillion::config
