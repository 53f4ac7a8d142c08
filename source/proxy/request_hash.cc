#include "source/proxy/request_hash.h"

#include <algorithm>
#include <bit>
#include <charconv>

#include "absl/container/inlined_vector.h"
#include "source/base/xxhash64.h"
#include "source/http/parameters.h"

namespace pillion::proxy {
namespace {

using config::HashPolicy;

// Of all fields of the name, in whatever order they came.
std::optional<uint64_t> OfHeader(const HashPolicy::Header& policy, const http::RequestHead& head,
                                 base::Arena& arena) {
  absl::InlinedVector<std::string_view, 4> values;
  if (policy.name.is_pseudo()) {
    if (const auto value = policy.name.First(head)) values.push_back(*value);
  } else {
    for (const http::HeaderField& field : head.headers) {
      if (policy.name.Is(field)) values.push_back(field.value());
    }
  }
  if (values.empty()) return std::nullopt;
  if (policy.rewrite) {
    for (std::string_view& value : values) value = policy.rewrite->Apply(value, arena);
  }
  std::sort(values.begin(), values.end());
  uint64_t hash = 0;
  for (const std::string_view value : values) hash = base::XxHash64(value, hash);
  return hash;
}

// The same for all streams of a connection, so that those that come at once agree.
std::string_view MakeCookie(const HashPolicy::Cookie& policy, const HashRequester& requester, base::Arena& arena,
                            http::HeaderMap& cookies) {
  base::ArenaText who;
  who.Append(arena, requester.peer);
  who.Append(arena, requester.local);
  char digits[16];
  std::fill(std::begin(digits), std::end(digits), '0');
  char hex[16];
  const auto end = std::to_chars(hex, hex + sizeof hex, base::XxHash64(who.view()), 16).ptr;
  std::copy(hex, end, digits + (sizeof digits - static_cast<size_t>(end - hex)));
  const std::string_view value = arena.Copy({digits, sizeof digits});

  base::ArenaText text;
  text.Append(arena, policy.name);
  text.Append(arena, "=\"");
  text.Append(arena, value);
  text.Append(arena, "\"");
  const int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(*policy.ttl).count();
  if (seconds > 0) {
    char number[20];
    text.Append(arena, "; Max-Age=");
    text.Append(arena, {number, static_cast<size_t>(std::to_chars(number, number + sizeof number, seconds).ptr - number)});
  }
  if (!policy.path.empty()) {
    text.Append(arena, "; Path=");
    text.Append(arena, policy.path);
  }
  for (const auto& [name, value] : policy.attributes) {
    text.Append(arena, "; ");
    text.Append(arena, name);
    if (value.empty()) continue;
    text.Append(arena, "=");
    text.Append(arena, value);
  }
  text.Append(arena, "; HttpOnly");
  cookies.Add("set-cookie", text.view());
  return value;
}

std::optional<uint64_t> OfCookie(const HashPolicy::Cookie& policy, const http::RequestHead& head,
                                 const HashRequester& requester, http::HeaderMap& cookies) {
  const std::optional<std::string_view> value = http::FindCookie(head.headers, policy.name);
  if (value && !value->empty()) return base::XxHash64(*value);
  if (!policy.ttl) return std::nullopt;
  return base::XxHash64(MakeCookie(policy, requester, cookies.arena(), cookies));
}

std::optional<uint64_t> Of(const HashPolicy& policy, const http::RequestHead& head, const HashRequester& requester,
                           http::HeaderMap& cookies) {
  if (const auto* header = std::get_if<HashPolicy::Header>(&policy.source)) {
    return OfHeader(*header, head, cookies.arena());
  }
  if (const auto* cookie = std::get_if<HashPolicy::Cookie>(&policy.source)) {
    return OfCookie(*cookie, head, requester, cookies);
  }
  if (const auto* parameter = std::get_if<HashPolicy::QueryParameter>(&policy.source)) {
    const std::optional<std::string_view> value = http::FindQueryParameter(head.path, parameter->name);
    return value ? std::optional(base::XxHash64(*value)) : std::nullopt;
  }
  if (const auto* state = std::get_if<HashPolicy::FilterState>(&policy.source)) {
    const metadata::FilterState::Object* const object =
        requester.notes == nullptr ? nullptr : requester.notes->filter_state.Find(state->name);
    return object == nullptr ? std::nullopt : std::optional(base::XxHash64(object->text));
  }
  return requester.ip.empty() ? std::nullopt : std::optional(base::XxHash64(requester.ip));
}

}  // namespace

std::optional<uint64_t> HashOf(const std::vector<HashPolicy>& policies, const http::RequestHead& head,
                               const HashRequester& requester, http::HeaderMap& cookies) {
  std::optional<uint64_t> hash;
  for (const HashPolicy& policy : policies) {
    // Turned, so that two equal ones don't cancel each other.
    if (const auto next = Of(policy, head, requester, cookies)) hash = std::rotl(hash.value_or(0), 1) ^ *next;
    if (policy.terminal && hash) break;
  }
  return hash;
}

bool MakesCookies(const std::vector<HashPolicy>& policies) {
  return std::any_of(policies.begin(), policies.end(), [](const HashPolicy& policy) {
    const auto* cookie = std::get_if<HashPolicy::Cookie>(&policy.source);
    return cookie != nullptr && cookie->ttl.has_value();
  });
}

}  // namespace pillion::proxy
