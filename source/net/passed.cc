#include "source/net/passed.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>

namespace pillion::net {
namespace {

enum Flag : char { kReadOnly = 1, kTransitive = 2 };

void AppendText(std::string& to, std::string_view text) {
  const auto size = static_cast<uint32_t>(text.size());
  std::array<char, sizeof size> bytes;
  std::memcpy(bytes.data(), &size, sizeof size);
  to.append(bytes.data(), bytes.size());
  to.append(text);
}

std::optional<std::string_view> TakeText(std::string_view& from) {
  uint32_t size;
  if (from.size() < sizeof size) return std::nullopt;
  std::memcpy(&size, from.data(), sizeof size);
  from.remove_prefix(sizeof size);
  if (from.size() < size) return std::nullopt;
  const std::string_view text = from.substr(0, size);
  from.remove_prefix(size);
  return text;
}

}  // namespace

const Passed::Object* Passed::Find(std::string_view name) const {
  const auto found = std::ranges::find(objects, name, &Object::name);
  return found == objects.end() ? nullptr : &*found;
}

void AppendObject(std::string& to, const Passed::Object& object) {
  to += static_cast<char>((object.read_only ? kReadOnly : 0) | (object.transitive ? kTransitive : 0));
  AppendText(to, object.name);
  AppendText(to, object.text);
  AppendText(to, object.json);
}

std::vector<Passed::Object> ReadObjects(std::string_view text) {
  std::vector<Passed::Object> objects;
  while (!text.empty()) {
    const char flags = text.front();
    text.remove_prefix(1);
    const std::optional<std::string_view> name = TakeText(text);
    const std::optional<std::string_view> value = TakeText(text);
    const std::optional<std::string_view> json = TakeText(text);
    if (!name || !value || !json) break;
    objects.push_back({.name = std::string(*name),
                       .text = std::string(*value),
                       .json = std::string(*json),
                       .read_only = (flags & kReadOnly) != 0,
                       .transitive = (flags & kTransitive) != 0});
  }
  return objects;
}

}  // namespace pillion::net
