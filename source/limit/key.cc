#include "source/limit/key.h"

#include <cstring>

namespace pillion::limit {

Key KeyOf(const Secret& secret, std::span<const std::string_view> dimensions) {
  base::SipHash hash(secret);
  for (std::string_view rest : dimensions) {
    hash.Add(rest.size());
    uint64_t word;
    for (; rest.size() >= sizeof word; rest.remove_prefix(sizeof word)) {
      std::memcpy(&word, rest.data(), sizeof word);
      hash.Add(word);
    }
    if (rest.empty()) continue;
    word = 0;  // the length says how much of the last word is the text's
    std::memcpy(&word, rest.data(), rest.size());
    hash.Add(word);
  }
  return hash.Finish();
}

}  // namespace pillion::limit
