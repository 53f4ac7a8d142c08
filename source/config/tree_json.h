#pragma once

// JSON (RFC 8259) as a tree, in one pass: as YAML, which knows it too, the whole text would be split into tokens before the
// first value of it is known, in a hundred times its memory. Internal to config/.

#include <string_view>

#include "source/config/tree_builder.h"

namespace pillion::config {

// 0: `builder` has all of it, or says what is wrong with it. Else the line at which it turns out to be no JSON; it may be
// YAML.
int ReadJson(std::string_view text, TreeBuilder& builder);

}  // namespace pillion::config
