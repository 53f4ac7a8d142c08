#pragma once

// Route tables that are chosen by scope: a request has a key, made of its fields, and goes by the table of the scope that
// has the same.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "source/config/config_source.h"
#include "source/http/field_name.h"

namespace pillion::config {

struct RouteConfig;

// A fragment of a key: a part of the first field of that name.
struct ScopeKeyFragment {
  // Of an element, which is a key, the separator and the value; without a separator the value is empty.
  struct Pair {
    std::string separator;  // never empty
    std::string key;
  };

  http::FieldName field;
  std::string element_separator;    // empty: the whole is the one element
  std::variant<uint32_t, Pair> of;  // the element of that number; the value of the first element with that key
};

using ScopeKeyBuilder = std::vector<ScopeKeyFragment>;  // at least one

struct Scope {
  std::string name;
  std::vector<std::string> key;              // at least one fragment
  std::shared_ptr<const RouteConfig> table;  // its own; null: that of table_name
  std::string table_name;
};

struct ScopedRoutes {
  std::string name;  // in statistics
  ScopeKeyBuilder key;
  // One of the two: all that there are, each with a key and a table of its own, or where they come from.
  std::vector<std::shared_ptr<const Scope>> scopes;
  std::optional<Feed> source;
  std::optional<Feed> tables;  // has the tables that scopes name; none: they name none
};

}  // namespace pillion::config
