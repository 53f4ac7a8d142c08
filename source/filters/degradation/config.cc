#include "pillion/filters/http/degradation/v1/degradation.pb.h"
#include "source/config/build.h"
#include "source/config/route.h"
#include "source/filters/degradation/degradation.h"
#include "source/filters/rules/config.h"
#include "source/filters/rules/text.h"

namespace pillion::filters::degradation_rules {
namespace {

namespace v1 = pillion::filters::http::degradation::v1;
using config::BuildContext;
using config::Concat;
using config::ElementPath;
using config::FieldPath;
using expression::Kind;
using pillion::degradation::Breakers;
using pillion::degradation::Terms;
using rules::BuildExpression;
using rules::DurationText;

constexpr uint32_t kMostBreakers = 1000;  // where nothing is said

// Nothing, and an error, for what can't be.
std::optional<Terms> BuildTerms(BuildContext& context, const v1::Rule& from, const std::string& path) {
  Terms terms;
  terms.counts = from.grade() == v1::Rule::ERROR_COUNT;
  if (!from.has_threshold()) {
    const std::string place = FieldPath(path, "threshold");
    context.errors.AddMissing(place, place, "expected one");
    return std::nullopt;
  }
  terms.threshold = from.threshold().value();
  if (from.has_statistics_interval()) terms.interval = config::ToDuration(from.statistics_interval());
  if (from.has_minimum_requests()) terms.minimum = from.minimum_requests().value();
  terms.open_for = config::ToDuration(from.open_for());
  if (from.has_half_open_probes()) terms.probes = from.half_open_probes().value();
  terms.recovery_windows = from.recovery_windows();
  const char* const expected = Terms::WhatIsWrong(terms);
  if (expected == nullptr) return terms;
  // Of other fields it has been said already.
  Terms otherwise = terms;
  otherwise.threshold = 1;
  if (Terms::WhatIsWrong(otherwise) == nullptr) {
    context.errors.Add(FieldPath(path, "threshold"),
                       Concat(terms.threshold, ", expected ", terms.counts ? "at least 1" : "more than 0 and at most 1"));
  }
  return std::nullopt;
}

// error ratio 0.6 in 10s of at least 5 calls, slow over 3s; open for 60s, 1 probe, 5 windows
std::string TermsText(const v1::Rule& from, const Terms& terms, const Rule& rule) {
  const char* const grade = from.grade() == v1::Rule::SLOW_CALL_RATIO ? "slow call ratio "
                            : from.grade() == v1::Rule::ERROR_RATIO   ? "error ratio "
                                                                      : "error count ";
  std::string text = Concat(grade, terms.threshold, " in ", DurationText(terms.interval), " of at least ", terms.minimum,
                            " calls");
  if (rule.slow_over) text += Concat(", slow over ", DurationText(*rule.slow_over));
  text += Concat("; open for ", DurationText(terms.open_for), ", ", terms.probes, terms.probes == 1 ? " probe" : " probes");
  if (terms.recovery_windows > 0) text += Concat(", ", terms.recovery_windows, " good windows");
  return text;
}

Parts BuildParts(BuildContext& context, const v1::Rule& from, const std::string& path) {
  Parts parts;
  for (int i = 0; i < from.per_size(); ++i) {
    const v1::Rule::Part which = from.per(i);
    bool& part = which == v1::Rule::ROUTE ? parts.route : which == v1::Rule::CLUSTER ? parts.cluster : parts.lane;
    if (part) context.errors.Add(ElementPath(path, i), Concat(v1::Rule::Part_Name(which), ", expected each part once"));
    part = true;
  }
  return parts;
}

Rule BuildRule(BuildContext& context, const v1::Rule& from, const std::string& path) {
  Rule rule;
  rule.name = from.name();
  rule.dry_run = from.dry_run();
  rule.by_latency = from.grade() == v1::Rule::SLOW_CALL_RATIO;
  rules::CheckName(context, from.name(), FieldPath(path, "name"));
  if (!from.when().empty()) rule.when = BuildExpression(context, from.when(), FieldPath(path, "when"), Kind::kBool);
  const std::string errors = FieldPath(path, "errors");
  if (!from.errors().empty()) rule.errors = rules::BuildExpressionOfAnswers(context, from.errors(), errors, Kind::kBool);
  if (!from.errors().empty() && rule.by_latency) {
    context.errors.Add(errors, "expected none for SLOW_CALL_RATIO: calls are judged by their latency");
  }
  if (from.has_slow_over()) rule.slow_over = config::ToDuration(from.slow_over());
  if (rule.by_latency && !from.has_slow_over()) {
    const std::string place = FieldPath(path, "slow_over");
    context.errors.AddMissing(place, place, "expected one for SLOW_CALL_RATIO");
  }
  rule.per = BuildParts(context, from, FieldPath(path, "per"));
  rule.reject = rules::BuildRefusal(context, from.reject(), FieldPath(path, "reject"),
                                    {.status = 503, .body = {}, .grpc_status = rules::kUnavailable, .headers = {}});
  if (from.has_degrade()) rule.degrade = rules::BuildDegrade(context, from.degrade(), FieldPath(path, "degrade"));
  if (from.has_degrade() && from.has_reject()) context.errors.Add(FieldPath(path, "degrade"), "expected none beside reject");
  if (from.has_max_breakers() && rule.per.empty()) {
    context.errors.Add(FieldPath(path, "max_breakers"), "expected none without per: there is one");
  }
  const uint32_t most = rule.per.empty() ? 1 : from.has_max_breakers() ? from.max_breakers().value() : kMostBreakers;
  const std::optional<Terms> terms = BuildTerms(context, from, path);
  if (!terms || most < 1 || most > Breakers::kMost) return rule;
  rule.state = StateOf(rule.name, TermsText(from, *terms, rule), rule.per.Text(), *terms, most);
  return rule;
}

std::vector<Rule> BuildRules(BuildContext& context, const google::protobuf::RepeatedPtrField<v1::Rule>& from,
                             const std::string& path) {
  std::vector<Rule> built;
  rules::CheckNamesDiffer(context, from, path);
  for (int i = 0; i < from.size(); ++i) built.push_back(BuildRule(context, from[i], ElementPath(path, i)));
  return built;
}

Settings BuildSettings(BuildContext& context, const v1::Degradation& from, const std::string& path) {
  return {.rules = BuildRules(context, from.rules(), FieldPath(path, "rules")),
          .fields = static_cast<Fields>(from.fields())};
}

std::shared_ptr<const config::FilterConfig> Build(BuildContext& context, const google::protobuf::Message& message,
                                                  const std::string& path) {
  return std::make_shared<Config>(BuildSettings(context, static_cast<const v1::Degradation&>(message), path));
}

std::shared_ptr<const config::FilterConfig> BuildOfRoute(BuildContext& context, const google::protobuf::Message& message,
                                                         const std::string& path) {
  const auto& from = static_cast<const v1::DegradationPerRoute&>(message);
  RouteSettings settings{.disabled = from.disabled(), .instead = {}, .more = {}};
  if (from.has_degradation()) settings.instead = BuildSettings(context, from.degradation(), FieldPath(path, "degradation"));
  settings.more = BuildRules(context, from.more_rules(), FieldPath(path, "more_rules"));
  rules::CheckDisabledAlone(context, from, from.has_degradation(), "degradation", path);
  return std::make_shared<RouteConfig>(std::move(settings));
}

}  // namespace

config::HttpFilterType Type() {
  return {v1::Degradation::descriptor(), Build, v1::DegradationPerRoute::descriptor(), BuildOfRoute};
}

}  // namespace pillion::filters::degradation_rules
