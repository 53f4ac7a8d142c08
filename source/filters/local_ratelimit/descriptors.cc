#include "source/filters/local_ratelimit/descriptors.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <random>

#include "source/access/request.h"
#include "source/expression/evaluator.h"
#include "source/filter/request_attributes.h"
#include "source/http/parameters.h"

namespace pillion::filters::local_ratelimit {
namespace {

using Wide = unsigned __int128;

limit::Secret DrawSecret() {
  std::random_device device;
  const auto draw = [&device] { return uint64_t{device()} << 32 | device(); };
  return {.low = draw(), .high = draw()};
}

Taken TakenFrom(const limit::Policy& policy, const limit::Decision& decision) {
  Taken taken = {.allowed = decision.allowed(), .limit = decision.bucket.limit, .remaining = decision.bucket.remaining};
  if (taken.remaining > 0) return taken;
  // Tokens come evenly: from the first that comes to the last is the time of all but one.
  const limit::TokenBucket::Terms& terms = policy.bucket()->terms();
  const Wide others = Wide{terms.burst - 1} * static_cast<uint64_t>(terms.period.count());
  taken.next = decision.bucket.reset - base::Duration(static_cast<int64_t>((others + terms.tokens - 1) / terms.tokens));
  return taken;
}

bool IsOpen(const DescriptorLimit::Pattern& entry) { return entry.value.empty(); }

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

// What there is to say of a request; nothing: there is no descriptor.
struct Said {
  bool skipped = false;  // no entry, and nothing is missing by it
  std::string_view value;
};

class Speaker {
 public:
  Speaker(filter::StreamContext& stream, const http::RequestHead& head) : stream_(stream), head_(head) {}

  std::optional<Said> operator()(const Action::Fixed& fixed) const { return Said{.value = fixed.value}; }
  std::optional<Said> operator()(const Action::DestinationCluster&) const { return UnlessEmpty(stream_.cluster_name()); }
  std::optional<Said> operator()(const Action::RemoteAddress&) const {
    return UnlessEmpty(RemoteIp());
  }
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
  std::optional<Said> operator()(const Action::Expression& expression) const {
    const filter::RequestAttributes attributes(stream_);
    base::Arena& arena = stream_.arena();
    const expression::Value value =
        expression::AsText(expression::Evaluate(*expression.program, attributes, arena), arena);
    if (value.is_error()) return Unless(std::nullopt, expression.skip_if_error);
    return Said{.value = arena.Copy(value.text())};
  }
  std::optional<Said> operator()(const Action::HeaderMatch& match) const {
    const bool all = std::all_of(match.headers.begin(), match.headers.end(),
                                 [this](const match::HeaderMatcher& header) { return header.Matches(head_); });
    return all == match.expected ? std::optional(Said{.value = match.value}) : std::nullopt;
  }

 private:
  static std::optional<Said> Unless(std::optional<std::string_view> value, bool skip) {
    if (value) return Said{.value = *value};
    return skip ? std::optional(Said{.skipped = true}) : std::nullopt;
  }

  // Empty: there is none.
  std::string_view RemoteIp() const {
    const access::Request request = stream_.AccessRequest();
    return stream_.arena().Copy(request.client_ip.empty() ? request.connection.remote.ip : request.client_ip);
  }
  static std::optional<Said> UnlessEmpty(std::string_view value) {
    return value.empty() ? std::nullopt : std::optional(Said{.value = value});
  }

  filter::StreamContext& stream_;
  const http::RequestHead& head_;
};

}  // namespace

Bucket::Bucket(const limit::TokenBucket::Terms& terms)
    : policy_(limit::Terms{.window = {}, .bucket = terms}), state_(policy_.Fresh({})) {}

Taken Bucket::Take(base::MonotonicTime now) {
  const std::lock_guard lock(lock_);
  now_ = std::max(now_, now);
  return TakenFrom(policy_, policy_.Decide(state_, 1, now_));
}

std::span<const Entry> MakeDescriptor(const Actions& actions, filter::StreamContext& stream, const http::RequestHead& head) {
  Entry* const entries = stream.arena().NewArray<Entry>(actions.size());
  size_t count = 0;
  for (const Action& action : actions) {
    const std::optional<Said> said = std::visit(Speaker(stream, head), action.source);
    if (!said) return {};
    if (!said->skipped) entries[count++] = {action.key, said->value};
  }
  return {entries, count};
}

DescriptorLimit::DescriptorLimit(std::vector<Pattern> entries, const limit::TokenBucket::Terms& terms, size_t most_keys)
    : entries_(std::move(entries)),
      open_(std::any_of(entries_.begin(), entries_.end(), IsOpen)),
      rate_(static_cast<double>(terms.tokens) * 1e9 / static_cast<double>(terms.period.count())),
      secret_(DrawSecret()),
      limit_({.window = {}, .bucket = terms}, open_ ? most_keys : 1) {}

bool DescriptorLimit::Matches(std::span<const Entry> descriptor) const {
  return std::equal(entries_.begin(), entries_.end(), descriptor.begin(), descriptor.end(),
                    [](const Pattern& mine, const Entry& other) {
                      return mine.key == other.key && (IsOpen(mine) || mine.value == other.value);
                    });
}

Taken DescriptorLimit::Take(std::span<const Entry> descriptor, base::MonotonicTime now, base::Arena& arena) {
  std::string_view* const values = arena.NewArray<std::string_view>(entries_.size());
  size_t count = 0;
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (IsOpen(entries_[i])) values[count++] = descriptor[i].value;
  }
  return TakenFrom(limit_.policy(), limit_.Decide(limit::KeyOf(secret_, {values, count}), 1, now));
}

}  // namespace pillion::filters::local_ratelimit
