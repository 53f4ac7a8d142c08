#include "source/proxy/named_hosts.h"

#include <algorithm>

#include "source/http/syntax.h"

namespace pillion::proxy {

std::string_view NamedHosts::Next(const config::HostOverride& named) {
  if (!left_.known) {
    left_.known = true;
    base::ArenaText all;
    for (const config::HostOverride::Source& source : named.sources) {
      all.Append(arena_, Find(source));
      all.Append(arena_, ",");
    }
    left_.text = all.view();
  }
  while (!left_.text.empty()) {
    const size_t end = std::min(left_.text.find(','), left_.text.size());
    const std::string_view name = http::TrimBlanks(left_.text.substr(0, end));
    left_.text.remove_prefix(std::min(end + 1, left_.text.size()));
    if (name.empty()) continue;
    if (left_.given < kMost) {
      ++left_.given;
      return name;
    }
    left_.overflow = true;
    left_.text = {};
  }
  return {};
}

std::string_view NamedHosts::Find(const config::HostOverride::Source& source) const {
  if (const auto* name = std::get_if<http::FieldName>(&source)) {
    return head_ == nullptr ? std::string_view() : name->First(*head_).value_or("");
  }
  if (notes_ == nullptr) return {};
  const auto& path = std::get<config::MetadataPath>(source);
  const metadata::Value* const value = notes_->metadata.Find(path.name_space, path.keys);
  return value != nullptr && value->kind == metadata::Value::Kind::kText ? value->text : std::string_view();
}

}  // namespace pillion::proxy
