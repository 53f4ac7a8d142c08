#include "source/http/spelling.h"

#include <algorithm>

#include "source/http/syntax.h"

namespace pillion::http {

void Spelling::Add(HeaderId id, std::string_view name) {
  if (size_ == capacity_) {
    capacity_ = std::max<uint32_t>(16, 2 * capacity_);
    Name* const names = arena_->NewArray<Name>(capacity_);
    std::copy_n(names_, size_, names);
    names_ = names;
  }
  names_[size_++] = {name.data(), static_cast<uint32_t>(name.size()), id};
}

std::string_view Spelling::Reader::Of(HeaderId id, std::string_view name) {
  for (uint32_t asked = 0; asked < spelling_.size_; ++asked) {
    if (next_ >= spelling_.size_) next_ = 0;
    const Name& candidate = spelling_.names_[next_++];
    if (candidate.id != id) continue;
    if (id != HeaderId::kUnknown || EqualsIgnoreCase({candidate.data, candidate.size}, name)) {
      return {candidate.data, candidate.size};
    }
  }
  return {};
}

}  // namespace pillion::http
