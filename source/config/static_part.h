#pragma once

// What a process is configured with, part by part: one of its static resources, or what there is beside them.

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace pillion::config {

struct StaticPart {
  enum class Kind : uint8_t {
    kCluster,
    kListener,
    kSecret,
    kBootstrap,  // all but static_resources; it has no name
    kOther,      // a resource that can't be configured by itself
  };

  Kind kind;
  std::string name;
  auto operator<=>(const StaticPart&) const = default;
};

// "cluster"
inline std::string_view KindName(StaticPart::Kind kind) {
  switch (kind) {
    case StaticPart::Kind::kCluster:
      return "cluster";
    case StaticPart::Kind::kListener:
      return "listener";
    case StaticPart::Kind::kSecret:
      return "secret";
    case StaticPart::Kind::kBootstrap:
      return "bootstrap";
    case StaticPart::Kind::kOther:
      return "resource";
  }
  return "";
}

}  // namespace pillion::config
