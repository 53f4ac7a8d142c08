#pragma once

// What engines have found out from a connection alone, kept for its next requests. Beside the connection's facts, for which
// alone it is good; on its worker. An engine looks only at its own, and is as right without any.

#include <array>
#include <cstddef>
#include <cstdint>

namespace pillion::access {

class Findings {
 public:
  static constexpr size_t kMostEngines = 4;  // whose findings are kept at once: a filter of requests has two
  static constexpr uint32_t kMostRules = 6;  // each, that may fit; for others it asks as if nothing had been found

  struct OfEngine {
    uint64_t engine = 0;  // which; 0: none
    // Rules below it are among these, or never fit the connection.
    uint32_t next = 0;
    uint32_t size = 0;
    std::array<uint32_t, kMostRules> rules;  // the engine's own way to write what is left to be asked
  };

  // Takes the place of another engine's, if need be.
  OfEngine& Of(uint64_t engine) {
    OfEngine& found = of_[engine % kMostEngines];
    if (found.engine != engine) [[unlikely]] found = {.engine = engine, .rules = {}};
    return found;
  }

 private:
  std::array<OfEngine, kMostEngines> of_{};
};

}  // namespace pillion::access
