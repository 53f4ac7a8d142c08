#include <algorithm>
#include <set>

#include "pillion/filters/http/limit/v1/limit.pb.h"
#include "source/config/build.h"
#include "source/config/text.h"
#include "source/expression/compiler.h"
#include "source/filters/limit/limit.h"
#include "source/limit/fields.h"

namespace pillion::filters::limit_rules {
namespace {

namespace v1 = pillion::filters::http::limit::v1;
using config::BuildContext;
using config::ElementPath;
using config::FieldPath;
using expression::Kind;
using limit::Policy;
using limit::Terms;

constexpr uint32_t kMostKeys = 100'000;  // where nothing is said
constexpr uint32_t kMostWaiting = 10'000;
constexpr size_t kLongestName = 64;
constexpr int kResourceExhausted = 8;
constexpr int kUnavailable = 14;

// Null, and an error, for one that is none.
Expression BuildExpression(BuildContext& context, const std::string& text, const std::string& path,
                           std::optional<Kind> result = std::nullopt) {
  auto program = expression::Compile(text, {.result = result});
  if (program.ok()) return *std::move(program);
  context.errors.Add(path, std::string(program.status().message()));
  return nullptr;
}

Expression BuildNumber(BuildContext& context, const std::string& text, const std::string& path) {
  const Expression program = BuildExpression(context, text, path);
  if (program == nullptr) return nullptr;
  const expression::Type& type = program->result();
  const bool fits = type.is_dynamic() || type.Is(Kind::kInt) || type.Is(Kind::kUint) || type.Is(Kind::kDouble);
  if (!fits) context.errors.Add(path, config::Concat("column 1: it gives ", type.Text(), ", expected a number"));
  return program;
}

void CheckName(BuildContext& context, const std::string& name, const std::string& path) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  };
  if (name.size() <= kLongestName && std::all_of(name.begin(), name.end(), fits)) return;
  context.errors.Add(path, config::Concat(config::Quote(name), ", expected at most ", kLongestName,
                                          " letters, digits, _, - and ."));
}

// Nothing, and an error, for what can't be.
std::optional<Terms> BuildTerms(BuildContext& context, const v1::Rule& from, const std::string& path) {
  const auto fits = [&](const Terms& terms, const std::string& place) {
    const char* const expected = Policy::WhatIsWrong(terms);
    if (expected != nullptr) context.errors.AddMissing(place, place, config::Concat("expected ", expected));
    return expected == nullptr;
  };
  Terms terms;
  if (from.has_window()) {
    terms.window = {.limit = from.window().limit(), .length = config::ToDuration(from.window().length())};
    if (!fits({.window = terms.window, .bucket = {}}, FieldPath(path, "window"))) return std::nullopt;
  }
  if (from.has_bucket()) {
    const auto& bucket = from.bucket();
    terms.bucket = {.burst = bucket.has_burst() ? bucket.burst().value() : bucket.rate(),
                    .tokens = bucket.rate(),
                    .period = bucket.has_per() ? config::ToDuration(bucket.per()) : std::chrono::seconds(1)};
    if (!fits({.window = {}, .bucket = terms.bucket}, FieldPath(path, "bucket"))) return std::nullopt;
  }
  if (!fits(terms, path)) return std::nullopt;
  return terms;
}

Answer BuildAnswer(BuildContext& context, const v1::Rule::Answer& from, const std::string& path, Answer answer) {
  if (from.has_status()) answer.status = static_cast<int>(from.status().value());
  if (from.has_grpc_status()) answer.grpc_status = static_cast<int>(from.grpc_status().value());
  answer.body = from.body();
  answer.headers = config::BuildHeaderEdits(context, from.headers_to_add(), FieldPath(path, "headers_to_add"), {}, "");
  return answer;
}

Degrade BuildDegrade(BuildContext& context, const v1::Rule::Degrade& from, const std::string& path) {
  Degrade degrade{.cluster = from.cluster(), .answer = {}, .request = {}};
  if (from.cluster().empty() != from.has_answer()) {
    context.errors.Add(path, "expected one of cluster and answer");
  } else if (!from.cluster().empty()) {
    config::CheckRequestCluster(context, from.cluster(), FieldPath(path, "cluster"));
  } else if (from.request_headers_to_add_size() > 0) {
    context.errors.Add(FieldPath(path, "request_headers_to_add"), "expected none beside an answer: no request goes on");
  }
  if (from.has_answer()) {
    degrade.answer = BuildAnswer(context, from.answer(), FieldPath(path, "answer"),
                                 {.status = 200, .body = {}, .grpc_status = kUnavailable, .headers = {}});
  }
  degrade.request = config::BuildHeaderEdits(context, from.request_headers_to_add(),
                                             FieldPath(path, "request_headers_to_add"), {}, "");
  return degrade;
}

std::vector<Dimension> BuildKey(BuildContext& context, const google::protobuf::RepeatedPtrField<v1::Rule::Dimension>& from,
                                const std::string& path) {
  std::vector<Dimension> key;
  for (int i = 0; i < from.size(); ++i) {
    const std::string place = ElementPath(path, i);
    CheckName(context, from[i].name(), FieldPath(place, "name"));
    Dimension& dimension = key.emplace_back();
    dimension.name = from[i].name();
    if (from[i].has_otherwise()) dimension.otherwise = from[i].otherwise().value();
    if (from[i].value().empty()) continue;  // said already
    dimension.value = BuildExpression(context, from[i].value(), FieldPath(place, "value"));
  }
  return key;
}

// What the keys of two rules have to have in common for one to go on where the other was.
std::string KeyText(const v1::Rule& from) {
  std::string text;
  for (const auto& dimension : from.key()) {
    text += config::Concat(dimension.value().size(), ":", dimension.value());
    const std::string& otherwise = dimension.otherwise().value();
    if (dimension.has_otherwise()) text += config::Concat(" else ", otherwise.size(), ":", otherwise);
  }
  return text;
}

void BuildQueue(BuildContext& context, const v1::Rule& from, const std::string& path, Rule& rule) {
  const v1::Rule::Queue& queue = from.queue();
  Queue& built = rule.queue.emplace();
  if (!queue.priority().empty()) built.priority = BuildNumber(context, queue.priority(), FieldPath(path, "priority"));
  built.fair_by = BuildKey(context, queue.fair_by(), FieldPath(path, "fair_by"));
  if (!rule.key.empty() && !built.fair_by.empty()) {
    context.errors.Add(FieldPath(path, "fair_by"), "expected none beside key: it is fair between keys");
  }
  if (from.dry_run()) context.errors.Add(path, "expected none beside dry_run: nobody would wait");
  using limit::FairQueue;
  FairQueue::Options options;
  if (queue.has_most()) options.most = queue.most().value();
  if (queue.has_longest_wait()) options.longest_wait = config::ToDuration(queue.longest_wait());
  options.limits = rule.key.empty() ? FairQueue::Limits::kAll : FairQueue::Limits::kEachKey;
  if (rule.state != nullptr && options.most >= 1 && options.most <= kMostWaiting) built.room = RoomOf(rule.state, options);
}

// Of a rule that limits something. Nothing where there is an error, said already.
void BuildState(const v1::Rule& from, const Terms& terms, Rule& rule) {
  const uint32_t most_keys = from.key().empty() ? 1 : from.has_max_keys() ? from.max_keys().value() : kMostKeys;
  if (most_keys < 1 || most_keys > limit::KeyedLimit::kMostKeys) return;
  rule.state = StateOf(rule.name, terms, most_keys, KeyText(from));
  char memory[limit::kMostFieldBytes];
  const auto unit = rule.cost_of == CostOf::kRequests ? limit::Unit::kRequests : limit::Unit::kContentBytes;
  rule.policy = limit::WriteRateLimitPolicy(rule.name, rule.state->limit.policy(), memory, unit);
}

Rule BuildRule(BuildContext& context, const v1::Rule& from, const std::string& path) {
  Rule rule;
  rule.name = from.name();
  rule.dry_run = from.dry_run();
  rule.cost_of = static_cast<CostOf>(from.cost_of());
  CheckName(context, from.name(), FieldPath(path, "name"));
  if (!from.when().empty()) rule.when = BuildExpression(context, from.when(), FieldPath(path, "when"), Kind::kBool);
  if (!from.cost().empty()) rule.cost = BuildNumber(context, from.cost(), FieldPath(path, "cost"));
  if (!from.cost().empty() && rule.cost_of != CostOf::kRequests) {
    context.errors.Add(FieldPath(path, "cost_of"), "expected REQUESTS beside cost");
  }
  rule.key = BuildKey(context, from.key(), FieldPath(path, "key"));
  rule.reject = BuildAnswer(context, from.reject(), FieldPath(path, "reject"),
                            {.status = 429, .body = {}, .grpc_status = kResourceExhausted, .headers = {}});
  if (rule.reject.status < 400) {
    context.errors.Add(FieldPath(FieldPath(path, "reject"), "status"),
                       config::Concat(rule.reject.status, ", expected at least 400: who is refused has no answer"));
  }
  if (from.has_degrade()) rule.degrade = BuildDegrade(context, from.degrade(), FieldPath(path, "degrade"));
  if (from.has_degrade() && from.has_reject()) context.errors.Add(FieldPath(path, "degrade"), "expected none beside reject");
  if (from.has_max_keys() && from.key().empty()) {
    context.errors.Add(FieldPath(path, "max_keys"), "expected none without key: there is one");
  }
  if (const std::optional<Terms> terms = BuildTerms(context, from, path)) BuildState(from, *terms, rule);
  if (from.has_queue()) BuildQueue(context, from, FieldPath(path, "queue"), rule);
  return rule;
}

std::vector<Rule> BuildRules(BuildContext& context, const google::protobuf::RepeatedPtrField<v1::Rule>& from,
                             const std::string& path) {
  std::vector<Rule> rules;
  for (int i = 0; i < from.size(); ++i) {
    const std::string place = ElementPath(path, i);
    for (int other = 0; other < i; ++other) {
      if (from[i].name() != from[other].name()) continue;
      context.errors.Add(FieldPath(place, "name"), config::Concat(config::Quote(from[i].name()), " is that of rules[", other,
                                                                  "], expected another one"));
      break;
    }
    rules.push_back(BuildRule(context, from[i], place));
  }
  return rules;
}

Settings BuildSettings(BuildContext& context, const v1::Limit& from, const std::string& path) {
  return {.rules = BuildRules(context, from.rules(), FieldPath(path, "rules")),
          .first_decides = from.match() == v1::Limit::FIRST,
          .fields = static_cast<Fields>(from.fields()),
          .shows_values = from.show_key_values()};
}

std::shared_ptr<const config::FilterConfig> Build(BuildContext& context, const google::protobuf::Message& message,
                                                  const std::string& path) {
  return std::make_shared<Config>(BuildSettings(context, static_cast<const v1::Limit&>(message), path));
}

std::shared_ptr<const config::FilterConfig> BuildOfRoute(BuildContext& context, const google::protobuf::Message& message,
                                                         const std::string& path) {
  const auto& from = static_cast<const v1::LimitPerRoute&>(message);
  RouteSettings settings{.disabled = from.disabled(), .instead = {}, .more = {}};
  if (from.has_limit()) settings.instead = BuildSettings(context, from.limit(), FieldPath(path, "limit"));
  settings.more = BuildRules(context, from.more_rules(), FieldPath(path, "more_rules"));
  if (settings.disabled && (from.has_limit() || from.more_rules_size() > 0)) {
    context.errors.Add(FieldPath(path, "disabled"), "expected no limit and no more_rules beside it");
  }
  return std::make_shared<RouteConfig>(std::move(settings));
}

}  // namespace

config::HttpFilterType Type() { return {v1::Limit::descriptor(), Build, v1::LimitPerRoute::descriptor(), BuildOfRoute}; }

}  // namespace pillion::filters::limit_rules
