// What a bootstrap says of metrics, and of the process's own log.

#include <re2/re2.h>

#include <algorithm>
#include <iterator>

#include "google/protobuf/struct.pb.h"
#include "source/base/escape.h"
#include "source/config/build.h"
#include "source/config/nearest.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

namespace v3 = envoy::config::metrics::v3;

// Envoy's. Those that no metric of ours has may be asked for all the same.
constexpr std::string_view kOwnTags[] = {
    "envoy.clientssl_prefix",      "envoy.cluster_name",        "envoy.connection_limit_prefix",
    "envoy.dns_filter_prefix",     "envoy.ext_authz_prefix",    "envoy.fault_downstream_cluster",
    "envoy.grpc_bridge_method",    "envoy.grpc_bridge_service", "envoy.http_conn_manager_prefix",
    "envoy.http_user_agent",       "envoy.listener_address",    "envoy.local_http_ratelimit_prefix",
    "envoy.local_network_ratelimit_prefix", "envoy.mongo_prefix", "envoy.ratelimit_prefix",
    "envoy.rbac_prefix",           "envoy.rds_route_config",    "envoy.redis_prefix",
    "envoy.response_code",         "envoy.response_code_class", "envoy.route",
    "envoy.scoped_rds_config",     "envoy.ssl_cipher",          "cipher_suite",
    "envoy.ssl_curve",             "envoy.ssl_sigalg",          "envoy.ssl_version",
    "envoy.tcp_prefix",            "envoy.thrift_prefix",       "envoy.tls_certificate",
    "envoy.udp_prefix",            "envoy.virtual_cluster",     "envoy.virtual_host",
    "envoy.worker_id",             "envoy.xds_resource_name"};

constexpr size_t kMaxRegexBytes = 1024;  // as Envoy has it

std::optional<StatsTag> BuildTag(BuildContext& context, const v3::TagSpecifier& from, const std::string& path) {
  StatsTag tag{.name = from.tag_name()};
  if (from.has_fixed_value()) {
    tag.fixed_value = from.fixed_value();
    return tag;
  }
  if (!from.has_regex()) {
    if (std::find(std::begin(kOwnTags), std::end(kOwnTags), tag.name) == std::end(kOwnTags)) {
      context.errors.AddMissing(path, FieldPath(path, "tag_name"),
                                Concat(Quote(tag.name), " without a value, expected one of Envoy's own tags",
                                       DidYouMean(tag.name, {std::begin(kOwnTags), std::end(kOwnTags)})));
    }
    return tag;
  }
  const std::string at = FieldPath(path, "regex");
  if (from.regex().size() > kMaxRegexBytes) {
    context.errors.Add(at, Concat(from.regex().size(), " bytes, expected at most ", kMaxRegexBytes));
    return std::nullopt;
  }
  absl::StatusOr<match::Regex> regex = match::Regex::Compile(from.regex());
  if (!regex.ok()) {
    context.errors.Add(at, Concat(Quote(from.regex()), ": ", std::string(regex.status().message())));
    return std::nullopt;
  }
  if (regex->re2().NumberOfCapturingGroups() < 1) {
    context.errors.Add(at, Concat(Quote(from.regex()), ", expected a group (...): what is cut out of the name"));
    return std::nullopt;
  }
  tag.regex = *std::move(regex);
  return tag;
}

std::vector<match::StringMatcher> BuildNames(BuildContext& context,
                                             const envoy::type::matcher::v3::ListStringMatcher& from,
                                             const std::string& path) {
  std::vector<match::StringMatcher> names;
  for (int i = 0; i < from.patterns_size(); ++i) {
    names.push_back(BuildStringMatcher(context, from.patterns(i), ElementPath(FieldPath(path, "patterns"), i)));
  }
  return names;
}

// A Struct as one line of JSON whose texts stay spdlog patterns: what they write is within quotes.
std::string PatternOf(const google::protobuf::Value& value);

std::string PatternOf(const google::protobuf::Struct& from) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : from.fields()) keys.push_back(key);
  std::sort(keys.begin(), keys.end());
  std::string text = "{";
  for (const std::string& key : keys) {
    if (text.size() > 1) text += ',';
    base::AppendJsonString(text, key);
    text += ':' + PatternOf(from.fields().at(key));
  }
  return text + "}";
}

std::string PatternOf(const google::protobuf::Value& value) {
  if (value.has_struct_value()) return PatternOf(value.struct_value());
  if (value.has_bool_value()) return value.bool_value() ? "true" : "false";
  if (value.has_number_value()) return Concat(value.number_value());
  if (!value.has_string_value()) return "null";
  std::string text;
  base::AppendJsonString(text, value.string_value());
  return text;
}

}  // namespace

StatsConfig BuildStats(BuildContext& context, const v3::StatsConfig& from, const std::string& path) {
  StatsConfig stats;
  if (from.has_use_all_default_tags()) stats.default_tags = from.use_all_default_tags().value();
  for (int i = 0; i < from.stats_tags_size(); ++i) {
    const std::string at = ElementPath(FieldPath(path, "stats_tags"), i);
    std::optional<StatsTag> tag = BuildTag(context, from.stats_tags(i), at);
    if (!tag) continue;
    stats.tags.push_back(*std::move(tag));
  }
  if (from.has_stats_matcher()) {
    const v3::StatsMatcher& matcher = from.stats_matcher();
    const std::string at = FieldPath(path, "stats_matcher");
    if (matcher.has_inclusion_list()) {
      stats.matcher = {true, BuildNames(context, matcher.inclusion_list(), FieldPath(at, "inclusion_list"))};
    } else if (matcher.has_exclusion_list()) {
      stats.matcher = {false, BuildNames(context, matcher.exclusion_list(), FieldPath(at, "exclusion_list"))};
    } else if (matcher.reject_all()) {
      stats.matcher = {true, {}};
    }
  }
  for (int i = 0; i < from.histogram_bucket_settings_size(); ++i) {
    const v3::HistogramBucketSettings& settings = from.histogram_bucket_settings(i);
    const std::string at = ElementPath(FieldPath(path, "histogram_bucket_settings"), i);
    std::vector<double> bounds(settings.buckets().begin(), settings.buckets().end());
    std::sort(bounds.begin(), bounds.end());
    if (const auto twice = std::adjacent_find(bounds.begin(), bounds.end()); twice != bounds.end()) {
      context.errors.Add(FieldPath(at, "buckets"), Concat(*twice, ", expected each bound once"));
    }
    stats.buckets.push_back(
        {BuildStringMatcher(context, settings.match(), FieldPath(at, "match")), std::move(bounds)});
  }
  return stats;
}

std::string BuildLogFormat(BuildContext& context,
                           const envoy::config::bootstrap::v3::Bootstrap::ApplicationLogConfig::LogFormat& from,
                           const std::string& path) {
  if (!from.has_json_format()) return from.text_format();
  std::string pattern = PatternOf(from.json_format());
  for (const std::string_view flag : {"%v", "%_"}) {
    if (pattern.find(flag) == std::string::npos) continue;
    context.errors.Add(FieldPath(path, "json_format"),
                       Concat(flag, ", expected %j for the message: it keeps JSON whole"));
  }
  return pattern;
}

}  // namespace pillion::config
