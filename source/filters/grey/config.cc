#include <algorithm>
#include <limits>

#include "pillion/filters/http/grey/v1/grey.pb.h"
#include "source/config/build.h"
#include "source/config/route.h"
#include "source/config/text.h"
#include "source/filters/grey/grey.h"
#include "source/filters/grey/lane_fault.h"
#include "source/filters/rules/config.h"
#include "source/http/field_name.h"
#include "source/http/syntax.h"

namespace pillion::filters::grey_rules {
namespace {

namespace v1 = pillion::filters::http::grey::v1;
using config::BuildContext;
using config::Concat;
using config::ElementPath;
using config::FieldPath;
using config::Quote;
using expression::Attribute;
using grey::Condition;
using grey::kMillion;
using grey::Schedule;

constexpr int kMostRules = 10'000;
constexpr size_t kLongestLabel = 128;
using Labels = google::protobuf::Map<std::string, std::string>;
using StringMatcher = envoy::type::matcher::v3::StringMatcher;
using TextTest = decltype(grey::TextTest::test);

// Of the rule that is built. `keys`: that colours may have; null: others know.
struct Place {
  BuildContext& context;
  const std::vector<std::string>* keys;

  void Add(const std::string& path, std::string message) { context.errors.Add(path, std::move(message)); }
};

// What is empty was said already.
grey::Expression BuildExpression(Place& place, const std::string& text, const std::string& path,
                                 std::optional<expression::Kind> result = std::nullopt) {
  return text.empty() ? nullptr : rules::BuildExpression(place.context, text, path, result);
}

std::string KeyError(const std::string& key, const std::vector<std::string>& keys) {
  std::string all;
  for (const std::string& each : keys) all += (all.empty() ? "" : ", ") + each;
  return Concat(Quote(key), ", expected one of labels: ", all);
}

Colour BuildColour(Place& place, const Labels& from, const std::string& path) {
  std::map<std::string, std::string> texts(from.begin(), from.end());
  for (const auto& [key, value] : texts) {
    const std::string at = Concat(path, "[", Quote(key), "]");
    if (place.keys != nullptr && std::find(place.keys->begin(), place.keys->end(), key) == place.keys->end()) {
      place.Add(at, KeyError(key, *place.keys));
    }
    const bool fits = !value.empty() && value.size() <= kLongestLabel &&
                      std::all_of(value.begin(), value.end(), [](char c) { return c > ' ' && c < 0x7f; });
    if (!fits) place.Add(at, Concat(Quote(value), ", expected 1 to ", kLongestLabel, " visible characters of ASCII"));
  }
  return Colour(std::move(texts));
}

grey::Sticky BuildSticky(Place& place, const v1::Sticky& from, const std::string& path, std::string_view seed) {
  return {.key = BuildExpression(place, from.key(), FieldPath(path, "key")),
          .seed = grey::SeedOf(from.seed().empty() ? seed : std::string_view(from.seed()))};
}

// Beyond what a time has room for: the last there is.
base::WallTime TimeOf(const google::protobuf::Timestamp& from) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max() / 1'000'000'000 - 1;
  const std::chrono::seconds seconds(std::clamp(static_cast<int64_t>(from.seconds()), -kMost, kMost));
  return base::WallTime(seconds + std::chrono::nanoseconds(from.nanos()));
}

uint16_t BuildTimeOfDay(Place& place, const std::string& text, const std::string& path, bool may_be_midnight) {
  const std::optional<uint16_t> time = grey::ParseTimeOfDay(text, may_be_midnight);
  if (!time && !text.empty()) {
    place.Add(path, Concat(Quote(text), ", expected a time of the day, 00:00 to ", may_be_midnight ? "24:00" : "23:59"));
  }
  return time.value_or(0);
}

Schedule BuildSchedule(Place& place, const v1::Schedule& from, const std::string& path) {
  Schedule schedule;
  if (from.has_from()) schedule.from = TimeOf(from.from());
  if (from.has_until()) schedule.until = TimeOf(from.until());
  if (schedule.from && schedule.until && *schedule.until <= *schedule.from) {
    place.Add(FieldPath(path, "until"), "expected a time after from");
  }
  for (int i = 0; i < from.windows_size(); ++i) {
    const v1::Schedule::Window& window = from.windows(i);
    const std::string at = ElementPath(FieldPath(path, "windows"), i);
    grey::Window& built = schedule.windows.emplace_back();
    built.start = BuildTimeOfDay(place, window.start(), FieldPath(at, "start"), false);
    built.end = BuildTimeOfDay(place, window.end(), FieldPath(at, "end"), true);
    uint8_t days = 0;
    for (const int day : window.days()) {
      days |= day == v1::Schedule::EACH_DAY ? built.days : static_cast<uint8_t>(1u << (day - v1::Schedule::MONDAY));
    }
    if (days != 0) built.days = days;
  }
  const std::optional<absl::TimeZone> zone = grey::FindZone(from.zone());
  if (!zone) {
    place.Add(FieldPath(path, "zone"),
              Concat(Quote(from.zone()), ", expected a zone that this system knows, such as Asia/Shanghai, or +08:00"));
  }
  schedule.zone = zone.value_or(absl::UTCTimeZone());
  return schedule;
}

TextTest BuildTest(Place& place, const StringMatcher& from, const std::string& path) {
  if (from.match_pattern_case() == StringMatcher::kExact && !from.ignore_case()) return grey::Exact{from.exact()};
  return config::BuildStringMatcher(place.context, from, path);
}

void CheckFieldName(Place& place, const std::string& name, const std::string& path) {
  if (name.empty() || pillion::http::FieldName::IsFieldName(name)) return;
  place.Add(FieldPath(path, "name"), Concat(Quote(name), ", expected the name of a field"));
}

grey::TextTest BuildNamed(Place& place, Attribute map, const v1::Condition::Named& from, const std::string& path) {
  if (map == Attribute::kRequestHeaders) CheckFieldName(place, from.name(), path);
  TextTest test = grey::Present{};
  if (from.has_value()) test = BuildTest(place, from.value(), FieldPath(path, "value"));
  return {grey::EntryOf(map, from.name()), std::move(test)};
}

grey::TextTest BuildRange(Place& place, const v1::Condition::HeaderRange& from, const std::string& path) {
  CheckFieldName(place, from.name(), path);
  if (from.to() < from.from()) {
    place.Add(FieldPath(path, "to"), Concat(from.to(), ", expected at least from: ", from.from()));
    return {grey::EntryOf(Attribute::kRequestHeaders, from.name()), grey::Present{}};
  }
  return {grey::EntryOf(Attribute::kRequestHeaders, from.name()), grey::Range{from.from(), from.to()}};
}

Condition BuildCondition(Place& place, const v1::Condition& from, const std::string& path, const std::string& rule) {
  const auto text = [&](Attribute attribute, const StringMatcher& matcher, const std::string& field) {
    return grey::TextTest{{.attribute = attribute, .entry = {}}, BuildTest(place, matcher, FieldPath(path, field))};
  };
  const auto built = [&]() -> decltype(Condition::what) {
    switch (from.condition_case()) {
      case v1::Condition::kHeader:
        return BuildNamed(place, Attribute::kRequestHeaders, from.header(), FieldPath(path, "header"));
      case v1::Condition::kHeaderRange:
        return BuildRange(place, from.header_range(), FieldPath(path, "header_range"));
      case v1::Condition::kCookie:
        return BuildNamed(place, Attribute::kRequestCookies, from.cookie(), FieldPath(path, "cookie"));
      case v1::Condition::kQuery:
        return BuildNamed(place, Attribute::kRequestQueryParameters, from.query(), FieldPath(path, "query"));
      case v1::Condition::kPath:
        return text(Attribute::kRequestUrlPath, from.path(), "path");
      case v1::Condition::kPrincipal:
        return text(Attribute::kSourcePrincipal, from.principal(), "principal");
      case v1::Condition::kTenant:
        return text(Attribute::kContextTenant, from.tenant(), "tenant");
      case v1::Condition::kBaggage:
        return BuildNamed(place, Attribute::kContextBaggage, from.baggage(), FieldPath(path, "baggage"));
      case v1::Condition::kExpression:
        return BuildExpression(place, from.expression(), FieldPath(path, "expression"), expression::Kind::kBool);
      case v1::Condition::kPart: {
        const std::string at = FieldPath(path, "part");
        grey::Part part{.per_million = from.part().per_million(), .sticky = {}};
        // What the rule itself divides is divided otherwise.
        if (from.part().has_sticky()) {
          part.sticky = BuildSticky(place, from.part().sticky(), FieldPath(at, "sticky"), Concat(rule, " part"));
        }
        return part;
      }
      case v1::Condition::kSchedule:
        return BuildSchedule(place, from.schedule(), FieldPath(path, "schedule"));
      default:  // flags; that none is there was said already
        return grey::Flags{static_cast<uint16_t>(from.flags())};
    }
  };
  return {.what = built(), .invert = from.invert()};
}

void BuildShares(Place& place, const v1::Rule& from, const std::string& path, RuleList& list, grey::Rule& rule) {
  const auto add = [&](uint32_t per_million, const Labels& colour, const std::string& at) {
    rule.shares.push_back({per_million, static_cast<uint32_t>(list.colours.size())});
    list.colours.push_back(BuildColour(place, colour, FieldPath(at, "colour")));
  };
  if (from.split().empty()) return add(from.has_per_million() ? from.per_million().value() : kMillion, from.colour(), path);
  if (!from.colour().empty()) place.Add(FieldPath(path, "colour"), "expected none beside split");
  if (from.has_per_million()) place.Add(FieldPath(path, "per_million"), "expected none beside split");
  uint64_t sum = 0;
  for (int i = 0; i < from.split_size(); ++i) {
    sum += from.split(i).per_million();
    add(from.split(i).per_million(), from.split(i).colour(), ElementPath(FieldPath(path, "split"), i));
  }
  if (sum > kMillion) place.Add(FieldPath(path, "split"), Concat(sum, " per million together, expected at most ", kMillion));
}

grey::Rule BuildRule(Place& place, const v1::Rule& from, const std::string& path, RuleList& list) {
  rules::CheckName(place.context, from.name(), FieldPath(path, "name"));
  grey::Rule rule{.name = from.name(), .conditions = {}, .schedule = {}, .shares = {}, .sticky = {}};
  for (int i = 0; i < from.conditions_size(); ++i) {
    rule.conditions.push_back(
        BuildCondition(place, from.conditions(i), ElementPath(FieldPath(path, "conditions"), i), from.name()));
  }
  if (from.has_schedule()) rule.schedule = BuildSchedule(place, from.schedule(), FieldPath(path, "schedule"));
  BuildShares(place, from, path, list, rule);
  if (from.has_sticky()) rule.sticky = BuildSticky(place, from.sticky(), FieldPath(path, "sticky"), from.name());
  return rule;
}

RuleList BuildRules(Place& place, const google::protobuf::RepeatedPtrField<v1::Rule>& from, const std::string& path) {
  RuleList list;
  if (from.size() > kMostRules) {
    place.Add(path, Concat(from.size(), " rules, expected at most ", kMostRules));
    return list;
  }
  std::vector<grey::Rule> all, overriding;
  rules::CheckNamesDiffer(place.context, from, path);
  for (int i = 0; i < from.size(); ++i) {
    all.push_back(BuildRule(place, from[i], ElementPath(path, i), list));
    list.terms.push_back({.overrides = from[i].override(), .fails_closed = from[i].fail_closed()});
    if (!from[i].override()) continue;
    overriding.push_back(all.back());
    list.overriding_places.push_back(static_cast<uint32_t>(i));
  }
  list.rules = grey::Rules(std::move(all));
  list.overriding = grey::Rules(std::move(overriding));
  return list;
}

// `keys`: what those of the lane begin with.
Number BuildNumber(Place& place, const google::protobuf::UInt32Value* from, uint64_t otherwise, const std::string& keys,
                   std::string_view key) {
  return {.configured = from == nullptr ? otherwise : from->value(),
          .key = place.context.runtime_keys->Find(Concat(keys, key))};
}

Fault BuildFault(Place& place, const v1::Fault& from, const std::string& path, const std::string& keys) {
  const auto number = [&](bool is, const google::protobuf::UInt32Value& value, uint64_t otherwise, std::string_view key) {
    return BuildNumber(place, is ? &value : nullptr, otherwise, keys, key);
  };
  Fault fault;
  if (from.has_delay()) {
    fault.delay = config::ToDuration(from.delay());
  } else if (from.has_delay_per_million()) {
    place.Add(FieldPath(path, "delay_per_million"), "expected delay beside it");
  }
  fault.delay_ms = place.context.runtime_keys->Find(Concat(keys, "fault.delay_ms"));
  fault.delay_per_million =
      number(from.has_delay_per_million(), from.delay_per_million(), kMillion, "fault.delay_per_million");
  fault.aborts_grpc = from.has_abort_grpc_status();
  fault.aborts = from.has_abort_status() || fault.aborts_grpc;
  fault.abort_status =
      fault.aborts_grpc ? number(true, from.abort_grpc_status(), 0, "fault.abort_grpc_status")
                        : number(from.has_abort_status(), from.abort_status(), 0, "fault.abort_status");
  fault.abort_per_million =
      number(from.has_abort_per_million(), from.abort_per_million(), kMillion, "fault.abort_per_million");
  fault.max_active = number(from.has_max_active(), from.max_active(), UINT64_MAX, "fault.max_active");
  if (from.has_abort_status() && from.has_abort_grpc_status()) {
    place.Add(FieldPath(path, "abort_grpc_status"), "expected none beside abort_status");
  }
  if (!fault.aborts && from.has_abort_per_million()) {
    place.Add(FieldPath(path, "abort_per_million"), "expected abort_status or abort_grpc_status beside it");
  }
  if (!fault.aborts && !from.has_delay()) place.Add(path, "expected delay, abort_status or abort_grpc_status");
  return fault;
}

Lane BuildLane(Place& place, const v1::Lane& from, const std::string& path) {
  Lane lane{.colour = BuildColour(place, from.labels(), FieldPath(path, "labels"))};
  if (from.labels().empty()) place.context.errors.AddMissing(path, FieldPath(path, "labels"), "empty, but required");
  lane.fails_closed = from.fail_closed();
  lane.active = ActiveOf(lane.colour);
  const std::string keys = Concat(from.runtime_prefix().empty() ? "grey.lane" : from.runtime_prefix(), ".");
  if (from.has_fault()) lane.fault = BuildFault(place, from.fault(), FieldPath(path, "fault"), keys);
  if (from.has_mirror()) {
    const v1::Mirror& mirror = from.mirror();
    const std::string at = FieldPath(FieldPath(path, "mirror"), "cluster");
    if (!mirror.cluster().empty()) config::CheckRequestCluster(place.context, mirror.cluster(), at);
    const auto number = [&](bool is, const google::protobuf::UInt32Value& value, uint64_t otherwise, std::string_view key) {
      return BuildNumber(place, is ? &value : nullptr, otherwise, keys, key);
    };
    lane.mirror = {.per_million = number(mirror.has_per_million(), mirror.per_million(), kMillion, "mirror.per_million"),
                   .max_active = number(mirror.has_max_active(), mirror.max_active(), UINT64_MAX, "mirror.max_active"),
                   .cluster = mirror.cluster()};
  }
  return lane;
}

std::vector<std::string> BuildKeys(Place& place, const v1::Grey& from, const std::string& path) {
  std::vector<std::string> keys(from.labels().begin(), from.labels().end());
  if (keys.empty()) keys = {"env", "release", "version"};
  for (int i = 0; i < from.labels_size(); ++i) {
    const std::string& key = from.labels(i);
    const std::string at = ElementPath(FieldPath(path, "labels"), i);
    if (key.size() > kLongestLabel || !pillion::http::IsToken(key)) {
      place.Add(at, Concat(Quote(key), ", expected a token of 1 to ", kLongestLabel, " characters"));
    }
    if (std::find(keys.begin(), keys.begin() + i, key) != keys.begin() + i) {
      place.Add(at, Concat(Quote(key), " is there already, expected another one"));
    }
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

Settings BuildSettings(BuildContext& context, const v1::Grey& from, const std::string& path) {
  Place place{context, nullptr};
  Settings settings{.keys = BuildKeys(place, from, path), .list = {}, .lanes = {}};
  place.keys = &settings.keys;
  settings.list = BuildRules(place, from.rules(), FieldPath(path, "rules"));
  for (int i = 0; i < from.lanes_size(); ++i) {
    settings.lanes.push_back(BuildLane(place, from.lanes(i), ElementPath(FieldPath(path, "lanes"), i)));
  }
  return settings;
}

std::shared_ptr<const config::FilterConfig> Build(BuildContext& context, const google::protobuf::Message& message,
                                                  const std::string& path) {
  return std::make_shared<Config>(BuildSettings(context, static_cast<const v1::Grey&>(message), path));
}

std::shared_ptr<const config::FilterConfig> BuildOfRoute(BuildContext& context, const google::protobuf::Message& message,
                                                         const std::string& path) {
  const auto& from = static_cast<const v1::GreyPerRoute&>(message);
  RouteSettings settings{.disabled = from.disabled(), .instead = {}, .more = {}};
  if (from.has_grey()) settings.instead = BuildSettings(context, from.grey(), FieldPath(path, "grey"));
  Place place{context, settings.instead ? &settings.instead->keys : nullptr};
  settings.more = BuildRules(place, from.more_rules(), FieldPath(path, "more_rules"));
  rules::CheckDisabledAlone(context, from, from.has_grey(), "grey", path);
  return std::make_shared<RouteConfig>(std::move(settings));
}

}  // namespace

// The keys of colours that a route adds to this filter's; and a gate can do nothing to a lane.
std::string Config::Contradiction(const config::FilterConfig& of_route) const {
  const RouteSettings& route = *RouteConfig::Of(&of_route);
  if (route.instead && HasEffects(*route.instead) && !HasEffects(settings_)) {
    return "grey.lanes: expected none with a fault or a mirror, as no lane of the filter itself has one";
  }
  if (route.instead) return {};
  for (const Colour& colour : route.more.colours) {
    for (const upstream::Label& label : colour.labels()) {
      const std::string key(label.key);
      if (std::find(settings_.keys.begin(), settings_.keys.end(), key) == settings_.keys.end()) {
        return Concat("more_rules: ", KeyError(key, settings_.keys));
      }
    }
  }
  return {};
}

config::HttpFilterType Type() { return {v1::Grey::descriptor(), Build, v1::GreyPerRoute::descriptor(), BuildOfRoute}; }

}  // namespace pillion::filters::grey_rules
