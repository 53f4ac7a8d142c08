#pragma once

// Listener filters as configured: what looks at a connection before its filter chain is chosen.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "source/config/filter_config.h"
#include "source/net/proxy_tlvs.h"

namespace pillion::config {

struct TlsInspector {
  bool close_on_error = false;  // false: what only looks like a ClientHello is taken as plain bytes
  uint32_t initial_buffer = 4000;
  uint32_t max_client_hello = 16384;  // bytes
  bool ja3 = false;                   // the client's fingerprints are wanted
  bool ja4 = false;
};

struct HttpInspector {};

struct OriginalDst {};

// Connections to hosts come from the client's address.
struct OriginalSrc {
  uint32_t mark = 0;  // SO_MARK of them; 0: none
};

struct ProxyProtocol {
  // A TLV whose value is noted.
  struct Rule {
    uint8_t type;
    std::string space;
    std::string key;
  };

  bool required = true;
  bool version1 = true;  // is accepted
  bool version2 = true;
  std::string stat_prefix;
  std::vector<Rule> rules;
  net::TlvTypes passes;  // TLVs that are kept for hosts
};

// Which destination ports are meant.
struct PortPredicate {
  enum class Kind : uint8_t { kAny, kRange, kNot, kAnd, kOr };

  Kind kind = Kind::kAny;
  int32_t start = 0;  // kRange: from start to below end
  int32_t end = 0;
  std::vector<PortPredicate> parts;  // one of kNot

  bool Matches(uint16_t port) const;
};

struct ListenerFilter {
  std::string name;
  std::variant<TlsInspector, HttpInspector, OriginalDst, OriginalSrc, ProxyProtocol, MissingFilter> filter;
  std::optional<PortPredicate> disabled;
  std::shared_ptr<const FilterSource> source = nullptr;  // of `filter`; null: it stands in the listener
  uint64_t came = 0;  // a digest of what has come for it; 0: nothing has
};

}  // namespace pillion::config
