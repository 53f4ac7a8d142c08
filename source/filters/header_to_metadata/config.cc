#include "envoy/extensions/filters/http/header_to_metadata/v3/header_to_metadata.pb.h"
#include "source/config/build.h"
#include "source/config/text.h"
#include "source/filters/header_to_metadata/header_to_metadata.h"

namespace pillion::filters::header_to_metadata {
namespace {

namespace v3 = envoy::extensions::filters::http::header_to_metadata::v3;
using config::FieldPath;
using google::protobuf::Message;

constexpr std::string_view kOwnNamespace = "envoy.filters.http.header_to_metadata";

Note BuildNote(config::BuildContext& context, const v3::Config::KeyValuePair& from, const std::string& path) {
  Note note;
  note.space = from.metadata_namespace().empty() ? std::string(kOwnNamespace) : from.metadata_namespace();
  note.key = from.key();
  note.value = from.value();
  if (from.has_regex_value_rewrite()) {
    if (!from.value().empty()) context.errors.Add(FieldPath(path, "regex_value_rewrite"), "excludes value");
    note.rewrite =
        config::BuildRegexRewrite(context, from.regex_value_rewrite(), FieldPath(path, "regex_value_rewrite"));
  }
  if (from.type() == v3::Config::PROTOBUF_VALUE) {
    context.errors.Add(FieldPath(path, "type"), "PROTOBUF_VALUE is not implemented, expected STRING or NUMBER");
  }
  note.number = from.type() == v3::Config::NUMBER;
  note.base64 = from.encode() == v3::Config::BASE64;
  return note;
}

std::vector<Rule> BuildRules(config::BuildContext& context,
                             const google::protobuf::RepeatedPtrField<v3::Config::Rule>& from, const std::string& path) {
  std::vector<Rule> rules;
  for (int i = 0; i < from.size(); ++i) {
    const v3::Config::Rule& item = from[i];
    const std::string place = config::ElementPath(path, i);
    Rule& rule = rules.emplace_back();
    rule.cookie = item.cookie();
    rule.remove = item.remove();
    if (item.header().empty() == item.cookie().empty()) {
      context.errors.AddMissing(place, place, "expected a header or a cookie");
    } else if (!item.header().empty()) {
      if (!http::FieldName::IsFieldName(item.header())) {
        context.errors.Add(FieldPath(place, "header"),
                           config::Concat(config::Quote(item.header()), ", expected a header's name"));
      }
      rule.header.emplace(item.header());
    }
    if (item.remove() && (!item.cookie().empty() || (rule.header && rule.header->is_pseudo()))) {
      context.errors.Add(FieldPath(place, "remove"), "only a header can be removed");
    }
    if (item.has_on_header_present()) {
      rule.present = BuildNote(context, item.on_header_present(), FieldPath(place, "on_header_present"));
    }
    if (item.has_on_header_missing()) {
      const std::string missing = FieldPath(place, "on_header_missing");
      rule.missing = BuildNote(context, item.on_header_missing(), missing);
      if (item.on_header_missing().value().empty()) {
        context.errors.AddMissing(missing, FieldPath(missing, "value"), "missing, but there is no other");
      }
    }
    if (!rule.present && !rule.missing) {
      context.errors.AddMissing(place, place, "expected on_header_present or on_header_missing");
    }
  }
  return rules;
}

std::shared_ptr<const config::FilterConfig> Build(config::BuildContext& context, const Message& message,
                                                  const std::string& path) {
  const auto& from = static_cast<const v3::Config&>(message);
  return std::make_shared<Config>(BuildRules(context, from.request_rules(), FieldPath(path, "request_rules")),
                                  BuildRules(context, from.response_rules(), FieldPath(path, "response_rules")));
}

}  // namespace

config::HttpFilterType Type() { return {v3::Config::descriptor(), Build, v3::Config::descriptor(), Build}; }

}  // namespace pillion::filters::header_to_metadata
