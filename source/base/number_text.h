#pragma once

// A whole number in decimal digits, as fields of heads and notes have it; in an arena.

#include <charconv>
#include <concepts>
#include <string_view>

#include "source/base/arena.h"

namespace pillion::base {

template <std::integral Number>
std::string_view NumberText(Number number, Arena& arena) {
  char text[20];  // the least of 64 bits has a sign and 19 digits, the most 20
  const char* const end = std::to_chars(text, text + sizeof text, number).ptr;
  return arena.Copy({text, static_cast<size_t>(end - text)});
}

}  // namespace pillion::base
