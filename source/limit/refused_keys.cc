#include "source/limit/refused_keys.h"

namespace pillion::limit {

RefusedKeys::Place* RefusedKeys::Find(const Key& key) {
  for (Place& place : places_) {
    if (place.refused > 0 && place.key == key) return &place;
  }
  return nullptr;
}

bool RefusedKeys::NoteKnown(const Key& key, base::MonotonicTime now) {
  const std::lock_guard lock(lock_);
  Place* const place = Find(key);
  if (place == nullptr) return false;
  // One that comes again after a long time begins anew, but keeps its text.
  if (IsOld(*place, now)) place->refused = place->error = 0;
  ++place->refused;
  place->last = std::max(place->last, now);
  return true;
}

void RefusedKeys::NoteNew(const Key& key, base::MonotonicTime now, std::string_view text) {
  const std::lock_guard lock(lock_);
  // Meanwhile another worker may have given it one.
  Place* place = Find(key);
  if (place == nullptr) {
    const auto count = [now](const Place& each) { return IsOld(each, now) ? 0 : each.refused; };
    place = &*std::ranges::min_element(places_, {}, count);
    place->refused = place->error = count(*place);
    place->key = key;
    place->text_size = static_cast<uint8_t>(text.copy(place->text.data(), kMostText));
  }
  ++place->refused;
  place->last = now;
}

std::vector<RefusedKeys::Row> RefusedKeys::Read(base::MonotonicTime now) const {
  std::vector<Row> rows;
  rows.reserve(kPlaces);
  {
    const std::lock_guard lock(lock_);
    for (const Place& place : places_) {
      if (IsOld(place, now)) continue;
      rows.push_back({place.key, std::string(place.text.data(), place.text_size), place.refused, place.error, place.last});
    }
  }
  std::ranges::stable_sort(rows, std::greater(), &Row::refused);
  return rows;
}

}  // namespace pillion::limit
