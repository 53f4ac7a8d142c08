#include "source/grey/condition.h"

#include <charconv>

#include "source/expression/evaluator.h"
#include "source/http/syntax.h"

namespace pillion::grey {

using expression::Attribute;
using expression::Value;

Source EntryOf(Attribute map, std::string entry) {
  if (map != Attribute::kRequestHeaders) return {.attribute = map, .entry = std::move(entry)};
  http::CopyLowerCase(std::string(entry), entry.data());
  const http::HeaderId id = http::FindHeaderId(entry);
  return {.attribute = map, .entry = std::move(entry), .id = id};
}

std::optional<std::string_view> Read(const Source& source, const Request& request) {
  const Value value =
      source.entry.empty()
          ? request.attributes.Get(source.attribute, request.arena)
          : request.attributes.Find(source.attribute,
                                    {.text = source.entry,
                                     .id = source.id,
                                     .is_field_name = source.attribute == Attribute::kRequestHeaders},
                                    request.arena);
  if (!value.Is(expression::Kind::kString)) return std::nullopt;
  return value.text();
}

std::optional<int64_t> ParseNumber(std::string_view text) {
  int64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

bool Holds(const TextTest& test, std::optional<std::string_view> text) {
  if (!text) return false;
  if (const auto* exact = std::get_if<Exact>(&test.test)) return *text == exact->text;
  if (const auto* matcher = std::get_if<match::StringMatcher>(&test.test)) return matcher->Matches(*text);
  const auto* range = std::get_if<Range>(&test.test);
  if (range == nullptr) return true;  // it is there
  const std::optional<int64_t> number = ParseNumber(*text);
  return number && *number >= range->from && *number <= range->to;
}

namespace {

struct Test {
  const Request& request;
  bool invert;

  bool operator()(const TextTest& test) const { return Holds(test, Read(test.source, request)) != invert; }
  bool operator()(const Flags& flags) const {
    const Value value = request.attributes.Get(Attribute::kContextFlags, request.arena);
    const bool all = value.Is(expression::Kind::kInt) && (value.int_value() & flags.bits) == flags.bits;
    return all != invert;
  }
  bool operator()(const Expression& program) const {
    const Value value = expression::Evaluate(*program, request.attributes, request.arena);
    return invert ? value.is_false() : value.is_true();
  }
  bool operator()(const Part& part) const { return (part.sticky.PointOf(request) < part.per_million) != invert; }
  bool operator()(const Schedule& schedule) const { return schedule.Holds(request.now) != invert; }
};

}  // namespace

bool Holds(const Condition& condition, const Request& request) {
  return std::visit(Test{request, condition.invert}, condition.what);
}

}  // namespace pillion::grey
