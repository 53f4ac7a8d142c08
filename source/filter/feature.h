#pragma once

// What trusted peers may turn off for one request (filters/toggles/).

#include <cstdint>

namespace pillion::filter {

enum class Feature : uint8_t { kContext, kGrey, kLimit, kConcurrency, kDegradation, kFault, kMirror };
inline constexpr int kFeatures = 7;

class FeatureSet {
 public:
  void Add(Feature feature) { bits_ |= Bit(feature); }
  bool Has(Feature feature) const { return (bits_ & Bit(feature)) != 0; }
  bool empty() const { return bits_ == 0; }

 private:
  static uint8_t Bit(Feature feature) { return static_cast<uint8_t>(1u << static_cast<unsigned>(feature)); }

  uint8_t bits_ = 0;
};

}  // namespace pillion::filter
