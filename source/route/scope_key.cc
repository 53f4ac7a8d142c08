#include "source/route/scope_key.h"

#include <algorithm>

#include "source/base/xxhash64.h"

namespace pillion::route {
namespace {

// Calls visit(element) for each part of `text` between separators, until it is true; true then.
template <typename Visit>
bool AnyElement(std::string_view text, std::string_view separator, const Visit& visit) {
  if (separator.empty()) return visit(text);
  for (;;) {
    const size_t end = text.find(separator);
    if (visit(text.substr(0, end))) return true;
    if (end == text.npos) return false;
    text.remove_prefix(end + separator.size());
  }
}

std::optional<std::string_view> ReadFragment(const config::ScopeKeyFragment& fragment, const http::RequestHead& head) {
  const std::optional<std::string_view> value = fragment.field.First(head);
  if (!value) return std::nullopt;
  std::optional<std::string_view> found;
  if (const auto* const pair = std::get_if<config::ScopeKeyFragment::Pair>(&fragment.of)) {
    AnyElement(*value, fragment.element_separator, [&](std::string_view element) {
      const size_t end = element.find(pair->separator);
      if (element.substr(0, end) != pair->key) return false;
      found = end == element.npos ? std::string_view() : element.substr(end + pair->separator.size());
      return true;
    });
    return found;
  }
  uint32_t left = std::get<uint32_t>(fragment.of);
  AnyElement(*value, fragment.element_separator, [&](std::string_view element) {
    if (left-- > 0) return false;
    found = element;
    return true;
  });
  return found;
}

template <typename Key>
size_t HashOf(const Key& key) {
  uint64_t hash = key.size();
  for (const std::string_view fragment : key) hash = base::XxHash64(fragment, hash);
  return hash;
}

}  // namespace

bool ReadScopeKey(const config::ScopeKeyBuilder& builder, const http::RequestHead& head, ScopeKey& key) {
  for (const config::ScopeKeyFragment& fragment : builder) {
    const std::optional<std::string_view> read = ReadFragment(fragment, head);
    if (!read) return false;
    key.push_back(*read);
  }
  return true;
}

size_t ScopeIndex::Hash::operator()(const std::vector<std::string>& key) const { return HashOf(key); }
size_t ScopeIndex::Hash::operator()(const ScopeKey& key) const { return HashOf(key); }

bool ScopeIndex::Equal::operator()(const std::vector<std::string>& a, const ScopeKey& b) const {
  return std::ranges::equal(a, b);
}

ScopeIndex::ScopeIndex(const std::vector<std::vector<std::string>>& keys) {
  numbers_.reserve(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) numbers_.emplace(keys[i], static_cast<uint32_t>(i));
}

std::optional<uint32_t> ScopeIndex::Find(const ScopeKey& key) const {
  const auto found = numbers_.find(key);
  return found == numbers_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace pillion::route
