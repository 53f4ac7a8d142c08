#include "pillion/filters/http/limit/v1/limit.pb.h"
#include "source/config/build.h"
#include "source/config/route.h"
#include "source/filters/limit/limit.h"
#include "source/filters/rules/config.h"
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
using rules::BuildExpression;
using rules::CheckName;

constexpr uint32_t kMostKeys = 100'000;  // where nothing is said
constexpr uint32_t kMostWaiting = 10'000;
constexpr int kResourceExhausted = 8;

Expression BuildNumber(BuildContext& context, const std::string& text, const std::string& path) {
  const Expression program = BuildExpression(context, text, path);
  if (program == nullptr) return nullptr;
  const expression::Type& type = program->result();
  const bool fits = type.is_dynamic() || type.Is(Kind::kInt) || type.Is(Kind::kUint) || type.Is(Kind::kDouble);
  if (!fits) context.errors.Add(path, config::Concat("column 1: it gives ", type.Text(), ", expected a number"));
  return program;
}

// What can be written as a text.
Expression BuildText(BuildContext& context, const std::string& text, const std::string& path) {
  const Expression program = BuildExpression(context, text, path);
  if (program == nullptr) return nullptr;
  const expression::Type& type = program->result();
  const bool fits = !type.Is(Kind::kMap) && !type.Is(Kind::kList) && !type.Is(Kind::kNull) && !type.Is(Kind::kType);
  if (!fits) {
    context.errors.Add(path, config::Concat("column 1: it gives ", type.Text(), ", expected what can be written as a text"));
  }
  return program;
}

// Nothing, and an error, for what can't be.
std::optional<Terms> BuildTerms(BuildContext& context, const v1::Rule& from, const std::string& path) {
  const auto fits = [&](const Terms& terms, const std::string& place, const std::string& given) {
    const char* const expected = Policy::WhatIsWrong(terms);
    if (expected != nullptr) context.errors.AddMissing(place, place, config::Concat(given, "expected ", expected));
    return expected == nullptr;
  };
  Terms terms;
  if (from.has_window()) {
    terms.window = {.limit = from.window().limit(), .length = config::ToDuration(from.window().length())};
    const std::string given =
        config::Concat("limit ", terms.window->limit, ", length ", terms.window->length.count(), " ns: ");
    if (!fits({.window = terms.window, .bucket = {}}, FieldPath(path, "window"), given)) return std::nullopt;
  }
  if (from.has_bucket()) {
    const auto& bucket = from.bucket();
    terms.bucket = {.burst = bucket.has_burst() ? bucket.burst().value() : bucket.rate(),
                    .tokens = bucket.rate(),
                    .period = bucket.has_per() ? config::ToDuration(bucket.per()) : std::chrono::seconds(1)};
    const std::string given = config::Concat("rate ", terms.bucket->tokens, ", burst ", terms.bucket->burst, ": ");
    if (!fits({.window = {}, .bucket = terms.bucket}, FieldPath(path, "bucket"), given)) return std::nullopt;
  }
  if (!fits(terms, path, "")) return std::nullopt;
  return terms;
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
    dimension.value = BuildText(context, from[i].value(), FieldPath(place, "value"));
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
  rule.reject = rules::BuildRefusal(context, from.reject(), FieldPath(path, "reject"),
                                    {.status = 429, .body = {}, .grpc_status = kResourceExhausted, .headers = {}});
  if (from.has_degrade()) rule.degrade = rules::BuildDegrade(context, from.degrade(), FieldPath(path, "degrade"));
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
  std::vector<Rule> built;
  rules::CheckNamesDiffer(context, from, path);
  for (int i = 0; i < from.size(); ++i) built.push_back(BuildRule(context, from[i], ElementPath(path, i)));
  return built;
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
  rules::CheckDisabledAlone(context, from, from.has_limit(), "limit", path);
  return std::make_shared<RouteConfig>(std::move(settings));
}

}  // namespace

config::HttpFilterType Type() { return {v1::Limit::descriptor(), Build, v1::LimitPerRoute::descriptor(), BuildOfRoute}; }

}  // namespace pillion::filters::limit_rules
