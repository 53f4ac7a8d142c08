#include "source/xds/refused.h"

#include <algorithm>
#include <utility>

#include "source/base/escape.h"
#include "source/xds/subscription_stats.h"

namespace pillion::xds {

void Refused::Set(const std::string& name, std::string_view details, std::string_view version, base::WallTime time,
                  std::shared_ptr<const google::protobuf::Any> body) {
  Erase(name);
  if (name.size() > kMostDetails) return;
  if (entries_.size() == kMost) {
    Erase(std::string(std::ranges::min_element(entries_, {}, [](const auto& entry) { return entry.second.turn; })->first));
  }
  const size_t bytes = body == nullptr ? 0 : body->value().size();
  if (bytes > kMostBodies - bodies_) {
    body = nullptr;
  } else {
    bodies_ += bytes;
  }
  entries_.emplace(name, Entry{.details = std::string(base::CutUtf8(details, kMostDetails)),
                               .version = std::string(base::CutUtf8(version, kMostText)),
                               .time = time,
                               .body = std::move(body),
                               .turn = ++turn_});
}

void Refused::Erase(std::string_view name) {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return;
  if (found->second.body != nullptr) bodies_ -= found->second.body->value().size();
  entries_.erase(found);
}

void Refused::Keep(const std::function<bool(const std::string& name)>& which) {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const std::string& name = (entry++)->first;
    if (!which(name)) Erase(name);
  }
}

void Refused::Clear() {
  entries_.clear();
  bodies_ = 0;
}

}  // namespace pillion::xds
