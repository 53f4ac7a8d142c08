#include "source/filter/descriptors.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>

#include "source/access/request.h"
#include "source/config/route.h"
#include "source/expression/evaluator.h"
#include "source/filter/request_attributes.h"
#include "source/http/parameters.h"
#include "source/telemetry/record_attributes.h"

namespace pillion::filter {
namespace {

using Action = config::RateLimitAction;
constexpr uint64_t kMostHits = 1'000'000'000;

// Of an address as a connection has it: "192.0.2.0/24".
std::string_view MaskedAddress(std::string_view ip, const Action::MaskedRemoteAddress& mask, base::Arena& arena) {
  const bool v6 = ip.find(':') != std::string_view::npos;
  const uint32_t bits = v6 ? mask.v6_bits : mask.v4_bits;
  std::array<char, INET6_ADDRSTRLEN + 4> text{};
  ip.copy(text.data(), INET6_ADDRSTRLEN - 1);
  std::array<uint8_t, 16> bytes{};
  inet_pton(v6 ? AF_INET6 : AF_INET, text.data(), bytes.data());
  for (uint32_t i = 0; i < bytes.size(); ++i) {
    const uint32_t kept = std::min(8u, bits - std::min(bits, i * 8));
    bytes[i] &= static_cast<uint8_t>(0xff00u >> kept);
  }
  inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), text.data(), INET6_ADDRSTRLEN);
  char* const slash = text.data() + std::string_view(text.data()).size();
  *slash = '/';
  const char* const end = std::to_chars(slash + 1, text.data() + text.size(), bits).ptr;
  return arena.Copy({text.data(), static_cast<size_t>(end - text.data())});
}

std::string_view Format(const telemetry::TextFormat& format, StreamContext& stream) {
  telemetry::RequestRecord record;
  stream.Describe(record);
  std::string scratch;
  return format.Evaluate(record, "", stream.arena(), scratch);
}

// Null: filters noted nothing there.
const metadata::Value* FindNoted(const config::MetadataPath& path, StreamContext& stream) {
  return stream.annotations().metadata.Find(path.name_space, path.keys);
}

// Null: the route's metadata has nothing there.
const config::MetadataValue* FindConfigured(const config::MetadataPath& path, const config::Route* route) {
  if (route == nullptr || route->metadata == nullptr) return nullptr;
  const config::MetadataValue* value = route->metadata->Find(path.name_space, path.keys.front());
  for (size_t i = 1; i < path.keys.size() && value != nullptr; ++i) {
    const auto* const fields = std::get_if<config::MetadataValue::Struct>(&value->value);
    if (fields == nullptr) return nullptr;
    const auto field = fields->find(path.keys[i]);
    value = field == fields->end() ? nullptr : &field->second;
  }
  return value;
}

// What there is to say of a request; nothing: there is no descriptor.
struct Said {
  bool skipped = false;  // no entry, and nothing is missing by it
  std::string_view value;
};

class Speaker {
 public:
  Speaker(StreamContext& stream, const http::RequestHead& head, Moment moment)
      : stream_(stream), head_(head), moment_(moment) {}

  std::optional<Said> operator()(const Action::Fixed& fixed) const { return Say(fixed.text); }
  std::optional<Said> operator()(const Action::DestinationCluster&) const { return UnlessEmpty(stream_.cluster_name()); }
  std::optional<Said> operator()(const Action::RemoteAddress&) const { return UnlessEmpty(RemoteIp()); }
  std::optional<Said> operator()(const Action::MaskedRemoteAddress& mask) const {
    const std::string_view ip = RemoteIp();
    return ip.empty() ? std::nullopt : std::optional(Said{.value = MaskedAddress(ip, mask, stream_.arena())});
  }
  std::optional<Said> operator()(const Action::RequestHeader& header) const {
    return Unless(header.name.First(head_), header.skip_if_absent);
  }
  std::optional<Said> operator()(const Action::QueryParameter& parameter) const {
    return Unless(http::FindQueryParameter(head_.path, parameter.name), parameter.skip_if_absent);
  }
  std::optional<Said> operator()(const Action::Metadata& metadata) const {
    std::string_view text = metadata.of_route ? ConfiguredText(metadata.path) : NotedText(metadata.path);
    if (text.empty()) text = metadata.otherwise;
    return Unless(text.empty() ? std::nullopt : std::optional(text), metadata.skip_if_absent);
  }
  std::optional<Said> operator()(const Action::Expression& expression) const {
    base::Arena& arena = stream_.arena();
    const expression::Value value = expression::AsText(Evaluate(*expression.program, arena), arena);
    if (value.is_error()) return Unless(std::nullopt, expression.skip_if_error);
    return Said{.value = arena.Copy(value.text())};
  }
  std::optional<Said> operator()(const Action::HeaderMatch& match) const {
    const bool all = std::ranges::all_of(match.headers, [this](const auto& header) { return header.Matches(head_); });
    return all == match.expected ? Say(match.text) : std::nullopt;
  }
  std::optional<Said> operator()(const Action::QueryMatch& match) const {
    const bool all =
        std::ranges::all_of(match.parameters, [this](const auto& parameter) { return parameter.Matches(head_.path); });
    return all == match.expected ? Say(match.text) : std::nullopt;
  }

 private:
  static std::optional<Said> Unless(std::optional<std::string_view> value, bool skip) {
    if (value) return Said{.value = *value};
    return skip ? std::optional(Said{.skipped = true}) : std::nullopt;
  }
  static std::optional<Said> UnlessEmpty(std::string_view value) {
    return value.empty() ? std::nullopt : std::optional(Said{.value = value});
  }

  // When all is over, what has become of the request may be asked for.
  expression::Value Evaluate(const expression::Program& program, base::Arena& arena) const {
    if (moment_ == Moment::kRequest) return expression::Evaluate(program, RequestAttributes(stream_), arena);
    telemetry::RequestRecord record;
    stream_.Describe(record);
    return expression::Evaluate(program, telemetry::RecordAttributes(record), arena);
  }
  std::optional<Said> Say(const Action::Text& text) const {
    if (!text.format) return Said{.value = text.fixed};
    const std::string_view said = Format(*text.format, stream_);
    return said.empty() ? UnlessEmpty(text.otherwise) : std::optional(Said{.value = said});
  }
  // Empty: there is none.
  std::string_view RemoteIp() const {
    const access::Request request = stream_.AccessRequest();
    return stream_.arena().Copy(request.client_ip.empty() ? request.connection.remote.ip : request.client_ip);
  }
  std::string_view NotedText(const config::MetadataPath& path) const {
    const metadata::Value* const value = FindNoted(path, stream_);
    return value != nullptr && value->kind == metadata::Value::Kind::kText ? value->text : std::string_view();
  }
  std::string_view ConfiguredText(const config::MetadataPath& path) const {
    const config::MetadataValue* const value = FindConfigured(path, stream_.route());
    const auto* const text = value == nullptr ? nullptr : std::get_if<std::string>(&value->value);
    return text == nullptr ? std::string_view() : std::string_view(*text);
  }

  StreamContext& stream_;
  const http::RequestHead& head_;
  const Moment moment_;
};

// False: what there is to say is no number.
bool SetHits(const config::RateLimitRule& rule, StreamContext& stream, Descriptor& to) {
  if (const auto* const number = std::get_if<uint64_t>(&rule.hits)) to.hits = *number;
  const auto* const format = std::get_if<telemetry::TextFormat>(&rule.hits);
  if (format == nullptr) return true;
  const std::string_view text = Format(*format, stream);
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number > kMostHits) return false;
  to.hits = number;
  return true;
}

std::optional<DescriptorLimit> NotedLimit(const config::MetadataPath& path, StreamContext& stream) {
  constexpr std::string_view kUnits[] = {"UNKNOWN", "SECOND", "MINUTE", "HOUR", "DAY", "MONTH", "YEAR"};
  const metadata::Value* const noted = FindNoted(path, stream);
  if (noted == nullptr) return std::nullopt;
  const metadata::Value* const requests = metadata::Find(*noted, "requests_per_unit");
  const metadata::Value* const unit = metadata::Find(*noted, "unit");
  if (requests == nullptr || requests->kind != metadata::Value::Kind::kNumber) return std::nullopt;
  if (unit == nullptr || unit->kind != metadata::Value::Kind::kText) return std::nullopt;
  const auto* const known = std::ranges::find(kUnits, unit->text);
  if (known == std::end(kUnits) || !(requests->number >= 0 && requests->number <= UINT32_MAX)) return std::nullopt;
  return DescriptorLimit{static_cast<uint32_t>(requests->number), static_cast<uint32_t>(known - kUnits)};
}

// False: the rule has nothing to say of the request.
bool MakeDescriptor(const config::RateLimitRule& rule, StreamContext& stream, const http::RequestHead& head,
                    Descriptor& to) {
  DescriptorEntry* const entries = stream.arena().NewArray<DescriptorEntry>(rule.actions.size());
  size_t count = 0;
  for (const Action& action : rule.actions) {
    const std::optional<Said> said = std::visit(Speaker(stream, head, rule.moment), action.source);
    if (!said) return false;
    if (!said->skipped) entries[count++] = {action.key, said->value};
  }
  to.entries = {entries, count};
  if (count == 0 || !SetHits(rule, stream, to)) return false;
  if (rule.limit) to.limit = NotedLimit(*rule.limit, stream);
  to.figures = rule.figures;
  return true;
}

// Behind those that there are.
class List {
 public:
  List(size_t most, StreamContext& stream, const http::RequestHead& head, Moment moment)
      : stream_(stream), head_(head), moment_(moment), made_(stream.arena().NewArray<Descriptor>(most)) {}

  void Add(const config::RateLimitRules& rules, uint32_t stage) {
    for (const config::RateLimitRule& rule : rules) {
      if (rule.stage != stage || rule.moment != moment_) continue;
      if (rule.enabled.key != nullptr && !rule.enabled.Holds(stream_.random().Next())) continue;
      made_[count_] = {};
      if (MakeDescriptor(rule, stream_, head_, made_[count_])) ++count_;
    }
  }
  Descriptors made() const { return {made_, count_}; }

 private:
  StreamContext& stream_;
  const http::RequestHead& head_;
  const Moment moment_;
  Descriptor* const made_;
  size_t count_ = 0;
};

bool Heeded(const config::RateLimitRules& rules, Moment moment) {
  return std::ranges::any_of(rules, [moment](const config::RateLimitRule& rule) { return rule.moment == moment; });
}

}  // namespace

Descriptors MakeDescriptors(const config::RateLimitRules& rules, StreamContext& stream, const http::RequestHead& head,
                            Moment moment) {
  if (!Heeded(rules, moment)) return {};
  List list(rules.size(), stream, head, moment);
  list.Add(rules, 0);
  return list.made();
}

Descriptors RouteDescriptors(uint32_t stage, HostRateLimits host, StreamContext& stream, const http::RequestHead& head,
                             Moment moment) {
  const config::Route* const route = stream.route();
  const auto* const action = route == nullptr ? nullptr : std::get_if<config::RouteAction>(&route->action);
  if (action == nullptr) return {};
  const bool of_host = action->with_host_rate_limits || host == HostRateLimits::kBeside ||
                       (host == HostRateLimits::kInstead && action->rate_limits.empty());
  const config::RateLimitRules& of_route = action->rate_limits;
  const config::RateLimitRules& beside = stream.virtual_host()->rate_limits;
  if (!Heeded(of_route, moment) && (!of_host || !Heeded(beside, moment))) return {};
  List list(of_route.size() + beside.size(), stream, head, moment);
  list.Add(of_route, stage);
  if (of_host) list.Add(beside, stage);
  return list.made();
}

}  // namespace pillion::filter
