#include "source/guard/changes.h"

#include <algorithm>
#include <utility>

namespace pillion::guard {
namespace {

std::optional<xds::Holdings::Held> Copy(const xds::Holdings::Held* held) {
  return held == nullptr ? std::nullopt : std::optional(*held);
}

bool Same(const std::optional<xds::Holdings::Held>& a, const std::optional<xds::Holdings::Held>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  return a->body->value() == b->body->value();
}

}  // namespace

bool IsByName(xds::Kind kind) {
  return kind == xds::Kind::kEndpoints || kind == xds::Kind::kRoutes || kind == xds::Kind::kExtensions;
}

void Changes::Add(const xds::ResourceId& id, const xds::Holdings::Held* before, const xds::Holdings::Held* now, bool wanted,
                  base::MonotonicTime time) {
  const Key key(id.kind, id.name, &id.source);
  const auto found = changes_.find(key);
  if (found == changes_.end()) {
    if (before == nullptr && IsByName(id.kind)) return;
    Change change{.source = &id.source,
                  .kind = id.kind,
                  .name = id.name,
                  .before = Copy(before),
                  .now = Copy(now),
                  .wanted = wanted,
                  .first = time,
                  .last = time};
    if (!Same(change.before, change.now)) changes_.emplace(key, std::move(change));
    return;
  }
  Change& change = found->second;
  std::optional<xds::Holdings::Held> next = Copy(now);
  if (Same(change.before, next)) {
    changes_.erase(found);
    return;
  }
  const bool another = !Same(change.now, next);
  change.now = std::move(next);
  if (!another) return;
  if (wanted && !change.wanted) change.first = time;
  change.wanted = wanted;
  change.last = time;
}

size_t Changes::Settle(base::MonotonicTime now, base::Duration window) {
  size_t settled = 0;
  for (auto entry = changes_.begin(); entry != changes_.end();) {
    const Change& change = entry->second;
    if (now - change.last < window && now - change.first < kMostWindows * window) {
      ++entry;
      continue;
    }
    settled += change.wanted;
    entry = changes_.erase(entry);
  }
  return settled;
}

std::vector<Changes::Change> Changes::Take() {
  std::vector<Change> taken;
  for (auto& [key, change] : changes_) taken.push_back(std::move(change));
  changes_.clear();
  return taken;
}

size_t Changes::watched() const {
  return static_cast<size_t>(std::ranges::count_if(changes_, [](const auto& entry) { return entry.second.wanted; }));
}

base::MonotonicTime Changes::first() const {
  const std::vector<const Change*> watched = all();
  return (*std::ranges::min_element(watched, {}, &Change::first))->first;
}

base::MonotonicTime Changes::last() const {
  const std::vector<const Change*> watched = all();
  return (*std::ranges::max_element(watched, {}, &Change::last))->last;
}

std::vector<const Changes::Change*> Changes::all() const {
  std::vector<const Change*> watched;
  for (const auto& [key, change] : changes_) {
    if (change.wanted) watched.push_back(&change);
  }
  return watched;
}

}  // namespace pillion::guard
