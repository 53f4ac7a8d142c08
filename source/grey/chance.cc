#include "source/grey/chance.h"

#include "source/base/xxhash64.h"
#include "source/expression/evaluator.h"

namespace pillion::grey {

uint64_t SeedOf(std::string_view text) { return base::XxHash64(text); }

// The upper bits of the product: no part of a million is favoured by more than 1e6 / 2^64.
uint32_t PointOf(std::string_view key, uint64_t seed) {
  return static_cast<uint32_t>((static_cast<unsigned __int128>(base::XxHash64(key, seed)) * kMillion) >> 64);
}

uint32_t Sticky::PointOf(const Request& request) const {
  if (key != nullptr) {
    using expression::Evaluate;
    const expression::Value value =
        expression::AsText(Evaluate(*key, request.attributes, request.arena), request.arena);
    if (!value.is_error()) return grey::PointOf(value.text(), seed);
  }
  return static_cast<uint32_t>(request.random.Below(kMillion));
}

}  // namespace pillion::grey
