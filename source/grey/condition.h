#pragma once

// What a rule asks of a request. Immutable; any thread.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "source/grey/chance.h"
#include "source/grey/request.h"
#include "source/grey/schedule.h"
#include "source/http/header_names.h"
#include "source/match/string_matcher.h"

namespace pillion::grey {

// A text of the request: an attribute, or an entry of one that is a map.
struct Source {
  expression::Attribute attribute;
  std::string entry;  // of a map; names of fields in lower case
  http::HeaderId id = http::HeaderId::kUnknown;

  bool operator==(const Source&) const = default;
};

Source EntryOf(expression::Attribute map, std::string entry);

// Nothing: the request has none. The view lives as long as the request or its arena.
std::optional<std::string_view> Read(const Source& source, const Request& request);

struct Present {};
struct Exact {
  std::string text;
};
// A whole number, as it is mostly written: digits, and a minus before them. Both ends are included.
struct Range {
  int64_t from;
  int64_t to;
};
std::optional<int64_t> ParseNumber(std::string_view text);

struct TextTest {
  Source source;
  std::variant<Present, Exact, match::StringMatcher, Range> test;
};
// All of these bits are set.
struct Flags {
  uint16_t bits;
};
struct Part {
  uint32_t per_million;
  Sticky sticky;
};
using Expression = std::shared_ptr<const expression::Program>;  // gives a bool, or nothing that holds

struct Condition {
  std::variant<TextTest, Flags, Expression, Part, Schedule> what;
  bool invert = false;  // what can't be known does not hold all the same: an expression without a value
};

bool Holds(const Condition& condition, const Request& request);
// As a test has found it. `text`: nothing where the request has none.
bool Holds(const TextTest& test, std::optional<std::string_view> text);

}  // namespace pillion::grey
