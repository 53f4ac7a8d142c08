#pragma once

// W3C Baggage: a list of key=value;properties, its values percent-encoded.

#include <string_view>

#include "source/context/baggage.h"

namespace pillion::context {

// What is behind this is left out, by whole entries, when it is read as well as when it is written.
inline constexpr size_t kLongestBaggage = 8192;
inline constexpr size_t kMostBaggageMembers = 180;
inline constexpr size_t kLongestBaggageKey = 255;  // what vctx has room for

// Adds what the list has not. False when `text` is malformed; then the list is unspecified. Of an entry that the list has
// with the same bytes it is set where the value ends: only this form knows for certain.
[[nodiscard]] bool DecodeBaggage(std::string_view text, base::Arena& arena, Baggage& baggage, uint32_t& left_out);

// Keys that are no tokens cannot be written: they are left out, and nothing else for them. Empty when nothing is left.
std::string_view EncodeBaggage(const Baggage& baggage, base::Arena& arena, uint32_t& left_out);

// How many bytes of what other carriers have as an entry's text are its value: what is before the first ';', if W3C's
// properties are behind it; else all.
size_t ValueSize(std::string_view text);

}  // namespace pillion::context
